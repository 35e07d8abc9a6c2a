"""What GitHub says in its webhooks, and of a run in its REST API."""

from typing import Any

from zekt_sandbox import shapes
from zekt_sandbox.runs import Run
from zekt_sandbox.shapes import stamp


def workflow_run(run: Run) -> dict[str, Any]:
    """A run, as `GET …/actions/runs/{id}` and the webhook's `workflow_run` have it."""
    home = f"{run.github_url}/repos/{run.repository.full_name}"
    return {
        "id": run.id,
        "name": run.name,
        "path": run.workflow,
        "display_title": run.event_payload.get("action") or run.name,
        "head_branch": run.head_branch,
        "head_sha": run.sha,
        "run_number": run.number,
        "run_attempt": run.attempt,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": run.workflow_id,
        "url": f"{home}/actions/runs/{run.id}",
        "html_url": run.html_url,
        "pull_requests": [],
        "created_at": stamp(run.created_at),
        "updated_at": stamp(run.updated_at),
        "run_started_at": stamp(run.started_at),
        "actor": shapes.user(run.actor),
        "triggering_actor": shapes.user(run.actor),
        "referenced_workflows": [],
        "head_commit": {"id": run.sha, "message": "A commit", "timestamp": stamp(run.created_at)},
        "repository": shapes.repository(run.repository, run.github_url),
        "head_repository": shapes.repository(run.repository, run.github_url),
    }


def workflow(run: Run) -> dict[str, Any]:
    """The workflow of a run, as `GET …/actions/workflows` and the webhook's `workflow` have it."""
    home = f"{run.github_url}/repos/{run.repository.full_name}"
    return {
        "id": run.workflow_id,
        "name": run.name,
        "path": run.workflow,
        "state": "active",
        "created_at": stamp(run.created_at),
        "updated_at": stamp(run.created_at),
        "url": f"{home}/actions/workflows/{run.workflow_id}",
        "html_url": f"{shapes.SERVER_URL}/{run.repository.full_name}/blob/{run.head_branch}/{run.workflow}",
    }


def workflow_run_event(run: Run, action: str) -> dict[str, Any]:
    """The body that https://docs.github.com/webhooks/webhook-events-and-payloads#workflow_run describes."""
    return {
        "action": action,
        "workflow_run": workflow_run(run),
        "workflow": workflow(run),
        **shapes.surroundings(run.repository, run.actor, run.github_url),
    }
