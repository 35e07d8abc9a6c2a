"""/_sandbox/…: all of the Python API over HTTP, so that another process can play GitHub's part."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from zekt_sandbox import bodies
from zekt_sandbox.control_shapes import dispatch_json, hook_json, line_json, run_json
from zekt_sandbox.github_api import json_object
from zekt_sandbox.refusals import Refused
from zekt_sandbox.runs import Run
from zekt_sandbox.stage import Stage

_MAX_WAIT_SECONDS = 60.0
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


def _stage(request: Request) -> Stage:
    return Stage(request.app.state.world)


def _run(request: Request) -> Run:
    """The newest attempt of the run that the path names."""
    run: Run | None = request.app.state.world.runs.find(request.path_params["run_id"])
    if run is None:
        raise LookupError(f"no run {request.path_params['run_id']}")
    return run


def exports(environment: Mapping[str, str]) -> str:
    """Lines for `eval "$(curl -sf …)"`; whatever the values hold, a shell takes them as they are.

    Raises:
        ValueError: a name is none of a variable: a shell would run what stands in it.
    """
    for name in environment:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no variable of a shell's is called {name!r}")
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def _in_form(form: bodies.Form, value: Mapping[str, Any], status: int = 200) -> Response:
    """As JSON, or its `environment` alone for a shell."""
    if form.format == "env":
        return PlainTextResponse(exports(value["environment"]), status)
    return JSONResponse(value, status)


async def info(request: Request) -> Response:
    form = bodies.Form.check(request.query_params)
    stage = _stage(request)
    value = {
        "url": stage.url,
        "issuer": stage.issuer,
        "app_id": stage.app_id,
        "environment": stage.broker_environment(),
    }
    return _in_form(form, value)


async def add_repository(request: Request) -> Response:
    asked = bodies.AddRepository.check(await json_object(request))
    repository = _stage(request).add_repository(asked.full_name, **asked.given("full_name"))
    return JSONResponse(asdict(repository), 201)


async def change_repository(request: Request) -> Response:
    asked = bodies.ChangeRepository.check(await json_object(request))
    return JSONResponse(asdict(_stage(request).change_repository(asked.repository, **asked.given("repository"))))


async def set_installation(request: Request) -> Response:
    asked = bodies.SetInstallation.check(await json_object(request))
    _stage(request).set_installation(asked.repository, **asked.given("repository"))
    return Response(status_code=204)


async def change_app(request: Request) -> Response:
    asked = bodies.ChangeApp.check(await json_object(request))
    lines = await run_in_threadpool(partial(_stage(request).app.change, **asked.given()))
    return JSONResponse({"deliveries": [line_json(line) for line in lines]})


async def add_workflow(request: Request) -> Response:
    asked = bodies.AddWorkflow.check(await json_object(request))
    _stage(request).add_workflow(**asked.given())
    return Response(status_code=204)


async def start_run(request: Request) -> Response:
    form = bodies.Form.check(request.query_params)
    body = await json_object(request)
    stage = _stage(request)
    make = _for_dispatch(stage, body) if "dispatch" in body else _for_event(stage, body)
    return _in_form(form, run_json(await run_in_threadpool(make)), 201)


def _for_event(stage: Stage, body: Mapping[str, Any]) -> Callable[[], Run]:
    asked = bodies.StartRun.check(body)
    return partial(stage.start_run, asked.repository, **asked.given("repository"))


def _for_dispatch(stage: Stage, body: Mapping[str, Any]) -> Callable[[], Run]:
    asked = bodies.StartRunForDispatch.check(body)
    found = next((each for each in stage.dispatches() if each.id == asked.dispatch), None)
    if found is None:
        raise LookupError(f"no accepted dispatch {asked.dispatch}")
    return partial(stage.start_run_for, found, **asked.given("dispatch"))


async def get_run(request: Request) -> Response:
    return _in_form(bodies.Form.check(request.query_params), run_json(_run(request)))


async def get_event(request: Request) -> Response:
    return JSONResponse(_run(request).event_file())


async def finish_run(request: Request) -> Response:
    asked = bodies.FinishRun.check(await json_object(request))
    lines = await run_in_threadpool(_stage(request).finish_run, _run(request), asked.conclusion)
    return JSONResponse({"deliveries": [line_json(line) for line in lines]})


async def rerun(request: Request) -> Response:
    bodies.Nothing.check(await json_object(request))
    return JSONResponse(run_json(_stage(request).rerun(_run(request))), 201)


async def delete_run(request: Request) -> Response:
    _stage(request).delete_run(_run(request))
    return Response(status_code=204)


async def mint(request: Request) -> Response:
    asked = bodies.Mint.check(await json_object(request))
    run = _run(request)
    claims = run.issuer.claims(run.identity(), asked.audience, asked.claims)
    return JSONResponse({"token": run.issuer.keys.sign(claims)})


async def add_hook(request: Request) -> Response:
    asked = bodies.AddHook.check(await json_object(request))
    hook = _stage(request).add_hook(asked.repository, **asked.given("repository"))
    return JSONResponse(hook_json(hook), 201)


async def set_app_hook(request: Request) -> Response:
    asked = bodies.AppHook.check(await json_object(request))
    return JSONResponse(hook_json(_stage(request).set_app_hook(**asked.given())), 201)


async def hook_log(request: Request) -> Response:
    return JSONResponse([line_json(line) for line in _stage(request).hook_deliveries()])


async def redeliver(request: Request) -> Response:
    bodies.Nothing.check(await json_object(request))
    line = await run_in_threadpool(_stage(request).redeliver, request.path_params["delivery_id"])
    return JSONResponse(line_json(line))


async def add_fault(request: Request) -> Response:
    asked = bodies.AddFault.check(await json_object(request))
    return JSONResponse(asdict(_stage(request).faults.add(**asked.given())), 201)


async def list_faults(request: Request) -> Response:
    return JSONResponse([asdict(fault) for fault in _stage(request).faults.all()])


async def clear_faults(request: Request) -> Response:
    _stage(request).faults.clear()
    return Response(status_code=204)


async def set_limits(request: Request) -> Response:
    asked = bodies.SetLimits.check(await json_object(request))
    _stage(request).limits.set(**asked.given())
    return Response(status_code=204)


async def set_clock(request: Request) -> Response:
    asked = bodies.SetClock.check(await json_object(request))
    _stage(request).backdate(timedelta(seconds=asked.behind_seconds))
    return Response(status_code=204)


async def list_dispatches(request: Request) -> Response:
    asked = bodies.FindDispatches.check(request.query_params)
    stage, refused = _stage(request), asked.refused is not None
    if asked.count is None:
        found = stage.dispatches(asked.repository, refused=refused)
    else:
        seconds = min(_MAX_WAIT_SECONDS, asked.timeout)
        wait = partial(stage.wait_for_dispatches, asked.repository, asked.count, seconds, refused=refused)
        try:
            found = await run_in_threadpool(wait)
        except TimeoutError as late:
            raise Refused(408, str(late)) from late
    return JSONResponse([dispatch_json(dispatch) for dispatch in found])
