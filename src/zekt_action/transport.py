"""One HTTP exchange, as data: what requests (in the image) and http.client (in the composites) have in common. 3.9."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MAX_ANSWER_BYTES = 1_048_576
"""Most that is ever read of an answer. The largest real one is an archived message of 512 KiB."""

_OK = {200, 202}
_REDIRECTS = range(300, 400)
_LATER = {408, 425, 429}
_BROKEN = range(500, 600)


# Plain classes, here and in all that send loads: to make a named tuple takes Python 0.2 ms, at every start.
class Request:
    """A request; the body is sent as it is, and the token as a bearer token, whatever a netrc file says."""

    def __init__(
        self, method: str, url: str, headers: dict[str, str], token: str = "", body: bytes | None = None
    ) -> None:
        self.method, self.url, self.headers = method, url, headers
        self.token, self.body = token, body


class Answer:
    """What came back. Header names are lower case; the body is cut at one byte above MAX_ANSWER_BYTES."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def ok(self) -> bool:
        return self.status in _OK

    @property
    def redirects(self) -> bool:
        return self.status in _REDIRECTS

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed later: 408, 425, 429 and 5xx."""
        return self.status in _LATER or self.status in _BROKEN

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class NoAnswerError(Exception):
    """The connection failed, or no whole answer came in time; whether the request arrived is not known."""

    def __init__(self, what: str, code: str = "backend_unreachable") -> None:
        super().__init__(what)
        self.code = code


def whole(status: int, headers: dict[str, str], body: bytes) -> Answer:
    """Make an answer of what was read, unless the connection ended in its middle, which no library tells.

    Raises:
        NoAnswerError: there is less than Content-Length announced.
    """
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and len(body) < min(int(announced[:12]), MAX_ANSWER_BYTES):
        raise NoAnswerError("The connection broke in the middle of the answer")
    return Answer(status, headers, body)


Transport = Callable[[Request, float], Answer]
"""Send once, follow nothing, and give up after so many seconds of silence.

Raises:
    NoAnswerError: there was no answer.
"""


_HINTS = {
    "resolve": "The host name is unknown (DNS)",
    "not known": "The host name is unknown (DNS)",
    "getaddrinfo": "The host name is unknown (DNS)",
    "refused": "The connection was refused: nothing listens there",
    "timed out": "No answer in time",
    "CERTIFICATE": "TLS failed: the certificate is not trusted here",
    "SSL": "TLS failed: it is not spoken there",
}


def words(error: object) -> str:
    """What failed, without the addresses and objects that the libraries' own texts carry."""
    text = str(error)
    return next((words for hint, words in _HINTS.items() if hint in text), "The connection broke")
