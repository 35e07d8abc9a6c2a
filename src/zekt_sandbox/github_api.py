"""The REST routes of repositories, the app, its installations and workflow runs."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_sandbox import events, shapes
from zekt_sandbox.credentials import APP_SLUG, Grant
from zekt_sandbox.refusals import Refused
from zekt_sandbox.repositories import DEFAULT_PERMISSIONS, Repository
from zekt_sandbox.world import World

MAX_PER_PAGE = 100


def world_of(request: Request) -> World:
    world = request.app.state.world
    assert isinstance(world, World)  # noqa: S101 - tells the type checker what app.py put there
    return world


def authorization(request: Request) -> str:
    return request.headers.get("authorization", "")


def require_grant(request: Request) -> Grant:
    """The installation token of the request.

    Raises:
        Refused: 401, 403 when its installation is suspended.
    """
    grant = world_of(request).credentials.grant(authorization(request))
    if grant is None:
        raise Refused(401, "Bad credentials" if authorization(request) else "Requires authentication")
    world_of(request).credentials.require_unsuspended(grant.installation_id)
    return grant


def require_permission(request: Request, grant: Grant, permission: str, level: str) -> None:
    """Hold the token to its permissions, as GitHub does.

    https://docs.github.com/rest/authentication/permissions-required-for-github-apps

    Raises:
        Refused: 403.
    """
    if not world_of(request).credentials.allows(grant, permission, level):
        wanted = {"x-accepted-github-permissions": f"{permission}={level}"}
        raise Refused(403, "Resource not accessible by integration", wanted)


def reach(request: Request, permission: str = "metadata", level: str = "read") -> Repository:
    """The repository in the path, if this token may do that to it.

    Raises:
        Refused: 401, 404 (not there, or not yours: the same), or 403 without the permission.
    """
    grant = require_grant(request)
    path, known = request.path_params, world_of(request).repositories
    named = "repository_id" not in path
    repository = known.find(f"{path['owner']}/{path['repo']}") if named else known.by_id(path["repository_id"])
    if repository is None or not grant.reaches(repository):
        raise Refused(404, "Not Found")
    require_permission(request, grant, permission, level)
    return repository


async def json_object(request: Request) -> dict[str, Any]:
    """The request's body, an empty object where there is none.

    Raises:
        Refused: 400.
    """
    raw = await request.body()
    if not raw:
        return {}
    try:
        value = await request.json()
    except (ValueError, RecursionError) as unreadable:
        raise Refused(400, "Problems parsing JSON") from unreadable
    if not isinstance(value, dict):
        raise Refused(400, "Body should be a JSON object")
    return value


def per_page(request: Request) -> int:
    """1 to 100; 30 where nothing (or nothing sensible) was said."""
    return min(MAX_PER_PAGE, number(request, "per_page", 30))


def number(request: Request, name: str, otherwise: int) -> int:
    asked = request.query_params.get(name, "")
    return max(1, int(asked)) if asked.isascii() and asked.isdecimal() else otherwise


async def create_dispatch(request: Request) -> Response:
    """POST /repos/{owner}/{repo}/dispatches."""
    repository = reach(request, "contents", "write")
    grant = require_grant(request)
    if repository.archived:
        raise Refused(403, "Repository was archived so is read-only.")
    if repository.disabled:
        raise Refused(403, "Repository access blocked")
    world_of(request).dispatches.accept(repository, grant.installation_id, await request.body())
    return Response(status_code=204)


async def get_repository(request: Request) -> Response:
    """GET /repos/{owner}/{repo}, or /repositories/{id}."""
    return JSONResponse(shapes.repository(reach(request), world_of(request).url))


async def get_run(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/actions/runs/{run_id}, also …/attempts/{attempt}."""
    repository = reach(request, "actions")
    run = world_of(request).runs.find(request.path_params["run_id"], request.path_params.get("attempt"))
    if run is None or run.repository.id != repository.id:
        raise Refused(404, "Not Found")
    return JSONResponse(events.workflow_run(run))


