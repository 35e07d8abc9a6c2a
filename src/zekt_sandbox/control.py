"""/_sandbox/…: all of the Python API over HTTP, so that another process can play GitHub's part."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from zekt_sandbox import events
from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.github_api import json_object
from zekt_sandbox.letters import Hook, HookDelivery
from zekt_sandbox.refusals import Refused
from zekt_sandbox.runs import Run
from zekt_sandbox.stage import Stage

Endpoint = Callable[[Request], Awaitable[Response]]


def _stage(request: Request) -> Stage:
    return Stage(request.app.state.world)


def _clearly(endpoint: Endpoint) -> Endpoint:
    """What was asked wrongly is a 422, and what is not there a 404, with the reason."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except LookupError as missing:
            raise Refused(404, str(missing)) from missing
        except (TypeError, ValueError) as wrong:
            raise Refused(422, str(wrong)) from wrong

    return answer


def _run_json(run: Run) -> dict[str, Any]:
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


def _hook_json(hook: Hook) -> dict[str, Any]:
    return {"id": hook.id, "url": hook.url, "repository": str(hook.repository) if hook.repository else None}


def _line_json(line: HookDelivery) -> dict[str, Any]:
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


def _dispatch_json(dispatch: Dispatch) -> dict[str, Any]:
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


async def info(request: Request) -> Response:
    """GET /_sandbox/info: what a broker must be told to take this for GitHub."""
    stage = _stage(request)
    return JSONResponse(
        {
            "url": stage.url,
            "issuer": stage.issuer,
            "app_id": stage.app_id,
            "app_private_key": stage.app_private_key,
            "environment": stage.broker_environment(),
        }
    )


async def add_repository(request: Request) -> Response:
    """POST /_sandbox/repositories {full_name, id?, installation_id?}."""
    asked = await json_object(request)
    repository = _stage(request).add_repository(asked.pop("full_name", ""), **asked)
    return JSONResponse(asdict(repository), 201)


async def start_run(request: Request) -> Response:
    """POST /_sandbox/runs {repository, workflow, event?, …} or {dispatch: its id, workflow}."""
    asked = await json_object(request)
    stage = _stage(request)
    if "dispatch" in asked:
        wanted = asked.pop("dispatch")
        found = next((d for d in stage.dispatches() if d.id == wanted), None)
        if found is None:
            raise LookupError(f"no accepted dispatch {wanted}")
        make = partial(stage.start_run_for, found, **asked)
    else:
        make = partial(stage.start_run, asked.pop("repository", ""), **asked)
    return JSONResponse(_run_json(await run_in_threadpool(make)), 201)


def _run(request: Request, attempt: int | None = None) -> Run:
    run = request.app.state.world.runs.find(request.path_params["run_id"], attempt)
    if run is None:
        raise LookupError(f"no run {request.path_params['run_id']}")
    found: Run = run
    return found


async def get_run(request: Request) -> Response:
    """GET /_sandbox/runs/{id}."""
    return JSONResponse(_run_json(_run(request)))


async def finish_run(request: Request) -> Response:
    """POST /_sandbox/runs/{id}/finish {conclusion?}: answers when every webhook was answered."""
    conclusion = (await json_object(request)).get("conclusion", "success")
    lines = await run_in_threadpool(_stage(request).finish_run, _run(request), conclusion)
    return JSONResponse({"deliveries": [_line_json(line) for line in lines]})


async def rerun(request: Request) -> Response:
    """POST /_sandbox/runs/{id}/rerun."""
    return JSONResponse(_run_json(_stage(request).rerun(_run(request))), 201)


async def mint(request: Request) -> Response:
    """POST /_sandbox/runs/{id}/token {audience?, claims?}: a token at once, with claims replaced."""
    asked = await json_object(request)
    run = _run(request)
    token = run.token(asked.get("audience", "api://zekt"), **asked.get("claims", {}))
    return JSONResponse({"token": token})


