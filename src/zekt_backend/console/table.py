"""Every page of the console, on one screen."""

from fastapi import Request
from fastapi.responses import Response

from zekt_backend.api import problems
from zekt_backend.broker import Broker
from zekt_backend.console import static, view
from zekt_backend.console.pages import (
    brokering,
    connections,
    consumer_repositories,
    deliveries,
    home,
    overview,
    replay,
)
from zekt_backend.console.view import Handler

# method, path, handler; what a POST does, the API is asked to do
PAGES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/static/{digest}/{name}", static.serve),
    ("GET", "/", overview.overview),
    ("GET", "/sign-in", home.sign_in),
    ("POST", "/sign-in", home.become),
    ("POST", "/sign-out", home.sign_out),
    ("GET", "/consumer/repositories", consumer_repositories.listing),
    ("GET", "/consumer/repositories/add", consumer_repositories.add),
    ("POST", "/consumer/repositories/add", consumer_repositories.added),
    ("GET", "/consumer/repositories/{repository_id}/consumer", consumer_repositories.asked),
    ("POST", "/consumer/repositories/{repository_id}/consumer", consumer_repositories.switch),
    ("GET", "/consumer/repositories/{repository_id}/completion-tracking", consumer_repositories.asked),
    ("POST", "/consumer/repositories/{repository_id}/completion-tracking", consumer_repositories.switch),
    ("GET", "/provider/deliveries", deliveries.of_provider),
    ("GET", "/consumer/deliveries", deliveries.of_consumer),
    ("GET", "/deliveries/{delivery_id}", deliveries.one),
    ("GET", "/deliveries/{delivery_id}/replay", replay.ask),
    ("POST", "/deliveries/{delivery_id}/replay", replay.do),
    ("GET", "/connections", connections.listing),
    ("GET", "/connections/{connection}", connections.diagnostics),
    ("GET", "/health", connections.health),
    ("GET", "/brokering", brokering.brokering),
)


async def lost(request: Request, error: Exception, broker: Broker) -> Response:
    """An address that is none, or not of this method: a page for whoever looks at it."""
    told = problems.lost(request, error)
    if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/api/"):
        return problems.render(told)
    return view.problem(request, broker, told.kind.status, problems.described(told))
