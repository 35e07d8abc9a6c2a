"""One error shape out: RFC 9457 `application/problem+json`, plus what older clients read."""

from typing import Any

import psycopg
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from zekt_action.wire import Problem
from zekt_backend.api import timing
from zekt_backend.errors import DOCS, ZektError
from zekt_backend.insight.metrics import Metrics
from zekt_backend.log import milliseconds
from zekt_backend.store.database import is_trouble

log = structlog.get_logger()

_DOCS = f"{DOCS}/errors.md"
_DATABASE_BACK_IN = 5


def described(error: ZektError) -> dict[str, Any]:
    """The problem's members."""
    problem = Problem(
        type=f"{_DOCS}#{error.code}",
        title=error.kind.title,
        status=error.kind.status,
        detail=error.detail,
        code=error.code,
        error=error.code,
        message=f"{error.kind.title}: {error.detail}",
    )
    body: dict[str, Any] = problem.model_dump(by_alias=True)
    if error.places is not None:
        body["places"] = [dict(place) for place in error.places]
    return body


def render(error: ZektError) -> JSONResponse:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.kind.status == 401:  # noqa: PLR2004 — RFC 9110 wants this header beside a 401
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        described(error),
        error.kind.status,
        headers=headers,
        media_type="application/problem+json",
    )


def install(app: Starlette, metrics: Metrics) -> None:
    """Every way out of a handler that is not an answer leads through `render`."""
    app.state.metrics = metrics
    app.add_exception_handler(ZektError, _ours)
    app.add_exception_handler(HTTPException, _routing)
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(psycopg.DataError, _unstorable)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _bug)


def tell_what_is_not_there(request: Request) -> None:
    """To the operator, whose everything is, `not_yours` can mean nothing else."""
    request.state.all_is_theirs = True


async def _ours(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ZektError):
        raise error
    if error.code == "not_yours" and getattr(request.state, "all_is_theirs", False):
        error = ZektError("not_found", "There is no such thing here.")
    tell(request, error)
    return render(error)


def tell(request: Request, error: ZektError) -> None:
    """A request was refused: a line of the log, and a figure."""
    log.info(
        "refused",
        method=request.method,
        path=request.url.path[:200],
        status=error.kind.status,
        code=error.code,
        duration_ms=milliseconds(timing.began(request)),
    )
    _count(request, error)


def _count(request: Request, error: ZektError) -> ZektError:
    metrics: Metrics = request.app.state.metrics
    metrics.refused(request.url.path, error.code, error.kind.status, timing.began(request))
    return error


async def _routing(request: Request, error: Exception) -> JSONResponse:
    return render(lost(request, error))


def lost(request: Request, error: Exception) -> ZektError:
    """What the router's own refusal means."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    code = "method_not_allowed" if status == 405 else "not_found"  # noqa: PLR2004 — the router's own two statuses
    how = f"{request.method} {request.url.path[:200]}: see /openapi.json for what there is."
    return _count(request, ZektError(code, how))


async def _database(request: Request, error: Exception) -> JSONResponse:
    """The server's state is worth another try; a statement that is wrong stays wrong."""
    if not is_trouble(error):
        return await _bug(request, error)
    log.error(
        "database_unavailable",
        method=request.method,
        path=request.url.path[:200],
        error=type(error).__name__,
        sqlstate=getattr(error, "sqlstate", None),
        duration_ms=milliseconds(timing.began(request)),
    )
    how = "Send the same again: what was stored already is not stored twice."
    return render(_count(request, ZektError("database_unavailable", how, retry_after=_DATABASE_BACK_IN)))


async def _unstorable(request: Request, _error: Exception) -> JSONResponse:
    """A NUL character, or a number no column holds: whatever it was, it came from outside."""
    error = ZektError("body_invalid", "A field holds a character or a number that cannot be stored.")
    tell(request, error)
    return render(error)


async def _gone(request: Request, _error: Exception) -> JSONResponse:
    """The client hung up in the middle of its body. Nobody reads this answer."""
    return render(_count(request, ZektError("body_invalid", "The body ended early.")))


async def _bug(request: Request, error: Exception) -> JSONResponse:
    log.error(
        "request_failed",
        method=request.method,
        path=request.url.path[:200],
        error=type(error).__name__,
        duration_ms=milliseconds(timing.began(request)),
        exc_info=error,
    )
    return render(_count(request, ZektError("internal", "It is in our log; please tell whoever runs this Zekt.")))
