"""The composites' HTTP client: urllib, with the machine's own certificates and proxies. 3.9."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.request import HTTPErrorProcessor, ProxyHandler, build_opener
from urllib.request import Request as Call

from zekt_action.transport import MAX_ANSWER_BYTES, Answer, NoAnswerError, Request, whole, words


class _AsItCame(HTTPErrorProcessor):
    """Whatever the status: to follow a redirect, urllib would take the token along to the other host."""

    def http_response(self, _request: Call, response: Any) -> Any:
        return response

    def https_response(self, _request: Call, response: Any) -> Any:
        return response


_OPENER = build_opener(_AsItCame)
_DIRECT = build_opener(_AsItCame, ProxyHandler({}))
"""For plain http, which may not leave this machine with a token in it."""


def send(request: Request, seconds: float) -> Answer:
    """Send once; see `Transport`."""
    headers = {**request.headers, "Authorization": f"Bearer {request.token}"}
    # The address was checked: http or https, never file.
    call = Call(request.url, data=request.body, headers=headers, method=request.method)  # noqa: S310
    opener, host = (_OPENER if call.type == "https" else _DIRECT), call.host
    try:
        with opener.open(call, timeout=seconds) as response:
            return _answer(response)
    except URLError as error:
        # Where a proxy is asked, its host has taken the place of the call's own.
        raise NoAnswerError(_unsent(error.reason, proxied=call.host != host)) from None
    except (OSError, HTTPException) as error:
        raise NoAnswerError(words(error)) from None


def _unsent(reason: object, *, proxied: bool) -> str:
    """What failed before the request was out: only that is a URLError."""
    if proxied and not isinstance(reason, ssl.SSLError):
        return "The proxy (HTTPS_PROXY) did not connect"
    if isinstance(reason, socket.timeout):
        return "The connection was not accepted in time"
    return words(reason)


def _answer(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return whole(response.status, headers, response.read(MAX_ANSWER_BYTES + 1))
