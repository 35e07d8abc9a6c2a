"""The API, asked in the same process on behalf of whoever looks at a page.

Pages know nothing that a program could not know, and what may be seen and done is decided in one place: the API's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.types import Message

from zekt_backend.store.share import for_pages

_HANDED_ON = (b"cookie", b"host", b"origin", b"sec-fetch-site", b"user-agent")
"""Of the browser's own words. An Authorization header is not among them: a page is opened by a session."""


class Refused(Exception):  # noqa: N818 — the API's word for it
    """The API's answer was a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}")
        self.status = status
        self.problem = problem

    @property
    def code(self) -> str:
        return str(self.problem.get("code", "internal"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said: `body` is its JSON, cookies are what it wants the browser to keep."""

    status: int
    body: Any
    cookies: tuple[str, ...]


class Api:
    """Asks as the person who has sent this request."""

    def __init__(self, request: Request, csrf: str = "") -> None:
        self._request = request
        self._csrf = csrf

    async def get(self, path: str, **query: Any) -> Any:
        """JSON of a GET; what is None is left out of the query.

        Raises:
            Refused: by the API.
        """
        named = {name: value for name, value in query.items() if value is not None}
        return (await self.ask("GET", path, query=urlencode(named, doseq=True))).body

    async def ask(
        self, method: str, path: str, body: Any = None, *, query: str = "", version: int | None = None
    ) -> Answer:
        """One request, with all that the browser said about where it comes from.

        `body` is JSON to be, or bytes that are sent as they are. `version` is what was seen of the thing to change:
        the API refuses when it is another by now.

        Raises:
            Refused: by the API.
        """
        headers = [pair for pair in self._request.scope["headers"] if pair[0] in _HANDED_ON]
        headers += [(b"accept", b"application/json"), (b"content-type", b"application/json")]
        headers.append((b"x-csrf-token", self._csrf.encode("latin-1", "replace")))
        if version is not None:
            headers.append((b"if-match", f'"{version}"'.encode()))
        scope = {
            **{name: self._request.scope[name] for name in ("type", "asgi", "http_version", "scheme", "client")},
            "server": self._request.scope.get("server"),
            "method": method,
            "path": path,
            "raw_path": path.encode("ascii", "replace"),
            "root_path": "",
            "query_string": query.encode("ascii", "replace"),
            "headers": headers,
            "state": {},
        }
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return await _exchange(self._request.app, scope, sent)


async def _exchange(app: Any, scope: dict[str, Any], body: bytes) -> Answer:
    heard: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        heard.append(message)

    try:
        with for_pages():
            await app(scope, receive, send)
    except Exception:
        # A bug is answered with a problem, and raised again for the server's log. The answer is what counts here.
        if not heard:
            raise
    start = heard[0]
    raw = b"".join(message.get("body", b"") for message in heard[1:])
    found = json.loads(raw) if raw else None
    if start["status"] >= 400:  # noqa: PLR2004 — where HTTP's refusals begin
        raise Refused(start["status"], found if isinstance(found, dict) else {})
    cookies = tuple(value.decode("latin-1") for name, value in start["headers"] if name == b"set-cookie")
    return Answer(start["status"], found, cookies)
