"""What owners are told of failures: the notice's body and signature, and the issue's text. Pure.

Signed by https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md ; docs/notices.md.
"""

import base64
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal

from zekt_backend.rules.answers import printable
from zekt_backend.rules.health import Statistics

Channel = Literal["webhook", "issue"]
CHANNELS: tuple[Channel, ...] = ("webhook", "issue")

FAILED, CRITICAL, TEST = "delivery.failed", "connection.critical", "notice.test"

OVERLAP = timedelta(days=1)
"""For so long after a rotation the secret before signs, too, so that receivers have time to learn the new one."""


def secret(master: bytes, account_id: int, generation: int) -> str:
    """An account's signing secret: derived from the broker's own, and kept nowhere."""
    key = hmac.digest(master, f"zekt-notice:{account_id}:{generation}".encode(), "sha256")
    return "whsec_" + base64.b64encode(key).decode()


def generations(generation: int, rotated_at: datetime | None, now: datetime) -> tuple[int, ...]:
    """Which secrets sign now, the present one first."""
    overlaps = rotated_at is not None and now < rotated_at + OVERLAP and generation > 0
    return (generation, generation - 1) if overlaps else (generation,)


def headers(secrets: Sequence[str], notice_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows who sent it, and when, and that it came before."""
    stamp = str(int(now.timestamp()))
    signed = f"{notice_id}.{stamp}.".encode() + body
    keys = [base64.b64decode(text.removeprefix("whsec_")) for text in secrets]
    signatures = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


@dataclass(frozen=True, slots=True)
class Side:
    """Whom a notice is for, and of which connection. What its reader must not learn is not in here."""

    account: str
    side: Literal["provider", "consumer"]
    connection: int
    service: str
    alias: str
    provider: str | None
    """None where it hides from the reader."""
    consumer: str
    health: str
    """The connection's state at this moment."""

    def as_fields(self) -> dict[str, Any]:
        names = ("service", "alias", "provider", "consumer", "health")
        connection = {"id": self.connection, **{name: getattr(self, name) for name in names}}
        return {"account": self.account, "side": self.side, "connection": connection}


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that has ended Failed, as both its sides may know it. Never its message."""

    delivery_id: str
    correlation_id: str
    event_type: str
    failure: str | None
    advice: str | None
    attempts: int
    is_replay: bool
    created_at: datetime
    failed_at: datetime


def of_failure(side: Side, failure: Failure, base_url: str) -> str:
    """The body that tells of a failed delivery, as JSON."""
    told = {
        "id": failure.delivery_id,
        "correlationId": failure.correlation_id,
        "eventType": failure.event_type,
        "failure": failure.failure,
        "advice": failure.advice,
        "attempts": failure.attempts,
        "isReplay": failure.is_replay,
        "createdAt": _iso(failure.created_at),
        "failedAt": _iso(failure.failed_at),
        "url": f"{base_url}/api/deliveries/{failure.delivery_id}",
    }
    return _body(FAILED, failure.failed_at, {**side.as_fields(), "delivery": told})


def of_critical(side: Side, found: Statistics, now: datetime, base_url: str) -> str:
    """The body that tells of a connection that has turned Critical, as JSON."""
    told = {
        "successRate": found.success_rate,
        "total": found.total,
        "succeeded": found.succeeded,
        "failed": found.failed,
        "late": found.late,
        "url": f"{base_url}/api/connections/{side.connection}/diagnostics",
    }
    return _body(CRITICAL, now, {**side.as_fields(), "last24Hours": told})


def of_test(account: str, now: datetime) -> str:
    """The body of a notice that tells nothing."""
    return _body(TEST, now, {"account": account})


def _body(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": _iso(at), "data": data}, separators=(",", ":"))


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one POST."""

    status: int | None
    """HTTP's; None: there was no answer."""
    text: str
    retry_after: float | None = None
    """Seconds that the receiver asks to be left alone."""

    @property
    def taken(self) -> bool:
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def gone(self) -> bool:
        """The receiver wants nothing more, ever."""
        return self.status == HTTPStatus.GONE


def marker(notice_id: str) -> str:
    """By which an issue is found again; a browser shows nothing of it."""
    return f"<!-- zekt-notice:{notice_id} -->"


def issue(notice_id: str, body: str) -> tuple[str, str]:
    """Title and text of the issue that tells the same as a body.

    All that strangers have written stands in code spans, in which GitHub sees neither mentions nor Markdown nor HTML;
    a title has only names, of which GitHub and the broker know every character.
    """
    told = json.loads(body)
    data = told["data"]
    connection = data["connection"]
    where = f"{connection['service']} to {connection['consumer']}"
    if told["type"] == CRITICAL:
        title = f"Zekt: the connection from {where} is critical"
        day = data["last24Hours"]
        lines = [f"- {name}: {_code(day[field])}" for name, field in _DAY if day[field] is not None]
    else:
        title = f"Zekt: a delivery from {where} failed"
        lines = [f"- {name}: {_code(data['delivery'][field])}" for name, field in _LINES if data["delivery"][field]]
    provider = [f"- Provider: {_code(connection['provider'])}"] if connection["provider"] else []
    service = f"- Service: {_code(connection['service'])}, {_code(connection['alias'])}"
    consumer = f"- Consumer: {_code(connection['consumer'])}"
    ending = (
        f"Told once for {told['timestamp'][:10]} (UTC), however often it happens on that day. An owner of"
        f" {_code(data['account'])} chose in Zekt that it is told here."
    )
    return title, "\n".join([marker(notice_id), service, *provider, consumer, *lines, "", ending])


_DAY = (
    ("Succeeded in the last 24 hours, per cent", "successRate"),
    ("Of so many deliveries", "total"),
    ("Failed", "failed"),
    ("Late", "late"),
    ("More", "url"),
)
_LINES = (
    ("Delivery", "id"),
    ("Run (correlation id)", "correlationId"),
    ("Event type", "eventType"),
    ("Failure", "failure"),
    ("What to do", "advice"),
    ("Failed at", "failedAt"),
    ("More", "url"),
)


def _code(text: Any) -> str:
    """A code span: its fence is longer than any row of backticks inside."""
    plain = printable(str(text)) or "-"
    fence = "`" * (1 + max((len(row) for row in re.findall("`+", plain)), default=0))
    return f"{fence} {plain} {fence}"
