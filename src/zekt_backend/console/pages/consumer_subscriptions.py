"""Zekt Subscriptions: what is delivered where, how durably, and what of it is wanted."""

from typing import Any, get_args

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said, Undo
from zekt_backend.console.view import Page
from zekt_backend.rules.setup import Conclusion

_HOME = "/consumer/subscriptions"
_STATUSES = ("requested", "approved", "denied", "revoked")
_LISTS = ("branches", "eventTypes")
_NUMBERS = ("confirmTimeout", "completeTimeout", "maxDispatches")


@view.opened
async def listing(page: Page) -> Response:
    asked = page.request.query_params
    status = asked.get("status") if asked.get("status") in _STATUSES else None
    found = await page.api.get("/api/subscriptions", side="consumer", status=status, before=asked.get("before"))
    return page.render("subscriptions.html", title="Zekt Subscriptions", status=200, which=status, **found)


@view.opened
async def one(page: Page) -> Response:
    return _one(page, await page.api.get(_api(page)))


def _one(page: Page, found: dict[str, Any], refused: Refused | None = None) -> Response:
    return page.render(
        "subscription.html",
        title=f"Subscription to {found['serviceAlias']}",
        status=refused.status if refused else 200,
        subscription=found,
        typed=_typed(page) if refused else _written(found),
        conclusions=get_args(Conclusion),
        problem=refused.problem if refused else None,
    )


@view.opened
async def change(page: Page) -> Response:
    """What is taken, and for how long it is waited."""
    typed = _typed(page)
    wanted: dict[str, Any] = {"conclusions": typed["conclusions"] or None}
    for name in _LISTS:
        wanted[name] = list(filter(None, map(str.strip, typed[name].splitlines()))) or None
    for name in _NUMBERS:
        wanted[name] = view.number_of(typed[name]) if typed[name] else None
    try:
        answer = await page.partly("PATCH", _api(page), wanted, version=page.version)
    except Refused as refused:
        return _one(page, await page.api.get(_api(page)), refused)
    name = f"{answer.body['service']} → {answer.body['consumer']}"
    return page.leave(_HOME, Said(f"{name} takes from now on what you chose."))


@view.opened
async def durable(page: Page) -> Response:
    to = page.form.get("to") == "on"
    undo = Undo(page.request.url.path, {"to": "off" if to else "on"})
    said = "on: deliveries are followed until your run has ended." if to else "off: deliveries end when they were sent."
    return await page.act(
        "PATCH", _api(page), {"durable": to}, done=f"Durable Delivery is {said}.", back=_HOME, undo=undo
    )


@view.opened
async def revoke(page: Page) -> Response:
    return page.render("subscription_revoke.html", title="Revoke", subscription=await page.api.get(_api(page)))


@view.opened
async def revoked(page: Page) -> Response:
    body = {"answer": page.form.get("answer", "")}
    return await page.act("POST", f"{_api(page)}/revoke", body, done="Revoked. Nothing more is delivered.", back=_HOME)


def _api(page: Page) -> str:
    return f"/api/subscriptions/{page.request.path_params['subscription_id']}"


def _typed(page: Page) -> dict[str, Any]:
    fields = {name: page.form.get(name, "").strip() for name in (*_LISTS, *_NUMBERS)}
    return {**fields, "conclusions": page.all("conclusions")}


def _written(found: dict[str, Any]) -> dict[str, Any]:
    """As the form's fields have it."""
    numbers = {name: "" if found[name] is None else f"{found[name]:.0f}" for name in _NUMBERS}
    lists = {name: "\n".join(found[name] or ()) for name in _LISTS}
    return {**numbers, **lists, "conclusions": found["conclusions"] or []}