async def delete_run(request: Request) -> Response:
    """DELETE /repos/{owner}/{repo}/actions/runs/{run_id}."""
    repository = reach(request, "actions", "write")
    run = world_of(request).runs.find(request.path_params["run_id"])
    if run is None or run.repository.id != repository.id:
        raise Refused(404, "Not Found")
    world_of(request).runs.delete(run.id)
    return Response(status_code=204)


async def get_app(request: Request) -> Response:
    """GET /app."""
    world = world_of(request)
    world.credentials.require_app(authorization(request))
    hook = world.hooks.app_hook()
    return JSONResponse(
        {
            "id": int(world.credentials.app_id),
            "slug": APP_SLUG,
            "name": "Zekt (sandbox)",
            "owner": shapes.user("zekt-dev-org", "Organization"),
            "html_url": f"{shapes.SERVER_URL}/apps/{APP_SLUG}",
            "events": list(hook.events) if hook else [],
            "permissions": dict(DEFAULT_PERMISSIONS),
            "installations_count": len({r.installation_id for r in world.repositories.all()}),
        }
    )


def installation(world: World, repository: Repository) -> dict[str, Any]:
    """The installation that covers this repository."""
    return shapes.installation(world.repositories, repository.installation_id, world.url)


def _page_of(request: Request, found: list[Any]) -> list[Any]:
    size = per_page(request)
    first = (number(request, "page", 1) - 1) * size
    return found[first : first + size]


async def list_installations(request: Request) -> Response:
    """GET /app/installations."""
    world = world_of(request)
    world.credentials.require_app(authorization(request))
    shown = [shapes.installation(world.repositories, each, world.url) for each in world.repositories.installations()]
    return JSONResponse(_page_of(request, shown))


async def get_installation(request: Request) -> Response:
    """GET /app/installations/{id}."""
    world = world_of(request)
    world.credentials.require_app(authorization(request))
    if request.path_params["installation_id"] not in world.repositories.installations():
        raise Refused(404, "Not Found")
    return JSONResponse(shapes.installation(world.repositories, request.path_params["installation_id"], world.url))


async def get_repository_installation(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/installation."""
    world = world_of(request)
    world.credentials.require_app(authorization(request))
    found = world.repositories.find(f"{request.path_params['owner']}/{request.path_params['repo']}")
    if found is None or world.repositories.permissions(found.installation_id) is None:
        raise Refused(404, "Not Found")
    return JSONResponse(installation(world, found))


async def create_token(request: Request) -> Response:
    """POST /app/installations/{id}/access_tokens."""
    world = world_of(request)
    world.credentials.require_app(authorization(request))
    asked = await json_object(request)
    number = request.path_params["installation_id"]
    token, grant = world.credentials.issue(number, asked.get("permissions"), asked.get("repository_ids"))
    return JSONResponse(
        {
            "token": token,
            "expires_at": shapes.stamp(grant.expires_at),
            "permissions": dict(grant.permissions),
            "repository_selection": "selected" if grant.repository_ids is not None else "all",
        },
        201,
    )


async def list_installation_repositories(request: Request) -> Response:
    """GET /installation/repositories."""
    grant = require_grant(request)
    world = world_of(request)
    found = [r for r in world.repositories.of_installation(grant.installation_id) if grant.reaches(r)]
    shown = [shapes.repository(repository, world.url) for repository in found]
    return JSONResponse({"total_count": len(shown), "repositories": _page_of(request, shown)})


async def get_rate_limit(request: Request) -> Response:
    """GET /rate_limit."""
    grant = world_of(request).credentials.grant(authorization(request))
    headers = world_of(request).limits.headers(grant.installation_id if grant else None)
    core = {name: int(headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "used", "reset")}
    return JSONResponse({"resources": {"core": core}, "rate": core})


async def root(_request: Request) -> Response:
    """GET /."""
    return JSONResponse({"zekt_sandbox": True, "time": shapes.stamp(datetime.now(UTC))})
