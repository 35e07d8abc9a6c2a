"""The REST routes of workflow files and of what GitHub knows about them."""

import base64
import hashlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_sandbox import shapes
from zekt_sandbox.github_api import number, per_page, reach, world_of
from zekt_sandbox.refusals import Refused
from zekt_sandbox.repositories import Repository, stable_id
from zekt_sandbox.workflows import FOLDER
from zekt_sandbox.world import World

_INLINE_BYTES = 1_048_576
"""Larger files come without content: https://docs.github.com/rest/repos/contents#get-repository-content."""


def _entry(repository: Repository, path: str, text: str, url: str) -> dict[str, Any]:
    raw = text.encode()
    return {
        "type": "file",
        "name": path.rpartition("/")[2],
        "path": path,
        "size": len(raw),
        "sha": hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest(),
        "url": f"{url}/repos/{repository.full_name}/contents/{path}",
        "html_url": f"{shapes.SERVER_URL}/{repository.full_name}/blob/{repository.default_branch}/{path}",
    }


def _content(text: str) -> dict[str, str]:
    raw = text.encode()
    if len(raw) > _INLINE_BYTES:
        return {"encoding": "none", "content": ""}
    # In lines of 60 characters, as GitHub sends it.
    return {"encoding": "base64", "content": "\n".join(_lines(base64.b64encode(raw).decode()))}


def _lines(text: str) -> list[str]:
    return [text[start : start + 60] for start in range(0, len(text), 60)] + [""]


async def get_contents(request: Request) -> JSONResponse:
    """GET /repos/{owner}/{repo}/contents/{path}: the folder of workflows, and its files; nothing else."""
    repository = reach(request, "contents")
    world, path = world_of(request), request.path_params["path"].rstrip("/")
    files = world.workflows.files(repository, request.query_params.get("ref"))
    if path == FOLDER and files:
        return JSONResponse([_entry(repository, each, text, world.url) for each, text in files.items()])
    if path not in files:
        raise Refused(404, "Not Found")
    return JSONResponse(_entry(repository, path, files[path], world.url) | _content(files[path]))


async def list_workflows(request: Request) -> JSONResponse:
    """GET /repos/{owner}/{repo}/actions/workflows: those whose file is there, and those that have run."""
    found = _known(request)
    size = per_page(request)
    start = (number(request, "page", 1) - 1) * size
    return JSONResponse({"total_count": len(found), "workflows": found[start : start + size]})


async def get_workflow(request: Request) -> JSONResponse:
    """GET /repos/{owner}/{repo}/actions/workflows/{id or file name}."""
    asked = request.path_params["workflow"]
    for each in _known(request):
        if asked in (str(each["id"]), each["path"].rpartition("/")[2]):
            return JSONResponse(each)
    raise Refused(404, "Not Found")


def _known(request: Request) -> list[dict[str, Any]]:
    repository = reach(request, "actions")
    world = world_of(request)
    names = {run.workflow: run.name for run in reversed(world.runs.of(repository))}
    paths = sorted({*names, *world.workflows.files(repository)})
    return [_workflow(repository, path, names.get(path, path), world) for path in paths]


def _workflow(repository: Repository, path: str, name: str, world: World) -> dict[str, Any]:
    identity = stable_id("workflow", f"{repository.id}:{path}")
    return {
        "id": identity,
        "name": name,
        "path": path,
        "state": world.workflows.state(repository, path),
        "url": f"{world.url}/repos/{repository.full_name}/actions/workflows/{identity}",
        "html_url": f"{shapes.SERVER_URL}/{repository.full_name}/blob/{repository.default_branch}/{path}",
    }


async def get_actions_permissions(request: Request) -> JSONResponse:
    """GET /repos/{owner}/{repo}/actions/permissions."""
    repository = reach(request, "administration")
    return JSONResponse({"enabled": repository.actions_enabled, "allowed_actions": "all"})
