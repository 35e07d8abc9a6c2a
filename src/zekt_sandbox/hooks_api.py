"""The REST routes of webhooks, their delivery logs and redelivery: a repository's and the app's own."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_sandbox.github_api import authorization, json_object, number, per_page, reach, world_of
from zekt_sandbox.letters import Hook, HookDelivery, headers
from zekt_sandbox.refusals import Refused
from zekt_sandbox.repositories import Repository
from zekt_sandbox.shapes import stamp

RETENTION = timedelta(days=3)
"""How long the log remembers: https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries"""


MOST_HOOKS = 20
"""Of one repository, for one event."""


def _config(hook: Hook) -> dict[str, Any]:
    config = {"url": hook.url, "content_type": "json", "insecure_ssl": "0"}
    if hook.secret:
        config["secret"] = "********"  # noqa: S105 - GitHub's own mask
    return config


def _hook_json(hook: Hook, base: str) -> dict[str, Any]:
    return {
        "type": "Repository",
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": list(hook.events),
        "config": _config(hook),
        "url": f"{base}/hooks/{hook.id}",
        "ping_url": f"{base}/hooks/{hook.id}/pings",
        "deliveries_url": f"{base}/hooks/{hook.id}/deliveries",
    }


def _summary(line: HookDelivery) -> dict[str, Any]:
    """As https://docs.github.com/rest/repos/webhooks#list-deliveries-for-a-repository-webhook has it."""
    repository = line.letter.repository
    return {
        "id": line.id,
        "guid": line.guid,
        "delivered_at": stamp(line.delivered_at),
        "redelivery": line.redelivery,
        "duration": round(line.outcome.duration, 2),
        "status": line.status,
        "status_code": line.status_code,
        "event": line.event,
        "action": line.letter.action,
        "installation_id": repository.installation_id if repository else None,
        "repository_id": repository.id if repository else None,
        "throttled_at": None,
    }


def _detail(line: HookDelivery) -> dict[str, Any]:
    return {
        **_summary(line),
        "url": line.hook.url,
        "request": {"headers": headers(line.hook, line.letter), "payload": json.loads(line.letter.body)},
        "response": {"headers": dict(line.outcome.headers), "payload": line.outcome.body},
    }


def _repository_hook(request: Request, level: str = "read") -> Hook:
    repository = reach(request, "repository_hooks", level)
    hook = world_of(request).hooks.get(request.path_params["hook_id"])
    if hook is None or hook.repository is None or hook.repository.id != repository.id:
        raise Refused(404, "Not Found")
    return hook


def _app_hook(request: Request) -> Hook:
    world_of(request).credentials.require_app(authorization(request))
    hook = world_of(request).hooks.app_hook()
    if hook is None:
        raise Refused(404, "Not Found")
    return hook


def _line(request: Request, hook: Hook) -> HookDelivery:
    line = world_of(request).hooks.delivery(request.path_params["delivery_id"])
    if line is None or line.hook.id != hook.id or not _remembered(line):
        raise Refused(404, "Not Found")
    return line


def _remembered(line: HookDelivery) -> bool:
    return line.delivered_at > datetime.now(UTC) - RETENTION


def _matches(line: HookDelivery, status: str | None) -> bool:
    """GitHub's filter knows answers only: a delivery that got none is neither a success nor a failure."""
    if status is None:
        return True
    return line.status_code > 0 and line.ok == (status == "success")


def _page(request: Request, hook: Hook) -> Response:
    """Newest first, by cursor; the Link header names the next page."""
    cursor = request.query_params.get("cursor", "")
    before = int(cursor) if cursor.isascii() and cursor.isdecimal() else None
    status = request.query_params.get("status")
    lines = [
        line
        for line in world_of(request).hooks.log(hook.id)
        if (before is None or line.id < before) and _matches(line, status) and _remembered(line)
    ]
    size = per_page(request)
    shown = lines[:size]
    links = {}
    if len(lines) > size:
        url = request.url.include_query_params(cursor=shown[-1].id)
        links["link"] = f'<{url}>; rel="next"'
    return JSONResponse([_summary(line) for line in shown], headers=links)


def _attempt(request: Request, hook: Hook) -> Response:
    line = _line(request, hook)
    again = BackgroundTask(world_of(request).hooks.redeliver, line.id)
    return JSONResponse({}, 202, background=again)


def _base(request: Request) -> str:
    return f"{world_of(request).url}/repos/{request.path_params['owner']}/{request.path_params['repo']}"


