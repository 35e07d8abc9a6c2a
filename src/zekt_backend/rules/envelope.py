"""What goes into `client_payload.zekt`: DESIGN section 5, pure."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from zekt_action.limits import MAX_ENVELOPE_BYTES
from zekt_backend.rules import trace
from zekt_backend.rules.parties import Service
from zekt_backend.rules.records import RunEvent, RunKey
from zekt_backend.rules.trace import Context

_EXAMPLE_ID = "delivery-00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Archived:
    """A message as it is kept: the sender's bytes, their digest, and how long they stay."""

    raw: bytes
    sha256: str
    expires_at: datetime


def head(event: RunEvent, service: Service, *, delivery_id: str, event_type: str, decision: Context) -> dict[str, Any]:
    """All of the envelope that does not change from attempt to attempt; its `traceparent` is the decision's still."""
    return {
        "version": "1",
        "deliveryId": delivery_id,
        "correlationId": event.key.correlation_id,
        "isReplay": False,
        "eventType": event_type,
        "provider": None if service.hide_provider else _provider(event),
        "service": {"slug": service.slug, "alias": service.alias},
        "traceparent": str(_veiled(delivery_id) if service.hide_provider else decision),
    }


def replayed(envelope: dict[str, Any], service: Service, *, delivery_id: str) -> dict[str, Any]:
    """The same once more, under an id of its own. What the service has come to hide since stays hidden."""
    hidden = {"provider": None, "traceparent": str(_veiled(delivery_id))} if service.hide_provider else {}
    return {**envelope, "deliveryId": delivery_id, "isReplay": True, **hidden}


def _veiled(delivery_id: str) -> Context:
    """A trace of its own: whoever began the chain would know by the trace id who answers under another name."""
    return Context(trace.trace_id(delivery_id), trace.span_id("veil", delivery_id))


def _provider(event: RunEvent) -> dict[str, Any]:
    return {
        "repository": event.repository,
        "workflow": event.workflow_name,
        "workflowPath": event.workflow_path,
        "runId": event.key.correlation_id,
        "runAttempt": event.key.run_attempt,
        "conclusion": event.conclusion,
        "headBranch": event.head_branch,
        "headSha": event.head_sha,
        "event": event.event,
        "actor": event.actor,
        "htmlUrl": event.html_url,
        "startedAt": event.started_at,
        "completedAt": event.completed_at,
    }


def example(service: Service, provider: str | None, github_url: str) -> dict[str, Any]:
    """A `repository_dispatch` as a subscriber of the service receives it: every value of the run is made up.

    `provider` is the login of the service's account, where it does not hide; `github_url` where people see its runs.
    """
    owner = provider or "provider"
    run = RunEvent(
        guid="",
        key=RunKey(1, 16123456789, 1),
        repository=f"{owner}/repository",
        workflow_id=None,
        workflow_path=".github/workflows/example.yml",
        workflow_name="Example",
        conclusion="success",
        head_branch="main",
        head_sha="c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00",
        event="push",
        actor="octocat",
        html_url=f"{github_url}/{owner}/repository/actions/runs/16123456789",
        started_at="2026-11-02T10:00:00Z",
        completed_at="2026-11-02T10:01:00Z",
    )
    trace = Context("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    told = head(run, service, delivery_id=_EXAMPLE_ID, event_type=service.event_type, decision=trace)
    raw = b'{"example": "any JSON, as the provider sends it"}'
    message = (
        None
        if service.metadata_only
        else Archived(raw, hashlib.sha256(raw).hexdigest(), datetime.max.replace(tzinfo=UTC))
    )
    return compose(told, attempt=1, message=message, fetch_url="")


def compose(envelope: dict[str, Any], *, attempt: int, message: Archived | None, fetch_url: str) -> dict[str, Any]:
    """The body of the `repository_dispatch`: the message inline where it fits, else by claim check.

    GitHub refuses a client_payload of 64 KB or more and does not say whether it counts bytes or characters:
    https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event. So the whole body is held
    to 60,000 bytes, measured as it is sent.
    """
    plain = {**envelope, "attempt": attempt, "payload": None, "payloadRef": None}
    plain["payloadSha256"] = message.sha256 if message else None
    # A delivery of the version before has none.
    if place := trace.parse(envelope.get("traceparent")):
        plain["traceparent"] = str(trace.of_attempt(place.trace_id, envelope["deliveryId"], attempt))
    if message is None:
        return _body(plain)
    if len(message.raw) <= MAX_ENVELOPE_BYTES:
        inline = _body({**plain, "payload": json.loads(message.raw)})
        if len(json.dumps(inline)) <= MAX_ENVELOPE_BYTES:
            return inline
    reference = {
        "url": fetch_url,
        "sha256": message.sha256,
        "bytes": len(message.raw),
        "expiresAt": message.expires_at.isoformat(),
    }
    return _body({**plain, "payloadRef": reference})


def _body(zekt: dict[str, Any]) -> dict[str, Any]:
    return {"event_type": zekt["eventType"], "client_payload": {"zekt": zekt}}
