"""Who is there: one provider with two workflows, and three subscriptions to them."""

from typing import Any

from model.nouns import Subscriber

PROVIDER, PROVIDER_ID = "shop-team/orders", 1001
ORDERS, AUDIT = ".github/workflows/order.yml", ".github/workflows/audit.yml"
REPOSITORIES = {PROVIDER: (PROVIDER_ID, 51), "infra-team/platform": (2002, 52), "data-team/reports": (3003, 53)}
SLUGS = {ORDERS: "orders", AUDIT: "audit"}


def subscribers() -> dict[str, Subscriber]:
    """In the order of their ids, which is the order in which they are served."""
    platform, reports = "infra-team/platform", "data-team/reports"
    return {
        "platform": Subscriber(platform, ORDERS, 52, durable=True, only=None, metadata_only=False, dispatches=2),
        "reports": Subscriber(reports, ORDERS, 53, durable=False, only="success", metadata_only=False, dispatches=1),
        "auditors": Subscriber(platform, AUDIT, 52, durable=True, only=None, metadata_only=True, dispatches=3),
    }


def setup(approved: dict[str, bool]) -> dict[str, Any]:
    """The same as a setup file; who is not named is approved."""
    return {
        "accounts": [
            {"login": name.split("/")[0], "repositories": [_repository(name, *ids)]}
            for name, ids in REPOSITORIES.items()
        ],
        "subscriptions": [
            {
                "service": SLUGS[s.workflow],
                "consumer": s.repository,
                "status": "approved" if approved.get(name, True) else "revoked",
                "durable": s.durable,
                "max-dispatches": s.dispatches,
                **({"conclusions": [s.only]} if s.only else {}),
            }
            for name, s in subscribers().items()
        ],
    }


def _repository(name: str, number: int, installation: int) -> dict[str, Any]:
    publishes = [
        {"path": path, "service": {"slug": slug, "event-type": slug, "metadata-only": path == AUDIT}}
        for path, slug in SLUGS.items()
    ]
    return {
        "name": name.split("/")[1],
        "id": number,
        "installation-id": installation,
        "completion-tracking": True,
        "workflows": publishes if name == PROVIDER else [],
    }
