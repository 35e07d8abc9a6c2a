"""Who there is: one seller with a service for each fan-out, and buyers in organisations of their own."""

from typing import Any

from zekt_sandbox.repositories import Repository
from zekt_sandbox.server import SandboxServer

WORKFLOW = ".github/workflows/order.yml"
DURABLE = "durable"


def seller(kind: int | str) -> str:
    """The provider's repository whose runs go to so many consumers, or to one durably (`DURABLE`)."""
    return f"bench-seller/to-{kind}"


def buyer(number: int) -> str:
    return f"bench-buyer-{number}/platform"


def populate(github: SandboxServer, fan_outs: tuple[int, ...]) -> dict[str, Any]:
    """Make what repositories are missing, and the setup file that subscribes consumers 0 … n-1 to each fan-out of n."""
    kinds: list[int | str] = [*fan_outs, DURABLE]
    sellers = {kind: _repository(github, seller(kind)) for kind in kinds}
    buyers = [_repository(github, buyer(number)) for number in range(max(fan_outs))]
    return {
        "accounts": [
            {"login": "bench-seller", "repositories": [_provider(kind, repo) for kind, repo in sellers.items()]},
            *({"login": repo.owner, "repositories": [_ids(repo)]} for repo in buyers),
        ],
        "subscriptions": [
            {
                "service": f"to-{kind}",
                "consumer": repo.full_name,
                "status": "approved",
                "durable": kind == DURABLE,
            }
            for kind in kinds
            for repo in buyers[: kind if isinstance(kind, int) else 1]
        ],
    }


def _repository(github: SandboxServer, full_name: str) -> Repository:
    return github.world.repositories.find(full_name) or github.add_repository(full_name)


def _provider(kind: int | str, repo: Repository) -> dict[str, Any]:
    service = {"slug": f"to-{kind}", "alias": f"To {kind}", "event-type": "order-finished"}
    return {**_ids(repo), "workflows": [{"path": WORKFLOW, "service": service}]}


def _ids(repo: Repository) -> dict[str, Any]:
    return {"name": repo.name, "id": repo.id, "installation-id": repo.installation_id}
