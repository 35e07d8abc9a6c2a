"""Service Descriptions: what is published, under which name, and what it asks of its messages."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said, Undo
from zekt_backend.console.pages.provider_workflows import choice, workflows
from zekt_backend.console.view import Page

_HOME = "/provider/services"
_TEXTS = ("alias", "description", "visibility", "eventType", "guard", "workflow")
_SWITCHES = ("metadataOnly", "hideProvider")
_NEW: Mapping[str, Any] = {
    "slug": "",
    "alias": "",
    "description": "",
    "tags": [],
    "visibility": "unlisted",
    "eventType": "",
    "guard": "refuse",
    "metadataOnly": False,
    "hideProvider": False,
}


@view.opened
async def listing(page: Page) -> Response:
    found = await page.api.get("/api/services", before=page.request.query_params.get("before"))
    return page.render("provider_services.html", title="Service Descriptions", **found)


@view.opened
async def new(page: Page) -> Response:
    return await _new(page, {**_NEW, "workflow": page.request.query_params.get("workflow", "")})


async def _new(page: Page, typed: Mapping[str, Any], refused: Refused | None = None) -> Response:
    repositories, chosen = await choice(page)
    found, unreadable = await workflows(page, chosen)
    problem = refused or unreadable
    return page.render(
        "provider_new_service.html",
        title="Publish a service",
        status=refused.status if refused else 200,
        repositories=repositories,
        chosen=chosen,
        offered=[each["path"] for each in found["workflows"] if each["whitelisted"]] if found else [],
        service=typed,
        problem=problem.problem if problem else None,
    )


@view.opened
async def publish(page: Page) -> Response:
    typed = {"slug": page.form.get("slug", "").strip(), **_typed(page)}
    # Without an alias it is called by its slug.
    given = {name: value for name, value in typed.items() if name != "alias" or value}
    try:
        answer = await page.partly("POST", "/api/services", {**given, "repository": page.form.get("repository", "")})
    except Refused as refused:
        return await _new(page, typed, refused)
    slug = answer.body["slug"]
    said = Said(f"{slug} is published. Whoever may find it can ask for access; you decide in Zekt Access.")
    return page.leave(f"{_HOME}/{slug}", said)


def _typed(page: Page) -> dict[str, Any]:
    """A form's fields as the API takes them."""
    tags = page.form.get("tags", "").replace(",", " ").split()
    texts = {name: page.form.get(name, "").strip() for name in _TEXTS}
    texts["description"] = texts["description"].replace("\r\n", "\n")
    return {**texts, "tags": tags, **{name: name in page.form for name in _SWITCHES}}


@view.opened
async def one(page: Page) -> Response:
    service = await page.api.get(_path(page))
    return _edit(page, service, service)


def _edit(
    page: Page,
    service: Mapping[str, Any],
    typed: Mapping[str, Any],
    refused: Refused | None = None,
    differing: Mapping[str, Any] | None = None,
) -> Response:
    return page.render(
        "provider_service.html",
        title=service["slug"],
        status=refused.status if refused else 200,
        present=service,
        service=typed,
        problem=refused.problem if refused else None,
        differing=differing or {},
    )


@view.opened
async def change(page: Page) -> Response:
    typed = _typed(page)
    try:
        answer = await page.partly("PATCH", _path(page), typed, version=page.version)
    except Refused as refused:
        service = await page.api.get(_path(page))
        # Somebody was first: what they have changed is shown beside what was typed, which the next save writes.
        stale = refused.code == "version_stale"
        differing = {name: service[name] for name in typed if service[name] != typed[name]} if stale else {}
        return _edit(page, service, {**service, **typed}, refused, differing)
    said = Said(f"{answer.body['slug']} is saved; it holds for the next event.")
    return page.leave(f"{_HOME}/{answer.body['slug']}", said)


@view.opened
async def ask_retire(page: Page) -> Response:
    return page.render("provider_retire.html", title="Retire a service", service=await page.api.get(_path(page)))


@view.opened
async def retire(page: Page) -> Response:
    slug = page.request.path_params["slug"]
    return await page.act(
        "DELETE",
        _path(page),
        done=f"{slug} is retired: nothing of it is delivered any more.",
        back=f"{_HOME}/{slug}",
        undo=Undo(f"{_HOME}/{slug}/return", {}, label="Publish it again"),
        version=page.version,
    )


@view.opened
async def publish_again(page: Page) -> Response:
    slug = page.request.path_params["slug"]
    done = f"{slug} is published again, for all who had subscribed."
    return await page.act("PATCH", _path(page), {"retired": False}, done=done, back=f"{_HOME}/{slug}")


def _path(page: Page) -> str:
    return f"/api/services/{page.request.path_params['slug']}"
