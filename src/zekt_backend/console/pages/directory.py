"""The directory: services to subscribe to, one of them, and the request for it."""

import json
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from zekt_backend.console import view, words
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said, Undo
from zekt_backend.console.view import Page

_MOST = 500
"""Repositories that are offered to choose from; who has more types one's name."""


@view.opened
async def browse(page: Page) -> Response:
    asked = page.request.query_params
    wanted = {name: asked.get(name, "").strip() for name in ("q", "tag")}
    named = {name: text for name, text in wanted.items() if text}
    found = await page.api.get("/api/directory", before=asked.get("before"), **named)
    values: dict[str, Any] = {**wanted, **found, "query": urlencode(named)}
    return page.render("directory.html", title="Directory", **values)


@view.opened
async def one(page: Page) -> Response:
    return await _one(page)


async def _one(page: Page, refused: Refused | None = None) -> Response:
    slug = page.request.path_params["slug"]
    service = await page.api.get(f"/api/directory/{slug}")
    mine = await page.api.get("/api/repositories", side="consumer", limit=_MOST)
    asked = {each["consumer"] for each in service["subscriptions"] if each["status"] in ("requested", "approved")}
    return page.render(
        "service.html",
        title=service["alias"],
        status=refused.status if refused else 200,
        service=service,
        schema=words.as_json(service["schema"]) if service["schemaVersion"] else None,
        example=words.as_json(service["example"]),
        # A JSON string is a YAML string, too, whatever the provider has put into it.
        event_type=json.dumps(service["eventType"], ensure_ascii=False),
        choices=[each for each in mine["repositories"] if each["fullName"] not in asked and _receives(page, each)],
        more_choices=mine["next"] is not None,
        typed=page.form,
        problem=refused.problem if refused else None,
    )


def _receives(page: Page, repository: dict[str, Any]) -> bool:
    on = repository["enabled"] and repository["consumer"]
    return bool(on and page.manages(repository["account"], repository["id"]))


@view.opened
async def ask(page: Page) -> Response:
    slug = page.request.path_params["slug"]
    wanted: dict[str, Any] = {
        "service": slug,
        "consumer": page.form.get("consumer", "").strip(),
        "note": page.form.get("note", ""),
        "durable": page.form.get("durable") == "on",
    }
    try:
        made = (await page.partly("POST", "/api/subscriptions", wanted)).body
    except Refused as refused:
        try:
            return await _one(page, refused)
        except Refused:
            # It has left the directory meanwhile: why it was refused says more than that it is not there.
            raise refused from None
    undo = Undo(f"/consumer/subscriptions/{made['id']}/revoke", {}, "Withdraw")
    done = f"{made['serviceAlias']} is asked for, to be delivered to {made['consumer']}. Its provider decides."
    return page.leave("/consumer/subscriptions", Said(done, undo=undo))
