"""Who calls the management API, and what that caller may do."""

from fastapi import Request

from zekt_backend.api.tokens import require_admin
from zekt_backend.broker import Broker
from zekt_backend.rules.access import Principal


async def principal_of(request: Request, broker: Broker) -> Principal:
    """Whoever holds ZEKT_ADMIN_TOKEN is the operator, and may do everything.

    Raises:
        ZektError: `management_off` or `admin_token_refused`.
    """
    require_admin(request, broker)
    return Principal("operator", operator=True)
