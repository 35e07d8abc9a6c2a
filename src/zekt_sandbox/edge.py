"""The outermost layer: who asks, what goes wrong on purpose, and the headers on every answer."""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zekt_sandbox.faults import Fault
from zekt_sandbox.limits import SHOWN_PER_HOUR, primary_refusal, secondary_refusal
from zekt_sandbox.refusals import Refused, refusal_body
from zekt_sandbox.world import Visit, World

CUT = "zekt_sandbox.cut"
"""Scope extension: a function that closes the client's TCP connection at once (put there by server.py)."""

_REPOSITORY = re.compile(r"^/repos/([^/]+/[^/]+)(/.*)?$")
_CLOSING_POLL_SECONDS = 0.2
_MAX_BODY_BYTES = 25_000_000
_NO_CONTENT = 204
_APP = 0
"""Whose limits count where the app speaks for itself, about its own hook."""
_SERVER_ERRORS = 500
_SILENT = frozenset({"cut", "hang"})


def place(method: str, path: str) -> tuple[str, str | None]:
    """Where a fault could strike this request, and the repository it is about."""
    if path.startswith("/oidc/"):
        return ("jwks" if path.endswith("/jwks") else "oidc"), None
    found = _REPOSITORY.match(path)
    named = found.group(1) if found else None
    if found and method == "POST" and found.group(2) == "/dispatches":
        return "dispatch", named
    return "rest", named


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _MAX_BODY_BYTES:
            raise Refused(413, "Payload too large")
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever the connection says."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request with its body already read, and the way to answer it."""

    visit: Visit
    scope: Scope
    body: bytes
    receive: Receive
    send: Send

    def again(self) -> Receive:
        return _replay(self.body, self.receive)


class Edge:
    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox/"):
            await self._app(scope, receive, send)
            return
        visit = self._visit(scope)
        body = await _read(receive)
        exchange = _Exchange(visit, scope, body, receive, self._noting(visit, body, send))
        fault = self._world.faults.take(visit.where, visit.repository, visit.method, visit.path)
        if fault is None:
            await self._serve(exchange, exchange.send)
        else:
            visit.fault = fault.kind
            await self._misbehave(fault, exchange)

    def _visit(self, scope: Scope) -> Visit:
        where, repository = place(scope["method"], scope["path"])
        grant = self._world.credentials.grant(Headers(scope=scope).get("authorization", ""))
        installation = grant.installation_id if grant else (_APP if scope["path"].startswith("/app/hook") else None)
        visit = Visit(scope["method"], scope["path"], where, repository, installation)
        self._world.visits.append(visit)
        return visit

    async def _serve(self, exchange: _Exchange, send: Send) -> None:
        """What GitHub does on a good day: count, then answer."""
        limits, installation = self._world.limits, exchange.visit.installation_id
        if installation is None:
            await self._app(exchange.scope, exchange.again(), send)
            return
        try:
            limits.enter(installation, exchange.visit.method)
        except Refused as limited:
            await _refusal(limited)(exchange.scope, exchange.receive, send)
            return
        try:
            await self._app(exchange.scope, exchange.again(), send)
        finally:
            limits.leave(installation)

    async def _misbehave(self, fault: Fault, exchange: _Exchange) -> None:
        ending = fault.kind.removeprefix("accept_then_")
        done = ending != fault.kind and await self._do_unheard(exchange)
        if not done:
            self._refused(exchange.visit, exchange.body, None if ending in _SILENT else _status(fault))
        if ending == "hang":
            await self._silence(fault.seconds, exchange.receive)
        if ending in _SILENT:
            await _cut(exchange)
        else:
            await _faulty(fault)(exchange.scope, exchange.receive, exchange.send)

    async def _do_unheard(self, exchange: _Exchange) -> bool:
        """Do what was asked without telling; whether it was granted."""
        answered: list[int] = []

        async def swallow(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])

        await self._serve(exchange, swallow)
        return answered == [_NO_CONTENT]

    async def _silence(self, seconds: float, receive: Receive) -> None:
        """Say nothing until the time is over, the client gives up, or the server closes."""
        gone = asyncio.ensure_future(receive())
        deadline = time.monotonic() + seconds
        try:
            while not (gone.done() or self._world.closing.is_set() or time.monotonic() >= deadline):
                left = max(0.0, deadline - time.monotonic())
                await asyncio.wait({gone}, timeout=min(_CLOSING_POLL_SECONDS, left))
        finally:
            gone.cancel()

    def _noting(self, visit: Visit, body: bytes, send: Send) -> Send:
        """Write down what is answered, and give it the headers that every answer of GitHub's has."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                self._dress(MutableHeaders(scope=message), visit)
                if visit.fault is None and visit.status != _NO_CONTENT:
                    self._refused(visit, body, visit.status)
            await send(message)

        return sending

    def _dress(self, headers: MutableHeaders, visit: Visit) -> None:
        headers["x-github-request-id"] = ":".join(secrets.token_hex(2).upper() for _ in range(5))
        headers["x-github-media-type"] = "github.v3; format=json"
        for name, value in self._world.limits.headers(visit.installation_id).items():
            headers.setdefault(name, value)

    def _refused(self, visit: Visit, body: bytes, status: int | None) -> None:
        """A dispatch that started nothing is remembered as such."""
        repository = self._world.repositories.find(visit.repository or "")
        if visit.where == "dispatch" and repository is not None:
            self._world.dispatches.refuse(repository, visit.installation_id, body, status)


def _status(fault: Fault) -> int:
    return fault.status or (403 if fault.kind.startswith("rate_limit") else 500)


def _refusal(refused: Refused) -> Response:
    return JSONResponse(refusal_body(refused.status, refused.message), refused.status, refused.headers)


def _faulty(fault: Fault) -> Response:
    status = _status(fault)
    if fault.kind == "rate_limit_primary":
        limited = primary_refusal(SHOWN_PER_HOUR, time.time() + fault.seconds, "this installation", status)
    elif fault.kind == "rate_limit":
        limited = secondary_refusal(fault.seconds, status)
    else:
        limited = Refused(status, "Server Error" if status >= _SERVER_ERRORS else "Refused on purpose")
    body: Any = fault.body if fault.body is not None else refusal_body(status, limited.message)
    return JSONResponse(body, status, {**limited.headers, **fault.headers})


async def _cut(exchange: _Exchange) -> None:
    """Close the connection under the client, and wait until the server has noticed."""
    close: Callable[[], None] = exchange.scope["extensions"][CUT]
    close()
    while (await exchange.receive())["type"] != "http.disconnect":
        pass
