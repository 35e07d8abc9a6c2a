"""The directory that most tests start from, written as `zekt setup apply` would."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from zekt_backend.flows.apply_setup import Identity, apply_setup
from zekt_backend.rules.setup import SetupFile
from zekt_backend.store.database import Database
from zekt_testing.broker import ORDER


def directory(**subscription: Any) -> dict[str, Any]:
    """shop-team publishes its orders; infra-team has subscribed."""
    return {
        "accounts": [
            {
                "login": "shop-team",
                "repositories": [
                    {
                        "name": "orders",
                        "id": 1001,
                        "installation-id": 51,
                        "workflows": [
                            {
                                "path": ORDER,
                                "service": {
                                    "slug": "infrastructure-orders",
                                    "alias": "Orders",
                                    "event-type": "order-finished",
                                },
                            }
                        ],
                    }
                ],
            },
            {
                "login": "infra-team",
                "repositories": [{"name": "platform", "id": 2002, "installation-id": 52, "completion-tracking": True}],
            },
        ],
        "subscriptions": [
            {
                "service": "infrastructure-orders",
                "consumer": "infra-team/platform",
                "status": "approved",
                "durable": True,
                **subscription,
            }
        ],
    }


def apply(url: str, wanted: dict[str, Any]) -> None:
    """Write a directory as `zekt setup apply` would, with every id given."""

    def unknown(full_name: str) -> Identity:
        raise AssertionError(f"{full_name} has no id")

    async def main() -> None:
        db = await Database(url, size=2).open()
        try:
            await apply_setup(
                SetupFile.model_validate(wanted), actor="operator", now=datetime.now(UTC), db=db, identify=unknown
            )
        finally:
            await db.close()

    # In a thread of its own: this one's loop may be a browser's.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(main())).result()
