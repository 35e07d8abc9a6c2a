"""Who gets what, and why: one pure function whose reasons are kept beside the event."""

from dataclasses import dataclass
from datetime import timedelta

from zekt_backend.rules.records import RunEvent


@dataclass(frozen=True, slots=True)
class Service:
    id: int
    slug: str
    alias: str
    event_type: str
    metadata_only: bool
    hide_provider: bool


@dataclass(frozen=True, slots=True)
class Subscription:
    """A consumer repository's standing with a service; times and counts are None where the default holds."""

    id: int
    service: Service
    status: str
    consumer_id: int
    consumer: str
    consumer_enabled: bool
    installation_id: int | None
    durable: bool
    conclusions: tuple[str, ...] | None
    confirm_timeout: timedelta | None
    complete_timeout: timedelta | None
    max_dispatches: int | None


@dataclass(frozen=True, slots=True)
class Provider:
    """What we know of the workflow that ran."""

    repository_known: bool
    repository_enabled: bool
    workflow_path: str | None
    whitelisted: bool
    services: tuple[Service, ...]
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One question, its answer, and a sentence for the person who asks why nothing arrived."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    subscription: Subscription
    rules: tuple[Rule, ...]

    @property
    def passed(self) -> bool:
        return all(rule.passed for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Decision:
    rules: tuple[Rule, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def recipients(self) -> tuple[Subscription, ...]:
        """Nobody, when the provider's side blocks it; else whoever's own rules all pass."""
        if not all(rule.passed for rule in self.rules):
            return ()
        return tuple(verdict.subscription for verdict in self.verdicts if verdict.passed)

    @property
    def outcome(self) -> str:
        return "delivered" if self.recipients else "blocked"

    def why_not(self, subscription_id: int) -> str:
        """The sentences that stand between this subscription and a delivery; empty when none does."""
        own = [rule for v in self.verdicts if v.subscription.id == subscription_id for rule in v.rules]
        return " ".join(rule.detail for rule in [*self.rules, *own] if not rule.passed)

    @property
    def against(self) -> tuple[str, ...]:
        """The names of the rules that did not pass, the provider's first, each once."""
        rules = [*self.rules, *(rule for verdict in self.verdicts for rule in verdict.rules)]
        return tuple(dict.fromkeys(rule.name for rule in rules if not rule.passed))


def decide(event: RunEvent, provider: Provider) -> Decision:
    """Ask every rule, also after one has failed: the reader wants all reasons at once."""
    return Decision(
        rules=_provider_rules(event.repository, provider),
        verdicts=tuple(
            Verdict(subscription, _consumer_rules(event, subscription)) for subscription in provider.subscriptions
        ),
    )


def expect(provider: Provider) -> Decision:
    """Who would hear of a run that has not ended yet, as things stand: every rule but its conclusion."""
    return Decision(
        rules=_provider_rules("The repository", provider),
        verdicts=tuple(Verdict(s, (_approved(s), _reachable(s))) for s in provider.subscriptions),
    )


def _provider_rules(repository: str, provider: Provider) -> tuple[Rule, ...]:
    path = provider.workflow_path
    whitelisted = f"{path} is whitelisted." if provider.whitelisted else f"{path} is not whitelisted."
    return (
        Rule(
            "repository",
            provider.repository_known and provider.repository_enabled,
            _repository_detail(repository, provider),
        ),
        Rule(
            "whitelist",
            provider.whitelisted,
            whitelisted if path else "The event names no workflow file, and no message of this run does.",
        ),
        Rule(
            "service",
            bool(provider.services),
            f"Published as {', '.join(s.slug for s in provider.services)}."
            if provider.services
            else "No service is published from this workflow.",
        ),
        Rule(
            "subscriptions",
            bool(provider.subscriptions),
            f"{len(provider.subscriptions)} subscription(s)." if provider.subscriptions else "Nobody has subscribed.",
        ),
    )


def _repository_detail(repository: str, provider: Provider) -> str:
    if not provider.repository_known:
        return f"{repository} is not known here."
    return f"{repository} is enabled." if provider.repository_enabled else f"{repository} is switched off."


def _consumer_rules(event: RunEvent, subscription: Subscription) -> tuple[Rule, ...]:
    wanted = subscription.conclusions
    conclusion = Rule(
        "conclusion",
        wanted is None or event.conclusion in wanted,
        f"The run ended with {event.conclusion}; " + (f"wanted: {', '.join(wanted)}." if wanted else "all are wanted."),
    )
    return (_approved(subscription), conclusion, _reachable(subscription))


def _approved(subscription: Subscription) -> Rule:
    detail = f"The subscription of {subscription.consumer} is {subscription.status}."
    return Rule("approved", subscription.status == "approved", detail)


def _reachable(subscription: Subscription) -> Rule:
    if not subscription.consumer_enabled:
        return Rule("reachable", False, f"{subscription.consumer} is switched off.")
    if subscription.installation_id is None:
        detail = f"The app is not installed on {subscription.consumer}: install it there, with contents: write."
        return Rule("reachable", False, detail)
    return Rule("reachable", True, "The app is installed on the consumer.")
