"""PyGithub's HTTP connection, held to one request and one bounded answer per call.

Read in PyGithub 2.10: by itself it follows every 301, repeats a GET that is answered 202 without end, and reads
bodies of any size for any time. What is written must be one request, and a thread must come back. (Dispatches go by
`posts.py`.)
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
    RequestsResponse,
)
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from zekt_backend.github import bounded

MAX_ANSWER = 1_048_576
"""Most bytes read of one answer. GitHub's are a few thousand."""

DEFAULT_TIMEOUT = 15
"""Seconds, where PyGithub makes a connection of its own and names none: no call waits for ever."""

_BODILESS = frozenset({"GET", "HEAD"})
# PyGithub acts on these by itself; here they are answers like any other.
_ACTED_ON = frozenset({requests.codes.moved_permanently, requests.codes.accepted})


@dataclass(frozen=True, slots=True)
class Reply:
    """What GitHub answered, whatever it was. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


class _UnfollowedReply(Exception):  # noqa: N818 - not an error: an answer on its way past PyGithub
    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class _Bounded(RequestsResponse):
    def __init__(self, response: requests.Response, text: str) -> None:
        super().__init__(response)
        self._text = text

    def read(self) -> str:
        return self._text


class _OneAnswer:
    """Mixed into PyGithub's two connection classes, before them."""

    session: requests.Session
    protocol: str
    host: str
    port: int
    verb: str
    url: str
    input: Any
    headers: dict[str, str]
    timeout: int | None
    verify: bool | str
    adapter: HTTPAdapter
    _surroundings: Mapping[str, Any] | None = None

    def getresponse(self) -> RequestsResponse:
        seconds = self.timeout or DEFAULT_TIMEOUT
        # An IPv6 address is written in brackets: https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2
        host = f"[{self.host}]" if ":" in self.host else self.host
        request = self._request(f"{self.protocol}://{host}:{self.port}{self.url}")
        if self._surroundings is None:
            # Proxies and certificates, which requests would look up in the environment for each request anew.
            self._surroundings = self.session.merge_environment_settings(request.url, {}, True, self.verify, None)
        with self.adapter.send(request, timeout=seconds, **self._surroundings) as response:
            body = bounded.read(response, most=MAX_ANSWER, deadline=time.monotonic() + seconds)
            text = body.decode(errors="replace")
        if response.status_code in _ACTED_ON:
            raise _UnfollowedReply(_reply(response.status_code, response.headers, text))
        return _Bounded(response, text)

    def _request(self, url: str) -> requests.PreparedRequest:
        """As it goes out. What a session would add is nothing of ours: cookies, redirects, credentials from a file."""
        request = requests.PreparedRequest()
        body = self.input.encode() if isinstance(self.input, str) else self.input
        request.method, request.url, request.body = self.verb, url, body
        request.headers = requests.utils.default_headers()
        request.headers.update(self.headers)
        if body is not None or self.verb not in _BODILESS:
            request.headers["Content-Length"] = str(len(body or b""))
        return request


class _Http(_OneAnswer, HTTPRequestsConnectionClass):
    pass


class _Https(_OneAnswer, HTTPSRequestsConnectionClass):
    pass


Connection = HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass


def connect(base_url: str, timeout: float) -> Connection:
    """A keep-alive connection for one thread; opens its socket at the first request.

    Args:
        base_url: the REST API's root.
        timeout: seconds to connect, to wait for each piece of the answer, and for all of its body.
    """
    parts = urlsplit(base_url)
    kind = _Https if parts.scheme == "https" else _Http
    # PyGithub's annotation says int; requests takes any number of seconds.
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)  # type: ignore[arg-type]
    assert isinstance(connection, Connection)  # noqa: S101 - tells the type checker what the mixin hides
    return connection


def surroundings(url: str) -> tuple[str | None, str]:
    """By what proxy to go there, and whose certificates to trust (a file, or a folder): as requests would.

    https://requests.readthedocs.io/en/latest/user/advanced/#proxies
    """
    with requests.Session() as session:
        told = session.merge_environment_settings(url, {}, None, None, None)
    proxy, authorities = select_proxy(url, told["proxies"]), told["verify"]
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    return proxy, DEFAULT_CA_BUNDLE_PATH if authorities is True else str(authorities)


class BoundRequester(Requester):
    """PyGithub's requester on a connection that is given to it, so that many installations share one.

    `heard` is told the headers of every answer that PyGithub passes on.
    """

    def __init__(
        self, connection: Connection, heard: Callable[[Mapping[str, str]], None] = lambda _: None, **kwargs: Any
    ) -> None:
        self._shared = connection
        self._heard = heard
        super().__init__(**kwargs)

    def requestJson(  # noqa: N802, PLR0917 - PyGithub's name, and PyGithub's order
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002 - PyGithub's name
        cnx: Connection | None = None,
        follow_302_redirect: bool = False,
    ) -> tuple[int, dict[str, Any], str]:
        status, told, text = super().requestJson(
            verb, url, parameters, headers, input, cnx or self._shared, follow_302_redirect=follow_302_redirect
        )
        self._heard(told)
        return status, told, text


def ask(requester: Requester, verb: str, path: str, body: dict[str, Any] | None = None) -> Reply:
    """Send one request and give back its answer, whatever its status.

    Raises:
        requests.RequestException: there was no answer, or not all of it.
    """
    headers = {"Accept": "application/vnd.github+json"}
    try:
        status, told, text = requester.requestJson(verb, path, headers=headers, input=body)
    except _UnfollowedReply as unfollowed:
        return unfollowed.reply
    return _reply(status, told, text)


def _reply(status: int, headers: Mapping[str, str], text: str) -> Reply:
    return Reply(status, {name.lower(): value for name, value in headers.items()}, text)
