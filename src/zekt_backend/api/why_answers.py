"""What is answered of why something did, or did not, arrive, and of what a changed setup file would have done."""

from datetime import datetime

from zekt_action.wire import DeliveryStatus
from zekt_backend.api.answers import Shown
from zekt_backend.api.delivery_answers import OfferedMessage, Outcome, PolicyRule


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
