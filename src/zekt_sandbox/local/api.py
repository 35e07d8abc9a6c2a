"""/_sandbox/local/…: runs of local folders, and their logs while they are written."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from zekt_sandbox import bodies
from zekt_sandbox.github_api import json_object, world_of
from zekt_sandbox.local.journal import Journal, RunLog
from zekt_sandbox.local.room import LocalRoom
from zekt_sandbox.world import World

_LOOK_SECONDS = 0.5
"""How often a reader looks whether the sandbox ends; lines wake it at once."""


def _room(request: Request) -> LocalRoom:
    room = world_of(request).local
    if room is None:
        raise LookupError("this sandbox has no local folders; `zekt sandbox up FOLDER` starts one that has")
    return room


async def start(request: Request) -> Response:
    asked = bodies.StartLocalRun.check(await json_object(request))
    about = asked.given("repository", "workflow")
    begin = partial(_room(request).start, asked.repository, asked.workflow, **about)
    return JSONResponse((await run_in_threadpool(begin)).as_json(), 201)


async def list_runs(request: Request) -> Response:
    return JSONResponse({"runs": [each.as_json() for each in _room(request).runs()]})


async def get_run(request: Request) -> Response:
    asked = bodies.FindAttempt.check(request.query_params)
    return JSONResponse(_room(request).find(request.path_params["run_id"], asked.attempt).as_json())


async def cancel(request: Request) -> Response:
    bodies.Nothing.check(await json_object(request))
    return JSONResponse(_room(request).cancel(request.path_params["run_id"]).as_json(), 202)


async def rerun(request: Request) -> Response:
    bodies.Nothing.check(await json_object(request))
    again = partial(_room(request).rerun, request.path_params["run_id"])
    return JSONResponse((await run_in_threadpool(again)).as_json(), 201)


async def run_log(request: Request) -> Response:
    asked = bodies.ReadLog.check(request.query_params)
    found = _room(request).find(request.path_params["run_id"], asked.attempt)
    lines = _text(world_of(request), found.log, follow=asked.follow is not None)
    return StreamingResponse(lines, media_type="text/plain; charset=utf-8")


async def log(request: Request) -> Response:
    asked = bodies.Follow.check(request.query_params)
    lines = _entries(world_of(request), _room(request).journal, follow=asked.follow is not None)
    return StreamingResponse(lines, media_type="application/x-ndjson")


async def _text(world: World, of: RunLog, *, follow: bool) -> AsyncIterator[bytes]:
    offset = 0
    with of.bell.hearing() as heard:
        while True:
            heard.clear()
            ended = of.ended or not follow or world.closing.is_set()
            while piece := of.read(offset):
                offset += len(piece)
                yield piece
            if ended:
                return
            await _either(heard)


async def _entries(world: World, journal: Journal, *, follow: bool) -> AsyncIterator[bytes]:
    number = journal.first()
    with journal.bell.hearing() as heard:
        while True:
            heard.clear()
            ended = not follow or world.closing.is_set()
            number, found = journal.after(number)
            if found:
                yield b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in found)
            if ended:
                return
            await _either(heard)


async def _either(heard: asyncio.Event) -> None:
    """Until something was heard, or it is time to look whether the sandbox ends."""
    try:
        await asyncio.wait_for(heard.wait(), _LOOK_SECONDS)
    except TimeoutError:
        return
