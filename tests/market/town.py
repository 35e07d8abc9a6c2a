"""Three accounts that meet on the market."""

from typing import Any

from zekt_testing import setup
from zekt_testing.broker import ORDER

SERVICE = "/api/services/infrastructure-orders"


def three() -> dict[str, Any]:
    """shop-team provides, infra-team consumes, and rival-team, who does both, is curious."""
    wanted = setup.directory()
    rival = {"name": "tools", "id": 3003, "installation-id": 53, "consumer": True, "workflows": [{"path": ORDER}]}
    wanted["accounts"].append({"login": "rival-team", "persona": "both", "repositories": [rival]})
    return wanted
