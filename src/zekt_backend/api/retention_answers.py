"""What is answered of retention: described for `/openapi.json`."""

from datetime import date

from pydantic import Field

from zekt_backend.api.answers import Shown


class LetGo(Shown):
    """How much was let go. `payloadBytes` is of both kinds of payloads together."""

    payloads_expired: int
    payloads_dispatched: int = Field(description="Of fire-and-forget deliveries, some time after their dispatch")
    payload_bytes: int
    deliveries: int
    events: int
    messages: int


class LetGoOfDay(LetGo):
    """On one day (UTC)."""

    day: date


class DueNow(Shown):
    """What is older than it is kept; 10,001 stands for more. What is still open, or referred to, stays all the same."""

    payloads: int
    deliveries: int
    events: int
    messages: int


class Retention(Shown):
    """The first three are seconds."""

    payload_retention: int
    delivery_retention: int
    flush_after: int
    total: LetGo
    days: list[LetGoOfDay]
    due: DueNow
