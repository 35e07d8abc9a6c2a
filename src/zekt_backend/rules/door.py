"""What a service asks of its messages: what must be examined at the door, and in which words it is refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from zekt_backend.errors import ZektError
from zekt_backend.rules.parties import Service

MAX_SCHEMA_BYTES = 131_072
"""Largest JSON Schema of a service, in bytes as given."""

Guard = Literal["refuse", "redact", "pass"]

GUARDS: tuple[Guard, ...] = ("refuse", "redact", "pass")
"""What becomes of a message with a credential in it; of several services' the first counts."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What one service asks of a message. `schema_version` None: that it fits no schema."""

    service_id: int
    slug: str
    guard: str
    schema_version: int | None


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found in a message.

    Attributes:
        found: where credentials stand, and of what kind; the first of `count`.
        redacted: the message without them, where that was asked for and can be had.
        broken: by service id, the places that break its schema.
        failed: why it could not be examined to the end; empty where it was.
    """

    found: tuple[dict[str, str], ...] = ()
    count: int = 0
    redacted: bytes | None = None
    broken: dict[int, list[dict[str, str]]] = field(default_factory=dict)
    failed: str = ""
    failed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is turned away: for its sender, and for whoever asks later."""

    code: str
    detail: str
    places: list[dict[str, str]]
    service_id: int | None = None

    def error(self) -> ZektError:
        return ZektError(self.code, self.detail, places=self.places)

    @property
    def reasons(self) -> dict[str, Any]:
        return {"detail": self.detail, "places": self.places}


def strictest(asks: Sequence[Ask]) -> Guard:
    """What becomes of credentials when these services are published from one workflow."""
    return next((guard for guard in GUARDS if any(ask.guard == guard for ask in asks)), "pass")


def asking(services: Sequence[Service]) -> tuple[Ask, ...]:
    """What those of a workflow's published services ask that ask anything at all."""
    asks = (Ask(s.id, s.slug, s.guard, s.schema_version) for s in services if not s.retired)
    return tuple(ask for ask in asks if ask.guard != "pass" or ask.schema_version is not None)


def guarded(asks: Sequence[Ask], examined: Examined) -> dict[str, Any] | None:
    """What is kept of what the guard did to a message that was let in."""
    if not examined.count:
        return None
    return {"guard": strictest(asks), "count": examined.count, "places": list(examined.found)}


def verdict(asks: Sequence[Ask], examined: Examined) -> Refusal | None:
    """Whether a message that was examined is turned away; None lets it in, redacted where it was."""
    by_id = {ask.service_id: ask for ask in asks}
    if examined.failed:
        return Refusal("check_failed", examined.failed, [], examined.failed_at)
    if examined.count and examined.redacted is None:
        return _credentials(asks, examined)
    for service_id, places in examined.broken.items():
        ask = by_id[service_id]
        told = "; ".join(f"{place['pointer'] or '(the whole message)'} {place['reason']}" for place in places)
        detail = f"It does not fit version {ask.schema_version} of the schema of {ask.slug}: {told}."
        named = [{**place, "service": ask.slug, "schemaVersion": str(ask.schema_version)} for place in places]
        return Refusal("schema_violated", detail, named, service_id)
    return None


def _credentials(asks: Sequence[Ask], examined: Examined) -> Refusal:
    guard = strictest(asks)
    ask = next(ask for ask in asks if ask.guard == guard)
    told = "; ".join(f"{place['pointer'] or '(the whole message)'}: {place['kind']}" for place in examined.found[:5])
    more = f" and {examined.count - 5} more" if examined.count > 5 else ""  # noqa: PLR2004 — as many as are told
    why = f"{ask.slug} takes none"
    if guard == "redact":
        why = f"{ask.slug} redacts them, but of these a part may stand elsewhere in the message"
    return Refusal("credentials_found", f"{told}{more}. {why}.", list(examined.found), ask.service_id)
