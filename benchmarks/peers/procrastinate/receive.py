"""Takes the webhook: event and jobs are committed together before it answers 202. `uvicorn receive:app`."""

import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jobs
from psycopg.types.json import Jsonb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_CONSUMERS: dict[str, list[str]] = json.loads(Path(os.environ["PEER_CONSUMERS"]).read_text("utf-8"))
_SECRET = os.environ["PEER_WEBHOOK_SECRET"].encode()
_TABLE = (
    "CREATE TABLE IF NOT EXISTS events (id uuid PRIMARY KEY, run bigint, envelope jsonb, at timestamptz DEFAULT now())"
)
_STORED = "INSERT INTO events (id, run, envelope) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


@asynccontextmanager
async def _running(_: Starlette) -> AsyncIterator[None]:
    async with jobs.app.open_async():
        async with jobs.app.connector.pool.connection() as connection:
            await connection.execute(_TABLE)
        yield


async def _webhook(request: Request) -> Response:
    body = await request.body()
    expected = "sha256=" + hmac.new(_SECRET, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("x-hub-signature-256", "")):
        return Response(status_code=401)
    event = json.loads(body)
    if request.headers["x-github-event"] == "workflow_run" and event["action"] == "completed":
        await _stored(request.headers["x-github-delivery"], event["workflow_run"], event["repository"]["full_name"])
    return Response(status_code=202)


async def _stored(guid: str, run: dict[str, Any], repository: str) -> None:
    """In one transaction; the same webhook again has no effect."""
    envelope = _envelope(run, repository)
    async with jobs.app.connector.pool.connection() as connection:
        stored = await connection.execute(_STORED, (guid, run["id"], Jsonb(envelope)))
        if stored.rowcount and (consumers := _CONSUMERS.get(repository)):
            each = [{"consumer": consumer, "envelope": envelope} for consumer in consumers]
            await jobs.dispatch.configure(connection=connection).batch_defer_async(*each)


def _envelope(run: dict[str, Any], repository: str) -> dict[str, Any]:
    return {
        "version": "1",
        "correlationId": str(run["id"]),
        "eventType": "order-finished",
        "provider": {
            "repository": repository,
            "workflow": run["name"],
            "workflowPath": run["path"],
            "runId": str(run["id"]),
            "runAttempt": run["run_attempt"],
            "conclusion": run["conclusion"],
            "headBranch": run["head_branch"],
            "headSha": run["head_sha"],
            "event": run["event"],
            "actor": run["actor"]["login"],
            "htmlUrl": run["html_url"],
            "startedAt": run["run_started_at"],
            "completedAt": run["updated_at"],
        },
        "payload": None,
    }


app = Starlette(routes=[Route("/api/github/webhooks", _webhook, methods=["POST"])], lifespan=_running)
