"""What is answered of chains: described for `/openapi.json`."""

from datetime import datetime
from typing import Literal

from zekt_action.wire import DeliveryStatus
from zekt_backend.api.answers import Shown


class Durations(Shown):
    """Milliseconds from each step to the next, and from the first to the last; null where one is not known."""

    to_event: int | None
    to_decision: int | None
    to_dispatch: int | None
    to_confirm: int | None
    to_complete: int | None
    total: int | None


class Hop(Shown):
    """A delivery, or a message that waits or that nobody got (`waiting`, `blocked`), in the order of a drawn tree.

    Where `yours` is false it stands for one or more hops of other organisations, and everything about them is null.
    `parent` is the `hop` that caused it. `asked`: it is of the run that was asked about.
    """

    hop: int
    parent: int | None
    depth: int
    yours: bool
    asked: bool
    delivery_id: str | None
    correlation_id: str | None
    provider: str | None
    consumer: str | None
    service: str | None
    service_alias: str | None
    event_type: str | None
    status: DeliveryStatus | Literal["waiting", "blocked"] | None
    durable: bool | None
    late: bool | None
    attempts: int | None
    is_replay: bool | None
    replay_of: str | None
    consumer_run_id: int | None
    conclusion: str | None
    failure: str | None
    advice: str | None
    message_received_at: datetime | None
    event_received_at: datetime | None
    decided_at: datetime | None
    dispatched_at: datetime | None
    confirmed_at: datetime | None
    completed_at: datetime | None
    durations: Durations


class Trace(Shown):
    """A chain, from its first cause down. `more`: it goes on beyond what is shown here."""

    correlation_id: str
    trace_id: str | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    more: bool
    hops: list[Hop]
