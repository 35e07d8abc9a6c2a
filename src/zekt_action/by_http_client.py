"""The composites' HTTP client: http.client, with the machine's own certificates and proxies. 3.9."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode
from contextlib import closing
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from zekt_action import inputs
from zekt_action.transport import MAX_ANSWER_BYTES, Answer, NoAnswerError, Request, whole, words


class _Proxy(NamedTuple):
    """Who is to connect us, and what it wants to hear first."""

    host: str
    headers: dict[str, str]


def send(request: Request, seconds: float) -> Answer:
    """Send once; see `Transport`. Whatever the status, nothing is followed, so a token goes to no other host."""
    # The address was checked: http or https, and no user in it.
    url = urlsplit(request.url)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = {**request.headers, "Authorization": f"Bearer {request.token}", "Connection": "close"}
    proxy = _proxy(url)
    try:
        with closing(_connection(url, proxy, seconds)) as connection:
            try:
                connection.request(request.method, target, request.body, headers)
            except OSError as error:
                raise NoAnswerError(_unsent(error, proxied=proxy is not None)) from None
            return _answer(connection.getresponse())
    except (OSError, HTTPException) as error:
        raise NoAnswerError(words(error)) from None


def _connection(url: SplitResult, proxy: _Proxy | None, seconds: float) -> HTTPConnection:
    """One that is not open yet."""
    if url.scheme == "http":
        return HTTPConnection(url.netloc, timeout=seconds)
    if proxy is None:
        return HTTPSConnection(url.netloc, timeout=seconds, context=_context())
    connection = HTTPSConnection(proxy.host, timeout=seconds, context=_context())
    connection.set_tunnel(url.netloc, headers=proxy.headers)
    return connection


@cache
def _context() -> ssl.SSLContext:
    """One for all connections: to read the machine's certificates takes a third of a step's time."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _proxy(url: SplitResult) -> _Proxy | None:
    """The machine's own for https. Plain http may not leave this machine with a token in it, so it goes by none."""
    if url.scheme != "https" or not inputs.may_have_a_proxy():
        return None
    # Imported here: it takes as long to load as a tenth of a step, and most machines have no proxy.
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415

    found = None if proxy_bypass(url.netloc) else getproxies().get("https")
    if not found:
        return None
    who, _, host = (found.partition("//")[2] or found).rpartition("@")
    user, _, password = (unquote(part) for part in who.partition(":"))
    basic = b64encode(f"{user}:{password}".encode()).decode()
    return _Proxy(host.partition("/")[0], {"Proxy-Authorization": f"Basic {basic}"} if user and password else {})


def _unsent(error: OSError, *, proxied: bool) -> str:
    """What failed before the request was out."""
    if proxied and not isinstance(error, ssl.SSLError):
        return "The proxy (HTTPS_PROXY) did not connect"
    if isinstance(error, socket.timeout):
        return "The connection was not accepted in time"
    return words(error)


def _answer(response: HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return whole(response.status, headers, response.read(MAX_ANSWER_BYTES + 1))