async def add_hook(request: Request) -> Response:
    """POST /_sandbox/hooks {repository, url, secret?}."""
    asked = await json_object(request)
    hook = _stage(request).add_hook(asked.pop("repository", ""), **asked)
    return JSONResponse(_hook_json(hook), 201)


async def set_app_hook(request: Request) -> Response:
    """POST /_sandbox/app-hook {url, secret?}."""
    return JSONResponse(_hook_json(_stage(request).set_app_hook(**await json_object(request))), 201)


async def hook_log(request: Request) -> Response:
    """GET /_sandbox/hook-deliveries."""
    return JSONResponse([_line_json(line) for line in _stage(request).hook_deliveries()])


async def redeliver(request: Request) -> Response:
    """POST /_sandbox/hook-deliveries/{id}/attempts: answers when the webhook was answered."""
    line = await run_in_threadpool(_stage(request).redeliver, request.path_params["delivery_id"])
    return JSONResponse(_line_json(line))


async def add_fault(request: Request) -> Response:
    """POST /_sandbox/faults {where, kind, …}."""
    return JSONResponse(asdict(_stage(request).faults.add(**await json_object(request))), 201)


async def list_faults(request: Request) -> Response:
    """GET /_sandbox/faults."""
    return JSONResponse([asdict(fault) for fault in _stage(request).faults.all()])


async def clear_faults(request: Request) -> Response:
    """DELETE /_sandbox/faults."""
    _stage(request).faults.clear()
    return Response(status_code=204)


async def set_limits(request: Request) -> Response:
    """PUT /_sandbox/limits {requests_per_hour?, content_per_minute?, concurrent?, …}: the rest is off."""
    _stage(request).limits.set(**await json_object(request))
    return Response(status_code=204)


async def list_dispatches(request: Request) -> Response:
    """GET /_sandbox/dispatches?repository=&refused=&count=&timeout=: with `count`, waits for that many."""
    query = request.query_params
    stage, repository, refused = _stage(request), query.get("repository"), "refused" in query
    if "count" in query:
        seconds = min(60.0, float(query.get("timeout", "10")))
        wait = partial(stage.wait_for_dispatches, repository, int(query["count"]), seconds, refused=refused)
        try:
            found = await run_in_threadpool(wait)
        except TimeoutError as late:
            raise Refused(408, str(late)) from late
    else:
        found = stage.dispatches(repository, refused=refused)
    return JSONResponse([_dispatch_json(dispatch) for dispatch in found])


_HERE = "/_sandbox"
ROUTES = [
    Route(_HERE + "/info", _clearly(info)),
    Route(_HERE + "/repositories", _clearly(add_repository), methods=["POST"]),
    Route(_HERE + "/runs", _clearly(start_run), methods=["POST"]),
    Route(_HERE + "/runs/{run_id:int}", _clearly(get_run)),
    Route(_HERE + "/runs/{run_id:int}/finish", _clearly(finish_run), methods=["POST"]),
    Route(_HERE + "/runs/{run_id:int}/rerun", _clearly(rerun), methods=["POST"]),
    Route(_HERE + "/runs/{run_id:int}/token", _clearly(mint), methods=["POST"]),
    Route(_HERE + "/hooks", _clearly(add_hook), methods=["POST"]),
    Route(_HERE + "/app-hook", _clearly(set_app_hook), methods=["POST"]),
    Route(_HERE + "/hook-deliveries", _clearly(hook_log)),
    Route(_HERE + "/hook-deliveries/{delivery_id:int}/attempts", _clearly(redeliver), methods=["POST"]),
    Route(_HERE + "/faults", _clearly(list_faults)),
    Route(_HERE + "/faults", _clearly(add_fault), methods=["POST"]),
    Route(_HERE + "/faults", _clearly(clear_faults), methods=["DELETE"]),
    Route(_HERE + "/limits", _clearly(set_limits), methods=["PUT"]),
    Route(_HERE + "/dispatches", _clearly(list_dispatches)),
]
