"""Wiring: the ASGI application of one broker."""

from functools import cache, partial

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from zekt_backend import routes
from zekt_backend.api import auth, problems, timing
from zekt_backend.broker import Broker
from zekt_backend.console import table as console
from zekt_backend.routes import Handler, Table


def create_app(broker: Broker, table: Table = routes.TABLE) -> Starlette:
    """The application, or of it what this table has; opening and closing the broker is its owner's business."""
    app = Starlette()
    # A redirect would be built from the Host header, which is the caller's to choose.
    app.router.redirect_slashes = False
    problems.install(app, broker.metrics)
    # Where GitHub cannot be the sandbox, not even the address is there.
    there = tuple(row for row in table if broker.stand_in is not None or row[3] is not auth.development)
    for method, path, _, handler, *_ in there:
        app.router.routes.append(_route(method, path, handler, broker))
    if table is not routes.WATCHED:
        for method, path, handler in console.PAGES:
            app.router.routes.append(_route(method, path, handler, broker))
        app.add_exception_handler(HTTPException, partial(console.lost, broker=broker))
    app.router.routes.append(_description(there))
    return app


def _description(table: Table) -> Route:
    """Made when it is first asked for, with the models of all answers: most processes never are."""

    @cache
    def document() -> bytes:
        from zekt_backend.api import openapi  # noqa: PLC0415

        return bytes(JSONResponse(openapi.document(table)).body)

    async def endpoint(_: Request) -> Response:
        return Response(await run_in_threadpool(document), media_type="application/json")

    return Route("/openapi.json", endpoint)


def _route(method: str, path: str, handler: Handler, broker: Broker) -> Route:
    async def endpoint(request: Request) -> Response:
        timing.begin(request)
        return await handler(request, broker)

    route = Route(path, endpoint, methods=[method])
    route.methods = {method}  # it would add HEAD to every GET
    return route
