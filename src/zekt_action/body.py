"""The request's body: the head as JSON, and the message spliced in as it was given, never written anew. 3.9."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from zekt_action import event
from zekt_action.inputs import Inputs, Job
from zekt_action.payload import Payload


def message_id(job: Job, event_type: str, sha256: str) -> str:
    """The name of one message: the same for a retry or a repeated step, another for anything else.

    Legs of a matrix share it; the broker tells them apart by the token's `check_run_id`.
    """
    parts = [
        job.repository_id or job.repository,
        job.run_id,
        job.run_attempt,
        job.name,
        job.step,
        sha256,
        event_type,
    ]
    return "msg-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def build(inputs: Inputs, job: Job, payload: Payload, name: str, causation: dict[str, str] | None) -> bytes:
    """Return `{…,"payload":<the bytes as given>}`, which the broker cuts out again and checks by sha256."""
    head: dict[str, Any] = {
        "eventType": inputs.event_type,
        "repository": job.repository,
        "workflowRunId": job.run_id,
        "triggeredBy": job.actor,
        "commitSha": job.sha,
        "ref": job.ref,
        "workflow": job.workflow,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "runAttempt": int(job.run_attempt) if job.run_attempt.isdigit() else 1,
        "job": job.name,
        "step": job.step,
        "messageId": name,
        "payloadSha256": payload.sha256,
    }
    if inputs.leg:
        # All that counts is whether it is the same, and a matrix may hold what is nobody else's business.
        head["leg"] = hashlib.sha256(inputs.leg.encode("utf-8", "replace")).hexdigest()[:16]
    if causation:
        head["causation"] = causation
    if trace := event.traceparent(job.traceparent):
        head["traceparent"] = trace
    return json.dumps(head).encode()[:-1] + b', "payload":' + payload.raw + b"}"
