"""Who gets what, and why: one pure function whose reasons are kept beside the event."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zekt_backend.rules import reach
from zekt_backend.rules.branches import matches
from zekt_backend.rules.correlation import Message, owed
from zekt_backend.rules.parties import Provider, Service, Subscription
from zekt_backend.rules.records import RunEvent

_GONE = "The message is not kept any more: it is older than payloads stay, or was dispatched to all who had subscribed."
_TOLD = 5
"""Of a filter's patterns or event types so many are named in a reason."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One question, its answer, and a sentence for the person who asks why nothing arrived."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A message for one subscription, or the bare end of the run (None), and the rules that are asked of each."""

    message: Message | None
    event_type: str
    rules: tuple[Rule, ...] = ()

    @property
    def passed(self) -> bool:
        return all(rule.passed for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Verdict:
    subscription: Subscription
    rules: tuple[Rule, ...]
    offers: tuple[Offer, ...]

    @property
    def taken(self) -> tuple[Offer, ...]:
        """What this subscription gets, as far as its own rules go; each is one delivery."""
        if not all(rule.passed for rule in self.rules):
            return ()
        return tuple(offer for offer in self.offers if offer.passed)


@dataclass(frozen=True, slots=True)
class Decision:
    rules: tuple[Rule, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def granted(self) -> tuple[tuple[Subscription, Offer], ...]:
        """Who gets what, in the messages' order: nothing when the provider's side blocks it."""
        if not all(rule.passed for rule in self.rules):
            return ()
        return tuple((verdict.subscription, offer) for verdict in self.verdicts for offer in verdict.taken)

    @property
    def recipients(self) -> tuple[Subscription, ...]:
        """Whoever gets anything."""
        return tuple(dict.fromkeys(subscription for subscription, _ in self.granted))

    @property
    def outcome(self) -> str:
        return "delivered" if self.granted else "blocked"

    def why_not(self, subscription_id: int) -> str:
        """The sentences that stand between this subscription and a delivery; empty when none does."""
        provider = [rule.detail for rule in self.rules if not rule.passed]
        return " ".join([*provider, self.own_part(subscription_id)]).strip()

    def own_part(self, subscription_id: int) -> str:
        """Those of them that are about the subscription itself, and so tell nothing of the provider."""
        own = [rule for v in self.verdicts if v.subscription.id == subscription_id for rule in _all_rules(v)]
        return " ".join(rule.detail for rule in own if not rule.passed)

    @property
    def against(self) -> tuple[str, ...]:
        """The names of the rules that did not pass, the provider's first, each once."""
        rules = [*self.rules, *(rule for verdict in self.verdicts for rule in _all_rules(verdict))]
        return tuple(dict.fromkeys(rule.name for rule in rules if not rule.passed))


def _all_rules(verdict: Verdict) -> list[Rule]:
    return [*verdict.rules, *(rule for offer in verdict.offers for rule in offer.rules)]


def decide(event: RunEvent, provider: Provider, messages: Sequence[Message] = (), *, late: bool = False) -> Decision:
    """Ask every rule, also after one has failed: the reader wants all reasons at once.

    Args:
        event: the run that has ended.
        provider: its side, with everybody who subscribed, as it stands now.
        messages: those that the run sent, in their order; without one its end alone is offered.
        late: the end was delivered before, when it came; `messages` have come since.
    """
    return Decision(
        rules=_provider_rules(event.repository, provider),
        verdicts=_verdicts(
            provider,
            lambda one: Verdict(one, _consumer_rules(event, one), _offers(one, messages, late=late)),
        ),
    )


def expect(provider: Provider, message: Message | None = None) -> Decision:
    """Who would hear of a run that has not ended yet, as things stand: every rule but its conclusion and branch.

    Without a message, its event type is not asked either.
    """
    sent = [message] if message else []
    return Decision(
        rules=_provider_rules("The repository", provider),
        verdicts=_verdicts(
            provider,
            lambda one: Verdict(
                one,
                (_approved(one), *_retired(one), _reachable(one)),
                _offers(one, sent, late=False) if sent else (_bare(one),),
            ),
        ),
    )


def _verdicts(provider: Provider, asked: Callable[[Subscription], Verdict]) -> tuple[Verdict, ...]:
    """Of what is not approved nothing else is asked: anybody may request, and it is not to slow each event down."""
    rules = [_approved(one) for one in provider.subscriptions]
    return tuple(
        asked(one) if rule.passed else Verdict(one, (rule,), ())
        for one, rule in zip(provider.subscriptions, rules, strict=True)
    )


def _offers(subscription: Subscription, messages: Sequence[Message], *, late: bool) -> tuple[Offer, ...]:
    if not subscription.service.metadata_only:
        # What it was given with an earlier attempt is not offered again; a run that has sent it nothing new just ended.
        left = owed(messages, subscription.id)
        offers = tuple(_offer(subscription, message) for message in left)
        given = len(left) < len(messages)
        news = any(offer.passed for offer in offers) or (bool(left) and not given)
        return offers if late or news else (*offers, _offer(subscription, None))
    if not late:
        return (_offer(subscription, None),)
    detail = f"{subscription.service.slug} forwards no messages, and the end of the run was delivered when it came."
    rule = Rule("metadata_only", False, detail)
    return tuple(Offer(message, _event_type(subscription, message), (rule,)) for message in messages)


def _offer(subscription: Subscription, message: Message | None) -> Offer:
    event_type, wanted = _event_type(subscription, message), subscription.event_types
    rules: tuple[Rule, ...] = ()
    if wanted is not None:
        detail = f"The event type is {event_type}; wanted: {_some(wanted)}."
        rules = (Rule("event_type", event_type in wanted, detail),)
    if message is not None and message.gone:
        rules = (*rules, Rule("payload_expired", False, _GONE))
    return Offer(message, event_type, rules)


def _bare(subscription: Subscription) -> Offer:
    return Offer(None, subscription.service.event_type)


def _event_type(subscription: Subscription, message: Message | None) -> str:
    return (message.event_type if message else None) or subscription.service.event_type


def _provider_rules(repository: str, provider: Provider) -> tuple[Rule, ...]:
    path, shut = provider.workflow_path, _shut(repository, provider)
    whitelisted = f"{path} is whitelisted." if provider.whitelisted else f"{path} is not whitelisted."
    return (
        Rule("repository", shut is None, shut or f"{repository} is enabled."),
        Rule(
            "whitelist",
            provider.whitelisted,
            whitelisted if path else "The event names no workflow file, and no message of this run does.",
        ),
        _service(provider.services),
        Rule(
            "subscriptions",
            bool(provider.subscriptions),
            f"{len(provider.subscriptions)} subscription(s)." if provider.subscriptions else "Nobody has subscribed.",
        ),
    )


def _service(services: tuple[Service, ...]) -> Rule:
    if not services:
        return Rule("service", False, "No service is published from this workflow.")
    published = [service.slug for service in services if not service.retired]
    told = [f"Published as {', '.join(published)}."] if published else []
    told += [_retired_detail(service) for service in services if service.retired]
    return Rule("service", bool(published), " ".join(told))


def _retired_detail(service: Service) -> str:
    return f"The service {service.slug} is retired."


def _shut(repository: str, provider: Provider) -> str | None:
    if not provider.repository_known:
        return f"{repository} is not known here."
    if not provider.repository_enabled:
        return f"{repository} is switched off."
    if not provider.enabled_as_provider:
        return f"{repository} is not enabled as a provider."
    return provider.barrier.of(repository) if provider.barrier else None


def _consumer_rules(event: RunEvent, subscription: Subscription) -> tuple[Rule, ...]:
    wanted = subscription.conclusions
    conclusion = Rule(
        "conclusion",
        wanted is None or event.conclusion in wanted,
        f"The run ended with {event.conclusion}; " + (f"wanted: {', '.join(wanted)}." if wanted else "all are wanted."),
    )
    return (
        _approved(subscription),
        *_retired(subscription),
        conclusion,
        _branch(event.head_branch, subscription),
        _reachable(subscription),
    )


def _branch(branch: str | None, subscription: Subscription) -> Rule:
    wanted = subscription.branches
    ran = f"The run was of the branch {branch}; " if branch else "The event names no branch; "
    if wanted is None:
        return Rule("branch", True, ran + "all are wanted.")
    passed = branch is not None and any(matches(pattern, branch) for pattern in wanted)
    return Rule("branch", passed, ran + f"wanted: {_some(wanted)}.")


def _some(wanted: tuple[str, ...]) -> str:
    """The first few: a decision is kept with each event, for each subscription."""
    left = len(wanted) - _TOLD
    return ", ".join(wanted[:_TOLD]) + (f" and {left} more" if left > 0 else "")


def _approved(subscription: Subscription) -> Rule:
    detail = f"The subscription of {subscription.consumer} is {subscription.status}."
    return Rule("approved", subscription.status == "approved", detail)


def _retired(subscription: Subscription) -> tuple[Rule, ...]:
    """Asked only where it is: the workflow may have another service that is not."""
    service = subscription.service
    return (Rule("service", False, _retired_detail(service)),) if service.retired else ()


def _reachable(subscription: Subscription) -> Rule:
    switched = (subscription.consumer_enabled, subscription.enabled_as_consumer)
    why = reach.unreachable(subscription.consumer, subscription.installation_id, subscription.barrier, *switched)
    return Rule("reachable", why is None, why or "The app is installed on the consumer.")
