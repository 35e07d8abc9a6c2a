"""Wiring: the ASGI application of one broker."""

from fastapi import FastAPI

from zekt_backend import __version__, routes
from zekt_backend.api import problems
from zekt_backend.broker import Broker


def create_app(broker: Broker, table: routes.Table = routes.TABLE) -> FastAPI:
    """The application, or of it what this table has; opening and closing the broker is its owner's business."""
    app = FastAPI(
        title="Zekt",
        version=__version__,
        description="A broker between GitHub workflows of different organisations.",
        # The interactive pages load scripts from elsewhere; the document itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
        # A redirect would be built from the Host header, which is the caller's to choose.
        redirect_slashes=False,
    )
    problems.install(app, broker.metrics)
    routes.install(app, broker, table)
    return app
