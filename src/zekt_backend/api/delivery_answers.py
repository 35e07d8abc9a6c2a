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
    service: str
    event_type: str
    status: DeliveryStatus
    durable: bool
    late: bool
    attempts: int
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
    is_replay: bool
    replay_of: str | None
    replayed_as: list[str]


class DeliveryList(Listed):
    """Deliveries, newest first."""

    deliveries: list[Delivery]


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
    accepted: bool | None
    ambiguous: bool | None
    http_status: int | None
    github_request_id: str | None
    category: str | None
    detail: str | None


class WholeDelivery(Delivery):
    """One delivery with its history, attempts and decision. `result` is any JSON: what the consumer completed with."""

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


class RunEnd(Shown):
    """What GitHub told of the end of a run."""

    guid: str
    workflow: str
    workflow_path: str | None
    conclusion: str | None
    head_branch: str | None
    event: str
    received_at: datetime


class SeenRunEnd(Shown):
    """All that a consumer learns of it."""

    guid: str
    received_at: datetime


class RedactedPlace(Shown):
    """A JSON pointer into the message, and what kind of credential stood there."""

    pointer: str
    kind: str


class BrokenPlace(Shown):
    """A JSON pointer into the message, and how it breaks that version of the service's schema."""

    pointer: str
    reason: str
    service: str
    schema_version: str


class SentMessage(Shown):
    """A message that the run sent."""

    event_id: str
    event_type: str | None
    run_attempt: int
    job: str | None
    step: str | None
    bytes: int
    late: bool
    redacted: list[RedactedPlace]
    received_at: datetime


class RefusedMessage(Shown):
    """A message that was turned away; `service` is whose rule it was, where it was one's alone."""

    at: datetime
    code: str
    service: str | None
    detail: str
    places: list[RedactedPlace | BrokenPlace]
    bytes: int
    times: int


class MadeDelivery(Shown):
    """A delivery that the decision made; `what` says how it stands, and what comes next."""

    delivery_id: str
    event_id: str | None
    event_type: str
    status: DeliveryStatus
    attempts: int
    replay_of: str | None
    what: str


class ToldVerdict(Shown):
    """On one subscription; `answer` is the whole of it in sentences."""

    subscription: int | None
    service: str
    consumer: str
    rules: list[PolicyRule]
    messages: list[OfferedMessage]
    deliveries: list[MadeDelivery]
    answer: str


class ToldDecision(Shown):
    """Every rule that was asked, the provider's and each consumer's. `eventId`: of a late message, decided alone."""

    run_attempt: int
    decided_at: datetime
    outcome: Outcome
    event_id: str | None
    provider: list[PolicyRule]
    consumers: list[ToldVerdict]


class Explanation(Shown):
    """Why something did, or did not, arrive. A consumer reads what is its own, and the rest empty or null."""

    repository: str | None
    run_id: str
    run_attempt: int
    event: RunEnd | SeenRunEnd | None
    messages: list[SentMessage]
    refusals: list[RefusedMessage]
    summary: list[str]
    decisions: list[ToldDecision]


class SimulatedExample(Shown):
    """An event that the connection would have got (`gained`) or lost; `eventId` of its message, null: its bare end."""

    guid: str
    repository: str
    run_id: str
    event_id: str | None
    gained: bool
    why: str


class SimulatedConnection(Shown):
    """`SERVICE-SLUG@OWNER/REPO`, and its deliveries as things stand and as they would."""

    connection: str
    before: int
    after: int
    gained: int
    lost: int
    examples: list[SimulatedExample]


class Simulated(Shown):
    """Of so many events; connections that get nothing either way are left out."""

    events: int
    blocked_before: int
    blocked_after: int
    connections: list[SimulatedConnection]
