"""Requests as GitHub and our action write them, made and signed before anything is measured."""

import hashlib
import json
import uuid
from typing import Any

from zekt_bench import directory
from zekt_bench.house import SECRET, House
from zekt_bench.wire import request
from zekt_sandbox import events
from zekt_sandbox.letters import signature
from zekt_sandbox.runs import Run

WEBHOOK_BYTES = 5 * 1024
KILO = 1024
_NODE = 0x4C9367DC0958
"""GitHub's ids of webhooks are of version 1, so that what comes together stands together in an index. As documented:
https://docs.github.com/en/webhooks/webhook-events-and-payloads#example-webhook-delivery"""


def runs(house: House, kind: int | str, count: int) -> list[Run]:
    """New runs of the seller's workflow."""
    return [house.github.start_run(directory.seller(kind), workflow=directory.WORKFLOW) for _ in range(count)]


def webhook(house: House, run: Run) -> bytes:
    """`workflow_run` completed, signed, of exactly 5 KB: GitHub's own are as long with a commit message of a page."""
    house.github.world.runs.finish(run, "success")
    event = events.workflow_run_event(run, "completed")
    padding = WEBHOOK_BYTES - len(_json(event))
    event["workflow_run"]["head_commit"]["message"] += "." * padding
    body = _json(event)
    headers = {
        "accept": "*/*",
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/5a9d1b2",
        "x-github-delivery": str(uuid.uuid1(node=_NODE)),
        "x-github-event": "workflow_run",
        "x-github-hook-id": "1",
        "x-github-hook-installation-target-id": house.github.app_id,
        "x-github-hook-installation-target-type": "integration",
        "x-hub-signature-256": signature(SECRET, body),
    }
    return request("/api/github/webhooks", f"127.0.0.1:{house.port}", headers, body)


def webhooks(house: House, kind: int | str, count: int) -> list[bytes]:
    return [webhook(house, run) for run in runs(house, kind, count)]


def payload(size: int) -> bytes:
    """A message of so many bytes: many small members, as people's are, and not one long string."""
    item = '{"name":"resource-%06d","kind":"webServer","replicas":3,"tags":["a","b"],"ready":true},'
    room = size - len('{"items":[],"more":""}')
    count = room // (len(item % 0))
    items = "".join(item % number for number in range(count)).rstrip(",")
    head = f'{{"items":[{items}],"more":"'
    return (head + "." * (size - len(head) - 2) + '"}').encode()


def message(house: House, run: Run, body: bytes) -> bytes:
    """A message as our action sends it, with the run's real token."""
    head = {
        "eventType": "order-finished",
        "repository": run.repository.full_name,
        "workflowRunId": str(run.id),
        "triggeredBy": run.actor,
        "commitSha": run.sha,
        "ref": run.ref,
        "workflow": run.name,
        "timestamp": "2026-01-01T00:00:00Z",
        "runAttempt": run.attempt,
        "job": "job",
        "step": "send",
        "messageId": f"msg-{uuid.uuid4().hex}",
        "payloadSha256": hashlib.sha256(body).hexdigest(),
    }
    whole = _json(head)[:-1] + b', "payload":' + body + b"}"
    headers = {
        "authorization": f"Bearer {run.token()}",
        "content-type": "application/json",
        "user-agent": "zekt-action",
        "x-github-repository": run.repository.full_name,
    }
    return request("/api/events/receive", f"127.0.0.1:{house.port}", headers, whole)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
