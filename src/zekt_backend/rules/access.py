"""Who may do what to an account: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from zekt_backend.errors import ZektError


class Right(StrEnum):
    """What somebody may do to an account; each includes those before it."""

    READ = "read"
    MANAGE = "manage"
    OWN = "own"


_ORDER = tuple(Right)


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever calls the management API: the operator, a person, or an account's API token.

    Args:
        actor: for the audit trail: `operator`, `person:LOGIN`, `token:NAME`.
        rights: account id → the most that may be done to it.
        operator: may do everything everywhere.
    """

    actor: str
    rights: Mapping[int, Right] = field(default_factory=dict)
    operator: bool = False

    def may(self, account_id: int | None, right: Right) -> bool:
        if self.operator:
            return True
        held = self.rights.get(account_id) if account_id is not None else None
        return held is not None and _ORDER.index(held) >= _ORDER.index(right)

    def require(self, account_id: int | None, right: Right) -> None:
        """Let pass, or refuse without telling not-yours from not-there.

        Raises:
            ZektError: `not_yours`.
        """
        if not self.may(account_id, right):
            raise ZektError("not_yours", "There is no such thing here, or it is not yours to see or change.")
