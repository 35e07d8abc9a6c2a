"""Zekt Repos of a provider: which repositories' workflows may start others, and what keeps the app out of them."""

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said, Undo
from zekt_backend.console.pages import adding
from zekt_backend.console.view import Page

_HOME = "/provider/repositories"


@view.opened
async def listing(page: Page) -> Response:
    found = await page.api.get("/api/repositories", side="provider", before=page.request.query_params.get("before"))
    return page.render("provider_repositories.html", title="Zekt Repos", **found)


@view.opened
async def add(page: Page) -> Response:
    return adding.form(page, "provider")


@view.opened
async def added(page: Page) -> Response:
    try:
        repository = await adding.adopt(page, "provider")
    except Refused as refused:
        return adding.form(page, "provider", refused)
    done = f"{repository['fullName']} is enabled. Nothing of it is told to anybody until you whitelist a workflow."
    return page.leave(f"/provider/workflows?repository={repository['id']}", Said(done))


@view.opened
async def switch(page: Page) -> Response:
    number, to = page.request.path_params["repository_id"], "on" if page.form.get("to") == "on" else "off"
    return await _changed(
        page,
        "PUT" if to == "on" else "DELETE",
        f"/api/repositories/{number}/provider",
        "is enabled as a provider." if to == "on" else "is no provider any more: what ends there is blocked.",
        Undo(f"{_HOME}/{number}/provider", {"to": "off" if to == "on" else "on"}),
    )


@view.opened
async def ask_rotate(page: Page) -> Response:
    repository = await page.api.get(f"/api/repositories/{page.request.path_params['repository_id']}")
    return page.render("provider_rotate.html", title="New webhook secret", repository=repository)


@view.opened
async def rotate(page: Page) -> Response:
    path = f"/api/repositories/{page.request.path_params['repository_id']}/hook"
    return await _changed(page, "POST", path, "has a new webhook secret; the one before opens nothing any more.")


async def _changed(page: Page, method: str, path: str, done: str, undo: Undo | None = None) -> Response:
    """Tells with the API's words what did not work out at GitHub, too."""
    try:
        repository = (await page.partly(method, path)).body
    except Refused as refused:
        if refused.code in ("session_refused", "not_yours"):
            raise
        return page.leave(_HOME, Said(str(refused.problem.get("detail", "")), "bad", refused.code))
    told = f"{repository['fullName']} {done}"
    if repository["warning"]:
        return page.leave(_HOME, Said(f"{told} {repository['warning']}", "bad", undo=undo))
    return page.leave(_HOME, Said(told, undo=undo))
