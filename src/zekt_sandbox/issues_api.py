"""The REST routes of issues: opened and listed, with GitHub's limits and words.

https://docs.github.com/rest/issues/issues
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_sandbox import shapes
from zekt_sandbox.credentials import APP_SLUG
from zekt_sandbox.github_api import json_object, number, per_page, reach, world_of
from zekt_sandbox.issues import Issue
from zekt_sandbox.refusals import Refused
from zekt_sandbox.repositories import Repository, stable_id

MOST_TITLE, MOST_BODY = 256, 65_536
"""Characters."""
CREATOR = f"{APP_SLUG}[bot]"


def _invalid(field: str, code: str, why: str = "") -> Refused:
    error = {"resource": "Issue", "code": code, "field": field, **({"message": why} if why else {})}
    return Refused(422, "Validation Failed", errors=[error])


def _checked(asked: dict[str, Any]) -> tuple[str, str | None]:
    title, body = asked.get("title"), asked.get("body")
    if "title" not in asked:
        raise Refused(422, 'Invalid request.\n\n"title" wasn\'t supplied.')
    if not isinstance(title, str | int) or not isinstance(body, str | None):
        raise Refused(422, "Invalid request.\n\nNo subschema matched.")
    if not str(title).strip():
        raise _invalid("title", "missing_field")
    for field, text, most in (("title", str(title), MOST_TITLE), ("body", body or "", MOST_BODY)):
        if len(text) > most:
            raise _invalid(field, "custom", f"{field} is too long (maximum is {most} characters)")
    return str(title), body


def _json(issue: Issue, base: str) -> dict[str, Any]:
    where = f"{issue.repository.full_name}/issues/{issue.number}"
    return {
        "id": stable_id("issue", where),
        "number": issue.number,
        "state": "open",
        "title": issue.title,
        "body": issue.body,
        "user": shapes.user(CREATOR, "Bot"),
        "labels": [],
        "url": f"{base}/repos/{where}",
        "html_url": f"{shapes.SERVER_URL}/{where}",
        "created_at": shapes.stamp(issue.created_at),
        "updated_at": shapes.stamp(issue.created_at),
    }


def _has_issues(repository: Repository) -> Repository:
    if not repository.has_issues:
        raise Refused(410, "Issues has been disabled in this repository.")
    return repository


async def create_issue(request: Request) -> Response:
    """POST /repos/{owner}/{repo}/issues."""
    repository = reach(request, "issues", "write")
    if repository.archived:
        raise Refused(403, "Repository was archived so is read-only.")
    title, body = _checked(await json_object(request))
    world = world_of(request)
    issue = world.issues.open(_has_issues(repository), title, body, world.clock.now())
    return JSONResponse(_json(issue, world.url), 201)


async def list_issues(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/issues: by `creator` and `since`, newest first; all of them are open."""
    repository = _has_issues(reach(request, "issues"))
    world, asked = world_of(request), request.query_params
    found = [
        shown
        for issue in reversed(world.issues.of(repository))
        if (shown := _json(issue, world.url))["updated_at"] >= asked.get("since", "")
        if asked.get("creator", CREATOR) == CREATOR and asked.get("state", "open") != "closed"
    ]
    size = per_page(request)
    start = (number(request, "page", 1) - 1) * size
    return JSONResponse(found[start : start + size])
