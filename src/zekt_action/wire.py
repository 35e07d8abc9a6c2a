"""The wire: what clients post and what the broker answers, as published in docs/protocol.md.

The backend imports these models from here; nothing in this package imports the backend. Unknown fields are
ignored, so that a newer client works against an older broker and the reverse.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DeliveryStatus = Literal["pending", "dispatched", "confirmed", "completed", "failed"]


class Wire(BaseModel):
    """camelCase outside, snake_case inside; extra fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Causation(Wire):
    """The delivery that started the run that sends this message: how chains across organisations are drawn."""

    correlation_id: str | None = Field(default=None, max_length=100)
    delivery_id: str | None = Field(default=None, max_length=100)
    traceparent: Any = None
    """As the envelope had it. What is no W3C trace context is ignored."""


class MessageHead(Wire):
    """Everything of `POST /api/events/receive` but the payload, which is kept byte for byte beside it.

    Identity is taken from the token's signed claims; what stands here must agree with them or be absent.
    """

    event_type: str | None = None
    repository: str | None = None
    workflow_run_id: str | None = Field(default=None, coerce_numbers_to_str=True)
    triggered_by: str | None = None
    commit_sha: str | None = None
    ref: str | None = None
    workflow: str | None = None
    timestamp: str | None = None
    run_attempt: int | None = None
    job: str | None = Field(default=None, max_length=300)
    step: str | None = Field(default=None, max_length=300)
    leg: str | None = Field(default=None, max_length=300)
    message_id: str | None = Field(default=None, max_length=100)
    payload_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    causation: Causation | None = None
    traceparent: Any = None
    """The W3C trace context of the job that sends. What is none is ignored."""
    orchestration_step_ref: Any = Field(default=None, alias="orchestration_step_ref")
    """Sent by the hosted service's action inside an orchestration of its own, as text or as an object, and then perhaps
    without an event type. All that is read of it is whether it is there."""


class Redacted(Wire):
    """A place from which a credential was taken out: a JSON pointer, and of what kind it was."""

    pointer: str
    kind: str


class Receipt(Wire):
    """202 for a new message, 200 for one that was stored before (same `eventId`).

    `consumersNotified` counts the approved consumers this message goes to when its run ends (or went to at
    once, when it came late).
    """

    success: Literal[True] = True
    event_id: str
    consumers_notified: int
    correlation_id: str
    message: str
    redacted: tuple[Redacted, ...] | None = None
    """Where credentials were taken out, at most 20 places; absent where none was."""
    payload_sha256: str | None = None
    """Of the message as it is kept, where that is not as it was sent."""


class ConfirmRequest(Wire):
    """`POST /api/event-delivery/confirm`. Without a delivery id: the newest open one of that correlation id."""

    correlation_id: str = Field(min_length=1, max_length=100)
    delivery_id: str | None = Field(default=None, max_length=100)


class CompleteRequest(ConfirmRequest):
    """`POST /api/event-delivery/complete`. `result` (JSON, at most 65,536 bytes) is shown to the provider."""

    success: bool
    conclusion: str | None = Field(default=None, max_length=100)
    result: Any = None


class Acknowledgement(Wire):
    """The answer to confirm and complete.

    `duplicate` is true when another run confirmed this delivery before: skip the work. `changed` is false
    when the call was accepted and explained in `message`, but the delivery stayed as it was.
    """

    success: Literal[True] = True
    delivery_id: str
    correlation_id: str
    status: DeliveryStatus
    attempt: int
    duplicate: bool = False
    changed: bool
    message: str


class ReplayReceipt(Wire):
    """202 to `POST /api/replay/{deliveryId}`: `deliveryId` is the new delivery's, `replayOf` the old one's."""

    success: Literal[True] = True
    delivery_id: str
    replay_of: str
    message: str


class Problem(Wire):
    """RFC 9457 `application/problem+json`, plus `error` and `message`, which older clients read."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    success: Literal[False] = False
    error: str
    message: str
