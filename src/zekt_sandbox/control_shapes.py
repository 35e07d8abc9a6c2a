"""JSON as /_sandbox/… shapes it."""

import base64
from typing import Any

from zekt_sandbox import events
from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.letters import Hook, HookDelivery
from zekt_sandbox.runs import Run


def run_json(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "attempt": run.attempt,
        "repository": run.repository.full_name,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_run": events.workflow_run(run),
        "environment": run.environment(),
        "event": run.event_file(),
    }


def hook_json(hook: Hook) -> dict[str, Any]:
    return {"id": hook.id, "url": hook.url, "repository": str(hook.repository) if hook.repository else None}


def line_json(line: HookDelivery) -> dict[str, Any]:
    return {
        "id": line.id,
        "guid": line.guid,
        "hook_id": line.hook.id,
        "event": line.event,
        "action": line.letter.action,
        "redelivery": line.redelivery,
        "status": line.status,
        "status_code": line.status_code,
        "response_body": line.outcome.body,
    }


def dispatch_json(dispatch: Dispatch) -> dict[str, Any]:
    return {
        "id": dispatch.id,
        "repository": dispatch.repository.full_name,
        "event_type": dispatch.event_type,
        "client_payload": dispatch.client_payload,
        "body_base64": base64.b64encode(dispatch.body).decode(),
        "received_at": dispatch.received_at.isoformat(),
        "installation_id": dispatch.installation_id,
        "accepted": dispatch.accepted,
        "status": dispatch.status,
    }
