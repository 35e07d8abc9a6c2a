"""The HTTP client of confirm and complete: urllib, with the machine's own certificates and proxies."""

from __future__ import annotations

from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener
from urllib.request import Request as Call

from zekt_action.transport import MAX_ANSWER_BYTES, Answer, NoAnswerError, Request, whole, words


class _Stay(HTTPRedirectHandler):
    """Follow no redirect: urllib would take the token along to the other host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = build_opener(_Stay)
_DIRECT = build_opener(_Stay, ProxyHandler({}))
"""For plain http, which may not leave this machine with a token in it."""


def send(request: Request, seconds: float) -> Answer:
    """Send once; see `Transport`."""
    headers = {**request.headers, "Authorization": f"Bearer {request.token}"}
    # The address was checked: http or https, never file.
    call = Call(request.url, data=request.body, headers=headers, method=request.method)  # noqa: S310
    opener = _OPENER if call.type == "https" else _DIRECT
    try:
        with opener.open(call, timeout=seconds) as response:
            return _answer(response, response.status)
    except HTTPError as refusal:
        with refusal:
            return _refusal(refusal)
    except (OSError, HTTPException) as error:
        raise NoAnswerError(words(error)) from None


def _refusal(refusal: HTTPError) -> Answer:
    try:
        return _answer(refusal, refusal.code)
    except (OSError, HTTPException) as error:
        raise NoAnswerError(words(error)) from None


def _answer(response: Any, status: int) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return whole(status, headers, response.read(MAX_ANSWER_BYTES + 1))
