"""What is there first: what needs somebody, what came last, and for beginners the next step."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.view import Page

_NEWEST = 8
_NAMED = 5
_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Step:
    """Of the way to the first delivery."""

    done: bool
    title: str
    text: str
    path: str
    label: str


@view.opened
async def overview(page: Page) -> Response:
    get = page.api.get
    # Of a refresh the steps are not taken.
    refresh = "hx-request" in page.request.headers
    since = (page.broker.clock.now() - _DAY).isoformat()
    # Each is one request of the API's, and each answer is short, however much there is.
    asked, critical, failed, newest, steps = await asyncio.gather(
        get("/api/subscriptions", side="provider", status="requested", limit=_NAMED),
        get("/api/connections", state="critical", limit=_NAMED),
        get("/api/deliveries/counts", status="failed", since=since),
        get("/api/deliveries", limit=_NEWEST),
        _no_steps() if refresh else _steps(page),
    )
    return page.render(
        "home.html",
        title="Overview",
        requests=asked["subscriptions"],
        more_requests=asked["next"],
        critical=critical["connections"],
        more_critical=critical["next"],
        failed=failed["counts"]["failed"],
        deliveries=newest["deliveries"],
        steps=steps,
        sides=[side for side in ("provider", "consumer") if any(each[side] for each in page.me["accounts"])],
    )


async def _no_steps() -> list[tuple[str, list[Step]]]:
    return []


async def _steps(page: Page) -> list[tuple[str, list[Step]]]:
    """For each persona that has not had a connection approved yet: what is done, and what comes next."""
    accounts = page.me["accounts"]
    provides, consumes = (any(each[name] for each in accounts) for name in ("provider", "consumer"))
    found = []
    if provides:
        found.append(("To your first consumer", await _to_provide(page)))
    if consumes:
        found.append(("To your first delivery", await _to_consume(page)))
    return [(title, steps) for title, steps in found if not all(step.done for step in steps)]


async def _to_provide(page: Page) -> list[Step]:
    get = page.api.get
    repositories, services, approved = await asyncio.gather(
        get("/api/repositories", limit=100),
        get("/api/services", limit=1),
        get("/api/subscriptions", side="provider", status="approved", limit=1),
    )
    published = bool(services["services"])
    enabled = published or _any(repositories, "provider")
    return [
        Step(
            enabled,
            "Enable a repository",
            "Zekt hears of its runs from then on.",
            "/provider/repositories",
            "Zekt Repos",
        ),
        Step(
            published,
            "Whitelist a workflow and publish it",
            "Whitelisted, its runs may be delivered; published, others can find it and ask.",
            "/provider/workflows",
            "Zekt Workflows",
        ),
        Step(
            bool(approved["subscriptions"]),
            "Approve a consumer",
            "Nothing is delivered to anybody whom you have not approved.",
            "/provider/access",
            "Zekt Access",
        ),
    ]


async def _to_consume(page: Page) -> list[Step]:
    get = page.api.get
    repositories, asked, approved = await asyncio.gather(
        get("/api/repositories", limit=100),
        get("/api/subscriptions", side="consumer", limit=1),
        get("/api/subscriptions", side="consumer", status="approved", limit=1),
    )
    requested = bool(asked["subscriptions"])
    enabled = requested or _any(repositories, "consumer")
    return [
        Step(
            enabled, "Enable a repository", "Zekt may start its workflows then.", "/consumer/repositories", "Zekt Repos"
        ),
        Step(
            requested,
            "Ask for a service",
            "Find one in the directory, and say which repository takes it.",
            "/directory",
            "Browse",
        ),
        Step(
            bool(approved["subscriptions"]),
            "Be approved",
            "The provider decides. What comes then starts your workflow on repository_dispatch.",
            "/consumer/subscriptions",
            "Zekt Subscriptions",
        ),
    ]


def _any(repositories: dict[str, Any], role: str) -> bool:
    return any(each["enabled"] and each[role] for each in repositories["repositories"])
