"""Who there is: ten providers, twenty consumers in five installations, and who has subscribed to what."""

from dataclasses import dataclass
from typing import Any

from zekt_sandbox.server import SandboxServer

WORKFLOW = ".github/workflows/order.yml"
CONFIRM_SECONDS = 20
COMPLETE_SECONDS = 30
"""How long a durable delivery waits for its consumer here; the shipped half hour and six hours outlast any test."""

_PROVIDERS = 10
_CONSUMERS = 20
_INSTALLATIONS = 5


@dataclass(frozen=True, slots=True)
class Subscription:
    consumer: str
    durable: bool
    conclusions: tuple[str, ...] | None

    def wants(self, conclusion: str) -> bool:
        return self.conclusions is None or conclusion in self.conclusions


@dataclass(frozen=True, slots=True)
class Provider:
    number: int
    metadata_only: bool
    subscriptions: tuple[Subscription, ...]

    @property
    def login(self) -> str:
        return f"seller-{self.number}"

    @property
    def repository(self) -> str:
        return f"{self.login}/orders"

    @property
    def slug(self) -> str:
        return f"orders-{self.number}"


def _subscription(number: int) -> Subscription:
    """Consumers n and n + 10 share a provider: one of them is durable, the other fire-and-forget."""
    return Subscription(
        consumer=f"buyer-{number % _INSTALLATIONS}/platform-{number}",
        durable=number % 2 == number // _PROVIDERS,
        conclusions=("success",) if number % 7 == 3 else None,
    )


PROVIDERS = tuple(
    Provider(
        number=number,
        metadata_only=number == _PROVIDERS - 1,
        subscriptions=tuple(_subscription(consumer) for consumer in range(number, _CONSUMERS, _PROVIDERS)),
    )
    for number in range(_PROVIDERS)
)
SUBSCRIPTIONS = tuple(subscription for provider in PROVIDERS for subscription in provider.subscriptions)
DURABLE = {subscription.consumer: subscription.durable for subscription in SUBSCRIPTIONS}


def populate(github: SandboxServer) -> None:
    """Make the repositories; those of one owner share an installation."""
    for provider in PROVIDERS:
        github.add_repository(provider.repository)
    for subscription in SUBSCRIPTIONS:
        github.add_repository(subscription.consumer)


def directory(github: SandboxServer) -> dict[str, Any]:
    """The setup file that says all this."""
    return {
        "accounts": [*(_seller(github, provider) for provider in PROVIDERS), *_buyers(github)],
        "subscriptions": [
            {
                "service": provider.slug,
                "consumer": subscription.consumer,
                "status": "approved",
                "durable": subscription.durable,
                "confirm-timeout": CONFIRM_SECONDS,
                "complete-timeout": COMPLETE_SECONDS,
                **({"conclusions": list(subscription.conclusions)} if subscription.conclusions else {}),
            }
            for provider in PROVIDERS
            for subscription in provider.subscriptions
        ],
    }


def _seller(github: SandboxServer, provider: Provider) -> dict[str, Any]:
    service = {
        "slug": provider.slug,
        "alias": f"Orders of {provider.login}",
        "event-type": "order-finished",
        "metadata-only": provider.metadata_only,
    }
    workflows = [{"path": WORKFLOW, "service": service}]
    return {"login": provider.login, "repositories": [_ids(github, provider.repository) | {"workflows": workflows}]}


def _buyers(github: SandboxServer) -> list[dict[str, Any]]:
    owned: dict[str, list[dict[str, Any]]] = {}
    for subscription in SUBSCRIPTIONS:
        entry = _ids(github, subscription.consumer) | {"completion-tracking": True}
        owned.setdefault(subscription.consumer.partition("/")[0], []).append(entry)
    return [{"login": login, "repositories": repositories} for login, repositories in sorted(owned.items())]


def _ids(github: SandboxServer, full_name: str) -> dict[str, Any]:
    repository = github.world.repositories.get(full_name)
    return {"name": repository.name, "id": repository.id, "installation-id": repository.installation_id}
