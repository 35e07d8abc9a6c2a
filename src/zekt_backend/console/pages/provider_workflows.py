"""Zekt Workflows: which workflows of a repository are whitelisted, and what of them was blocked."""

import re
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Undo
from zekt_backend.console.view import Page

_HOME = "/provider/workflows"
_OFFERED = 200
"""Repositories to choose from; the others are reached from Zekt Repos."""


@view.opened
async def listing(page: Page) -> Response:
    repositories, chosen = await choice(page)
    found, refused = await workflows(page, chosen)
    return page.render(
        "provider_workflows.html",
        title="Zekt Workflows",
        repositories=repositories,
        chosen=chosen,
        found=found,
        problem=refused.problem if refused else None,
    )


async def choice(page: Page) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Those to choose from, and the one that the query names, or else the first that is enabled."""
    listed = await page.api.get("/api/repositories", side="provider", limit=_OFFERED)
    offered = [each for each in listed["repositories"] if each["enabled"] and each["provider"]]
    wanted = page.form.get("repository") or page.request.query_params.get("repository")
    if not wanted or not re.fullmatch("[0-9]{1,19}", wanted):
        return offered, offered[0] if offered else None
    chosen = next((each for each in offered if str(each["id"]) == wanted), None)
    if chosen is None:
        chosen = await page.api.get(f"/api/repositories/{wanted}")
        offered.append(chosen)
    return offered, chosen


async def workflows(page: Page, chosen: dict[str, Any] | None) -> tuple[dict[str, Any] | None, Refused | None]:
    """Of that repository, which only GitHub knows; else its refusal, with what to do."""
    if chosen is None:
        return None, None
    try:
        return await page.api.get(f"/api/repositories/{chosen['id']}/workflows"), None
    except Refused as refused:
        if refused.code in ("session_refused", "not_yours"):
            raise
        return None, refused


@view.opened
async def switch(page: Page) -> Response:
    number, file = page.request.path_params["repository_id"], page.request.path_params["file"]
    on = page.form.get("to") == "on"
    kept = "what ends there, and what it sends, reaches its subscribers once you publish it as a service"
    return await page.act(
        "PUT" if on else "DELETE",
        f"/api/repositories/{number}/workflows/{file}",
        done=f"{file} is whitelisted: {kept}."
        if on
        else f"{file} is not whitelisted any more: what ends there is blocked.",
        back=f"{_HOME}?repository={number}",
        undo=Undo(f"{_HOME}/{number}/{quote(file)}", {"to": "off" if on else "on"}),
    )
