"""Zekt Access and Subscribers: who asks for the account's services, who has them, and what each is told."""

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said
from zekt_backend.console.view import Page

_ACCESS, _SUBSCRIBERS = "/provider/access", "/provider/subscribers"
_STATUSES = ("requested", "approved", "denied", "revoked")
_OFFERED = 200
"""Services to filter by."""
_DONE = {
    "approve": "{consumer} is approved: it gets {service} from the next event on.",
    "deny": "{consumer} is denied {service}, and told so.",
    "revoke": "{consumer} gets {service} no more.",
}


@view.opened
async def requests(page: Page) -> Response:
    status = page.request.query_params.get("status", "requested")
    status = status if status in _STATUSES else "requested"
    return await _listing(page, "provider_access.html", "Zekt Access", status)


@view.opened
async def subscribers(page: Page) -> Response:
    return await _listing(page, "provider_subscribers.html", "Subscribers", "approved")


async def _listing(page: Page, template: str, title: str, status: str) -> Response:
    asked = page.request.query_params
    service = asked.get("service") or None
    found = await page.api.get(
        "/api/subscriptions", side="provider", status=status, service=service, before=asked.get("before")
    )
    offered = [each["slug"] for each in (await page.api.get("/api/services", limit=_OFFERED))["services"]]
    return page.render(
        template,
        title=title,
        subscriptions=found["subscriptions"],
        next=found["next"],
        chosen=status,
        statuses=_STATUSES,
        service=service,
        services=sorted({*offered, *([service] if service else [])}),
    )


@view.opened
async def ask(page: Page) -> Response:
    return await _ask(page)


async def _ask(page: Page, refused: Refused | None = None) -> Response:
    """What will follow, and room for words to the other side."""
    return page.render(
        "provider_decide.html",
        title="A subscription",
        status=refused.status if refused else 200,
        one=await page.api.get(f"/api/subscriptions/{page.request.path_params['subscription_id']}"),
        verb=_verb(page),
        home=_home(page),
        answer=page.form.get("answer", ""),
        problem=refused.problem if refused else None,
    )


@view.opened
async def decide(page: Page) -> Response:
    number, verb = page.request.path_params["subscription_id"], _verb(page)
    try:
        answer = await page.partly(
            "POST",
            f"/api/subscriptions/{number}/{verb}",
            {"answer": page.form.get("answer", "").strip()},
            version=page.version,
        )
    except Refused as refused:
        if refused.code == "not_yours":
            raise
        return await _ask(page, refused)
    return page.leave(
        _home(page),
        Said(_DONE[verb].format(consumer=answer.body["consumer"], service=answer.body["serviceAlias"])),
    )


def _verb(page: Page) -> str:
    """The address ends with it."""
    return page.request.url.path.rpartition("/")[2]


def _home(page: Page) -> str:
    return _SUBSCRIBERS if page.request.url.path.startswith(_SUBSCRIBERS) else _ACCESS
