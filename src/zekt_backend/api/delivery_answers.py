"""What is answered of deliveries and of why they were made, and to GitHub: described for `/openapi.json`."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, RootModel

from zekt_action.wire import DeliveryStatus
from zekt_backend.api.answers import Listed, Shown

Outcome = Literal["delivered", "blocked"]


class StoredPayload(RootModel[Any]):
    """The message byte for byte, whatever JSON it is; X-Zekt-Payload-Sha256 is the digest of these bytes."""


class WebhookReceipt(Shown):
    """Either why it was `ignored`, or its `outcome`; of a run that has ended, how many `deliveries` that made."""

    success: Literal[True]
    ignored: str | None = None
    outcome: Literal["delivered", "blocked", "duplicate", "stopped", "looked_into", "unknown"] | None = None
    deliveries: int | None = None


class PolicyRule(Shown):
    """A rule that was asked, and in words how it came out."""

    name: str
    passed: bool
    detail: str


class OfferedMessage(Shown):
    """A message that rules were asked of; null: the bare end of the run."""

    event_id: str | None
    event_type: str
    rules: list[PolicyRule]


class KeptVerdict(Shown):
    """On one subscription. A consumer whose provider hides reads only which it is."""

    consumer: str
    service: str
    subscription: int | None = None
    rules: list[PolicyRule] = Field(default_factory=list)
    messages: list[OfferedMessage] = Field(default_factory=list)


class KeptReasons(Shown):
    """`provider` is left out for a consumer, who reads its own verdict alone."""

    provider: list[PolicyRule] = Field(default_factory=list)
    consumers: list[KeptVerdict]


class KeptDecision(Shown):
    """The decision that made a delivery, as it was kept."""

    decided_at: datetime
    outcome: Outcome
    reasons: KeptReasons


class Delivery(Shown):
    """`provider` is null to the consumer of one who hides; what begins with `payload` where no message was sent."""

    delivery_id: str
    correlation_id: str
    provider: str | None
    consumer: str
    sides: list[Literal["provider", "consumer"]] = Field(description="On which the caller is")
    service: str
    service_alias: str
    connection: int = Field(description="The subscription's id")
    event: str = Field(description="Of `/api/events/{event_id}/decision`")
    message: str | None = Field(description="The `eventId` of the message; null: it carries none")
    event_type: str
    status: DeliveryStatus
    durable: bool
    late: bool
    attempts: int
    retries: int
    dispatches: int
    created_at: datetime
    dispatched_at: datetime | None
    confirmed_at: datetime | None
    completed_at: datetime | None
    due_at: datetime | None
    consumer_run_id: int | None
    conclusion: str | None
    failure: str | None
    advice: str | None
    payload_sha256: str | None = Field(alias="payloadSha256")
    payload_bytes: int | None
    payload_gone: Literal["retention", "dispatched"] | None = Field(
        description="Why the message is not kept any more; null: it is, or there is none"
    )
    is_replay: bool
    replay_of: str | None
    replayed_as: list[str]


class DeliveryList(Listed):
    """Deliveries, newest first."""

    deliveries: list[Delivery]


class StatusCount(Shown):
    """`more`: there are more than `count`."""

    count: int
    more: bool


class DeliveryCounts(Shown):
    """By status."""

    counts: dict[DeliveryStatus, StatusCount]


class Step(Shown):
    """A fact, and what it made of the delivery's status."""

    at: datetime
    fact: str
    before: DeliveryStatus | None = Field(alias="from")
    after: DeliveryStatus = Field(alias="to")
    detail: str


class Attempt(Shown):
    """One call of GitHub's; what came of it is null until it has ended."""

    number: int
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    accepted: bool | None
    ambiguous: bool | None
    http_status: int | None
    github_request_id: str | None
    category: str | None
    detail: str | None


class ProvidersRun(Shown):
    """The provider's run that ended."""

    workflow: str
    workflow_path: str | None
    run_attempt: int
    conclusion: str | None
    head_branch: str | None
    head_sha: str
    event: str
    actor: str
    html_url: str
    started_at: str | None
    completed_at: str | None


class WholeDelivery(Delivery):
    """One delivery with its history, attempts and decision. `result` is any JSON: what the consumer completed with.

    `run` is null to the consumer of a provider who hides. The two timeouts are seconds.
    """

    run: ProvidersRun | None
    consumer_run_attempt: int | None
    consumer_run_url: str | None
    may_replay: bool = Field(description="Whether the caller may have it delivered once more")
    confirm_timeout: float
    complete_timeout: float
    max_dispatches: int
    result: Any
    history: list[Step]
    attempt_list: list[Attempt]
    decision: KeptDecision | None


class Event(Shown):
    """The end of a run, and whether it was delivered to anybody when it came."""

    guid: str
    repository: str
    run_id: str
    run_attempt: int
    workflow_path: str | None
    conclusion: str | None
    head_branch: str | None
    received_at: datetime
    outcome: Outcome


class EventList(Listed):
    """Ends of runs, newest first."""

    events: list[Event]
