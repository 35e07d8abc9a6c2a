"""The routes of people: the sign-in page, their tokens, what they see, and what others may ask about them."""

from dataclasses import asdict
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from zekt_sandbox import bodies, github_api, shapes
from zekt_sandbox.github_api import authorization, json_object, reach, world_of
from zekt_sandbox.people import Person
from zekt_sandbox.refusals import Refused
from zekt_sandbox.repositories import Repository
from zekt_sandbox.stage import Stage

_LEVELS = ("pull", "triage", "push", "maintain", "admin")
_HELD = {"admin": 5, "write": 3, "read": 1, "none": 0}
_WRONG_ADDRESS = (
    "Be careful! The redirect_uri is not associated with this application. The application might be misconfigured or"
    " could be trying to redirect you to a website you weren't expecting."
)


async def authorize(request: Request) -> Response:
    """GET /login/oauth/authorize. Where GitHub asks for a password, this asks who you are; `as` says it at once."""
    world, asked = world_of(request), request.query_params
    if asked.get("client_id") != world.oauth.client_id:
        raise Refused(404, "Not Found")
    redirect_uri = asked.get("redirect_uri", "")
    if not world.oauth.knows(redirect_uri):
        return HTMLResponse(f"<p>{escape(_WRONG_ADDRESS)}", 400)
    if "as" not in asked:
        return HTMLResponse(_page(request))
    person = world.people.find(asked["as"])
    if person is None:
        told = {"error": "access_denied", "error_description": "The user has denied your application access."}
    else:
        challenge = asked.get("code_challenge", "") if asked.get("code_challenge_method") == "S256" else ""
        told = {"code": world.oauth.code(person.id, redirect_uri, challenge)}
    state = {"state": asked["state"]} if "state" in asked else {}
    return RedirectResponse(f"{redirect_uri}?{urlencode({**told, **state})}", 302)


def _page(request: Request) -> str:
    ways = [(person.login, person.login) for person in world_of(request).people.all()]
    lines = "".join(
        f'<li><a href="{escape(str(request.url.include_query_params(**{"as": login})))}">{escape(text)}</a>'
        for login, text in [*ways, ("", "Cancel")]
    )
    return f"<!doctype html><title>Sandbox</title><h1>Who are you?</h1><ul>{lines}</ul>"


async def access_token(request: Request) -> Response:
    """POST /login/oauth/access_token: a form or JSON; refusals are 200 too."""
    if "json" in request.headers.get("content-type", ""):
        asked: dict[str, Any] = await json_object(request)
    else:
        asked = dict(parse_qsl((await request.body()).decode(errors="replace")))
    answer = world_of(request).oauth.exchange({**request.query_params, **asked})
    if "json" in request.headers.get("accept", ""):
        return JSONResponse(answer)
    return Response(urlencode(answer), media_type="application/x-www-form-urlencoded")


def _signed_in(request: Request) -> Person:
    """Whose user token it is.

    Raises:
        Refused: 401.
    """
    number = world_of(request).oauth.person_id(authorization(request))
    person = world_of(request).people.by_id(number) if number is not None else None
    if person is None:
        raise Refused(401, "Bad credentials" if authorization(request) else "Requires authentication")
    return person


async def get_user(request: Request) -> Response:
    """GET /user."""
    person = _signed_in(request)
    return JSONResponse(shapes.user(person.login, number=person.id))


def _visible(request: Request, person: Person) -> list[Repository]:
    """In installations of the app."""
    known = world_of(request).repositories
    installed = [repository for repository in known.all() if known.permissions(repository.installation_id) is not None]
    return [repository for repository in installed if person.permission(repository) != "none"]


async def list_user_installations(request: Request) -> Response:
    """GET /user/installations: those in which the person sees a repository."""
    person, world = _signed_in(request), world_of(request)
    by_id = {repository.installation_id: repository for repository in _visible(request, person)}
    found = [github_api.installation(world, repository) for repository in by_id.values()]
    for shown in found:
        owner = world.people.find(shown["account"].get("login", ""))
        if owner is not None:
            shown.update(account=shapes.user(owner.login, number=owner.id), target_type="User", target_id=owner.id)
    return _page_of(request, "installations", found)


async def list_user_installation_repositories(request: Request) -> Response:
    """GET /user/installations/{id}/repositories."""
    person, world = _signed_in(request), world_of(request)
    number = request.path_params["installation_id"]
    world.credentials.require_unsuspended(number)
    seen = [repository for repository in _visible(request, person) if repository.installation_id == number]
    if not seen:
        raise Refused(404, "Not Found")
    shown = [{**shapes.repository(r, world.url), "permissions": _levels(person.permission(r))} for r in seen]
    return _page_of(request, "repositories", shown)


def _page_of(request: Request, name: str, found: list[dict[str, Any]]) -> Response:
    size, page = github_api.per_page(request), github_api.number(request, "page", 1)
    return JSONResponse({"total_count": len(found), name: found[(page - 1) * size : page * size]})


def _levels(permission: str) -> dict[str, bool]:
    return {level: number < _HELD[permission] for number, level in enumerate(_LEVELS)}


async def get_organization(request: Request) -> Response:
    """GET /orgs/{org}: what everybody may know of it."""
    known, login = world_of(request).repositories, request.path_params["org"]
    github_api.require_grant(request)
    owned = next((repository for repository in known.all() if repository.owner.lower() == login.lower()), None)
    if owned is None:
        raise Refused(404, "Not Found")
    return JSONResponse({**shapes.owner(owned), "is_verified": known.is_verified(owned.owner_id)})


async def get_membership(request: Request) -> Response:
    """GET /orgs/{org}/memberships/{username}: needs the organisation permission Members: read."""
    world, organization = world_of(request), request.path_params["org"]
    grant = github_api.require_grant(request)
    owned = [r for r in world.repositories.of_installation(grant.installation_id) if r.owner == organization]
    if not owned:
        raise Refused(403, "Resource not accessible by integration")
    github_api.require_permission(request, grant, "members", "read")
    person = world.people.find(request.path_params["username"])
    role = person.role(organization) if person else None
    if person is None or role is None:
        raise Refused(404, "Not Found")
    return JSONResponse(
        {
            "state": "active",
            "role": role,
            "user": shapes.user(person.login, number=person.id),
            "organization": {"login": organization, "id": owned[0].owner_id},
        }
    )


async def get_permission(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/collaborators/{username}/permission, or /repositories/{id}/…: needs Metadata: read."""
    repository = reach(request)
    person = world_of(request).people.find(request.path_params["username"])
    if person is None:
        raise Refused(404, "Not Found")
    held = person.permission(repository)
    return JSONResponse({"permission": held, "role_name": held, "user": shapes.user(person.login, number=person.id)})


async def set_person(request: Request) -> Response:
    """PUT /_sandbox/people."""
    asked = bodies.SetPerson.check(await json_object(request))
    return JSONResponse(asdict(Stage(world_of(request)).set_person(asked.login, **asked.given("login"))))


async def list_people(request: Request) -> Response:
    """GET /_sandbox/people."""
    return JSONResponse({"people": [asdict(person) for person in world_of(request).people.all()]})


async def user_token(request: Request) -> Response:
    """POST /_sandbox/people/{login}/tokens."""
    return JSONResponse({"token": Stage(world_of(request)).user_token(request.path_params["login"])}, 201)
