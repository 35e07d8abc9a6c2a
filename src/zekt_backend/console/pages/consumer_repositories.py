"""Zekt Repos of a consumer: which repositories receive, and which tell by webhook how their runs ended."""

from typing import Any

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said, Undo
from zekt_backend.console.pages import adding
from zekt_backend.console.view import Page

_HOME = "/consumer/repositories"
_SWITCHES = {"consumer": "Receiving", "completion-tracking": "Completion tracking"}


@view.opened
async def listing(page: Page) -> Response:
    asked = page.request.query_params
    found = await page.api.get("/api/repositories", side="consumer", before=asked.get("before"))
    return page.render("consumer_repositories.html", title="Zekt Repos", **found)


@view.opened
async def add(page: Page) -> Response:
    return adding.form(page, "consumer")


@view.opened
async def added(page: Page) -> Response:
    try:
        repository = await adding.adopt(page, "consumer")
    except Refused as refused:
        return adding.form(page, "consumer", refused)
    return page.leave(_HOME, Said(f"{repository['fullName']} can receive: subscribe it to a service of the directory."))


@view.opened
async def asked(page: Page) -> Response:
    """What a switch does, before it does it: what it costs, or what stops."""
    return await _asked(page)


async def _asked(page: Page, refused: Refused | None = None) -> Response:
    path = f"/api/repositories/{page.request.path_params['repository_id']}"
    repository = await page.api.get(path)
    tracking = await page.api.get(f"{path}/completion-tracking")
    what = _what(page)
    return page.render(
        "consumer_switch.html",
        title=_SWITCHES[what],
        status=refused.status if refused else 200,
        what=what,
        repository=repository,
        tracking=tracking,
        to=page.form.get("to") or ("off" if _is_on(repository, what) else "on"),
        problem=refused.problem if refused else None,
    )


@view.opened
async def switch(page: Page) -> Response:
    what, to = _what(page), "on" if page.form.get("to") == "on" else "off"
    address = f"/repositories/{page.request.path_params['repository_id']}/{what}"
    try:
        answer = await page.partly("PUT" if to == "on" else "DELETE", "/api" + address)
    except Refused as refused:
        if refused.code == "not_yours":
            raise
        return await _asked(page, refused)
    repository = answer.body
    undo = Undo("/consumer" + address, {"to": "off" if to == "on" else "on"})
    done = f"{_SWITCHES[what]} is {to} for {repository['fullName']}."
    if repository["warning"]:
        return page.leave(_HOME, Said(f"{done} {repository['warning']}", "bad", undo=undo))
    return page.leave(_HOME, Said(done, undo=undo))


def _what(page: Page) -> str:
    return "consumer" if page.request.url.path.endswith("/consumer") else "completion-tracking"


def _is_on(repository: dict[str, Any], what: str) -> bool:
    on = repository["consumer"] if what == "consumer" else repository["completionTracking"]
    return bool(on and (what != "consumer" or repository["enabled"]))
