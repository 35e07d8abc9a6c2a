"""`GET /metrics`: how the broker is doing, for Prometheus."""

from starlette.requests import Request
from starlette.responses import Response

from zekt_backend.api.tokens import require_scraper
from zekt_backend.broker import Broker


async def metrics(request: Request, broker: Broker) -> Response:
    """Also where the database does not answer: then without its figures."""
    require_scraper(request, broker)
    await broker.standing.look()
    text, content_type = broker.metrics.text(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
