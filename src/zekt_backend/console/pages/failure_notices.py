"""Notices of failure: where an account is told of them, what signs them, and what was told."""

from typing import Any

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said
from zekt_backend.console.view import Page


@view.opened
async def told(page: Page) -> Response:
    found = await page.api.get("/api/notices", before=page.request.query_params.get("before"))
    return page.render("notices_told.html", title="What was told", **found)


@view.opened
async def settings(page: Page) -> Response:
    return await _settings(page)


async def _settings(page: Page, refused: Refused | None = None) -> Response:
    found = await page.api.get(_api(page))
    typed = {"url": found["url"] or "", "issuesRepository": found["issuesRepository"] or ""}
    return page.render(
        "notices.html",
        title="Notices of failure",
        status=refused.status if refused else 200,
        settings=found,
        typed=page.form if refused else typed,
        home=_home(page),
        problem=refused.problem if refused else None,
    )


@view.opened
async def change(page: Page) -> Response:
    wanted: dict[str, Any] = {name: page.form.get(name, "").strip() or None for name in ("url", "issuesRepository")}
    try:
        answer = await page.partly("PUT", _api(page), wanted, version=page.version)
    except Refused as refused:
        if refused.code == "not_yours":
            raise
        return await _settings(page, refused)
    unsigned = answer.body["url"] and not answer.body["rotatedAt"]
    further = " Now make its signing secret, by which the receiver knows them." if unsigned else ""
    return page.leave(_home(page), Said(f"{answer.body['account']} is told of failures as you chose.{further}"))


@view.opened
async def test(page: Page) -> Response:
    try:
        answer = (await page.partly("POST", f"{_api(page)}/test")).body
    except Refused as refused:
        if refused.code == "not_yours":
            raise
        return await _settings(page, refused)
    if answer["delivered"]:
        return page.leave(_home(page), Said(f"The test arrived: {answer['answer']}"))
    return page.leave(_home(page), Said(f"The test did not arrive. {answer['answer']}", "bad"))


@view.opened
async def secret(page: Page) -> Response:
    """Asks before there is another one."""
    return page.render("notices_secret.html", title="New secret", home=_home(page), made=None)


@view.opened
async def made_secret(page: Page) -> Response:
    """Shown this once: it is stored nowhere, so there is no page to lead to."""
    answer = await page.partly("POST", f"{_api(page)}/secret")
    return page.render("notices_secret.html", title="Your signing secret", home=_home(page), made=answer.body)


@view.opened
async def stop(page: Page) -> Response:
    return page.render("notices_stop.html", title="Stop", home=_home(page), account=page.request.path_params["account"])


@view.opened
async def stopped(page: Page) -> Response:
    return await page.act("DELETE", _api(page), done="Nothing is told any more.", back=_home(page))


def _home(page: Page) -> str:
    return f"/profile/accounts/{page.request.path_params['account']}/notices"


def _api(page: Page) -> str:
    return f"/api/accounts/{page.request.path_params['account']}/notices"
