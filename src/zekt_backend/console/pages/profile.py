"""Who I am, my accounts and what they are here for, and the API tokens that act for them."""

from typing import Any

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.view import Page

_HOME = "/profile"


@view.opened
async def profile(page: Page) -> Response:
    found = await page.api.get("/api/tokens", before=page.request.query_params.get("before"), limit=20)
    return page.render("profile.html", title="Profile", **found)


@view.opened
async def account(page: Page) -> Response:
    found = await page.api.get(_api(page))
    return page.render("account.html", title=found["login"], account=found)


@view.opened
async def persona(page: Page) -> Response:
    """Asks before: it is not undone."""
    found = await page.api.get(_api(page))
    return page.render("persona.html", title="Upgrade", account=found, persona=_persona(page))


@view.opened
async def upgrade(page: Page) -> Response:
    wanted = _persona(page)
    login = page.request.path_params["account"]
    following = "Publish a service" if wanted == "provider" else "Let a repository receive"
    done = f"{login} is a {wanted} now. {following}: the pages are in the navigation."
    return await page.act("PATCH", _api(page), {wanted: True}, done=done, back=_HOME)


@view.opened
async def new_token(page: Page) -> Response:
    return _new_token(page)


def _new_token(page: Page, refused: Refused | None = None) -> Response:
    return page.render(
        "token_new.html",
        title="Make an API token",
        status=refused.status if refused else 200,
        typed=page.form or {"scope": "read", "expiresInDays": "90"},
        problem=refused.problem if refused else None,
    )


@view.opened
async def made_token(page: Page) -> Response:
    """Shown this once: it is kept nowhere, so there is no page to lead to."""
    wanted: dict[str, Any] = {
        "account": page.form.get("account", ""),
        "name": page.form.get("name", "").strip(),
        "scope": page.form.get("scope", ""),
        "expiresInDays": view.number_of(page.form.get("expiresInDays", "")),
    }
    try:
        answer = await page.partly("POST", "/api/tokens", wanted)
    except Refused as refused:
        return _new_token(page, refused)
    return page.render("token_made.html", title="Your API token", made=answer.body)


@view.opened
async def token(page: Page) -> Response:
    """Asks before it is revoked."""
    return page.render("token_revoke.html", title="Revoke", token_id=page.request.path_params["token_id"])


@view.opened
async def revoke_token(page: Page) -> Response:
    path = f"/api/tokens/{page.request.path_params['token_id']}"
    return await page.act("DELETE", path, done="Revoked: it opens nothing any more.", back=_HOME)


def _persona(page: Page) -> str:
    return "provider" if page.request.url.path.endswith("/provider") else "consumer"


def _api(page: Page) -> str:
    return f"/api/accounts/{page.request.path_params['account']}"