def _own(request: Request, repository: Repository) -> list[Hook]:
    return [h for h in world_of(request).hooks.all() if h.repository and h.repository.id == repository.id]


async def list_hooks(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/hooks."""
    own = _own(request, reach(request, "repository_hooks"))
    size = per_page(request)
    start = (number(request, "page", 1) - 1) * size
    return JSONResponse([_hook_json(hook, _base(request)) for hook in own[start : start + size]])


def _invalid(why: str) -> Refused:
    return Refused(422, "Validation Failed", errors=[{"resource": "Hook", "code": "custom", "message": why}])


def _check_place(hooks: list[Hook], url: str, events: tuple[str, ...]) -> None:
    """One hook for each address, and 20 for each event: https://docs.github.com/webhooks/about-webhooks ."""
    if any(hook.url == url for hook in hooks):
        raise _invalid("Hook already exists on this repository")
    for event in events:
        if sum(1 for hook in hooks if event in hook.events) >= MOST_HOOKS:
            raise _invalid(f'The "{event}" event cannot have more than {MOST_HOOKS} hooks')


def _wanted(asked: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """What is asked of a hook. A `config` is whole: one without a secret takes the secret away."""
    config = asked.get("config", {} if new else None)
    if config is not None and (not isinstance(config, dict) or not isinstance(config.get("url"), str)):
        raise _invalid("Config must contain URL for webhooks")
    events = asked.get("events", ["push"] if new else None)
    return {
        **({} if config is None else {"url": config["url"], "secret": config.get("secret")}),
        **({} if events is None else {"events": tuple(str(event) for event in events)}),
        **({"active": bool(asked["active"])} if "active" in asked else {}),
    }


def _writable(request: Request) -> Repository:
    repository = reach(request, "repository_hooks", "write")
    if repository.archived:
        raise Refused(403, "Repository was archived so is read-only.")
    return repository


async def create_hook(request: Request) -> Response:
    """POST /repos/{owner}/{repo}/hooks; the ping follows the answer."""
    repository = _writable(request)
    wanted = _wanted(await json_object(request), new=True)
    _check_place(_own(request, repository), wanted["url"], wanted["events"])
    hooks = world_of(request).hooks
    try:
        hook = hooks.add(**wanted, repository=repository)
    except ValueError as refused:
        raise _invalid(str(refused)) from refused
    return JSONResponse(_hook_json(hook, _base(request)), 201, background=BackgroundTask(hooks.ping, hook))


async def update_hook(request: Request) -> Response:
    """PATCH /repos/{owner}/{repo}/hooks/{id}."""
    _writable(request)
    hook = _repository_hook(request, "write")
    try:
        changed = world_of(request).hooks.change(hook, **_wanted(await json_object(request), new=False))
    except ValueError as refused:
        raise _invalid(str(refused)) from refused
    return JSONResponse(_hook_json(changed, _base(request)))


async def get_hook(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/hooks/{id}."""
    return JSONResponse(_hook_json(_repository_hook(request), _base(request)))


async def delete_hook(request: Request) -> Response:
    """DELETE /repos/{owner}/{repo}/hooks/{id}."""
    _writable(request)
    world_of(request).hooks.remove(_repository_hook(request, "write").id)
    return Response(status_code=204)


async def ping_hook(request: Request) -> Response:
    """POST /repos/{owner}/{repo}/hooks/{id}/pings."""
    hook = _repository_hook(request)
    return Response(status_code=204, background=BackgroundTask(world_of(request).hooks.ping, hook))


async def list_deliveries(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/hooks/{id}/deliveries."""
    return _page(request, _repository_hook(request))


async def get_delivery(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/hooks/{id}/deliveries/{delivery_id}."""
    return JSONResponse(_detail(_line(request, _repository_hook(request))))


async def redeliver(request: Request) -> Response:
    """POST /repos/{owner}/{repo}/hooks/{id}/deliveries/{delivery_id}/attempts."""
    return _attempt(request, _repository_hook(request, "write"))


async def get_app_hook_config(request: Request) -> Response:
    """GET /app/hook/config."""
    return JSONResponse(_config(_app_hook(request)))


async def list_app_deliveries(request: Request) -> Response:
    """GET /app/hook/deliveries."""
    return _page(request, _app_hook(request))


async def get_app_delivery(request: Request) -> Response:
    """GET /app/hook/deliveries/{delivery_id}."""
    return JSONResponse(_detail(_line(request, _app_hook(request))))


async def redeliver_app(request: Request) -> Response:
    """POST /app/hook/deliveries/{delivery_id}/attempts."""
    return _attempt(request, _app_hook(request))
