"""The image's HTTP client. Imported after the checks, because it costs 100 ms."""

import ssl
from functools import cache
from http.client import HTTPException
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_ import create_urllib3_context

from zekt_action.transport import MAX_ANSWER_BYTES, Answer, NoAnswerError, Request, whole, words

_CONNECT_SECONDS = 10.0


class _Bearer(AuthBase):
    """A token that stays: without an auth object, requests puts a netrc file's password in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Stay(requests.Session):
    """Knows no redirects, and no proxy for plain http, which may not leave this machine with a token in it.

    requests prepares a redirect's next request, and reads the whole answer, even if told not to go.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the library's own signature
        return None

    def merge_environment_settings(self, url: Any, *settings: Any) -> Any:
        """Take the environment's proxies for https alone."""
        merged = super().merge_environment_settings(url, *settings)
        return merged if str(url).lower().startswith("https:") else {**merged, "proxies": {}}


class _ReadOnce(HTTPAdapter):
    """Reads once which certificates are trusted: requests would for each host, 15 ms for each of a step's two."""

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Hand the same ones to each host's connections; a proxy's are made as requests makes them."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call] # the stubs leave it out
        if conn.scheme == "https" and conn.proxy is None:
            conn.conn_kw["ssl_context"] = _trusting(conn.ca_certs, conn.ca_cert_dir)
            conn.ca_certs = conn.ca_cert_dir = None


@cache
def _trusting(file: str | None, folder: str | None) -> ssl.SSLContext:
    context = create_urllib3_context()
    context.load_verify_locations(file, folder)
    return context


class RequestsTransport:
    """One session, so that a second try finds the connection open. Follows no redirect."""

    def __init__(self) -> None:
        self._session = _Stay()
        self._session.mount("https://", _ReadOnce())

    def __call__(self, request: Request, seconds: float) -> Answer:
        """Send once. The time is of silence on the line; the whole is bounded by the step's alarm."""
        try:
            with self._session.request(
                request.method,
                request.url,
                # No compression: the bound on the answer is then a bound on memory too.
                headers={**request.headers, "Accept-Encoding": "identity"},
                data=request.body,
                auth=_Bearer(request.token),
                timeout=(min(seconds, _CONNECT_SECONDS), seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=False)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return whole(response.status_code, headers, body)
        except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
            raise NoAnswerError(_words(error)) from None


_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (requests.exceptions.ProxyError, "The proxy (HTTPS_PROXY) did not connect"),
    (requests.exceptions.ConnectTimeout, "The connection was not accepted in time"),
)


def _words(error: Exception) -> str:
    return next((text for kind, text in _WORDS if isinstance(error, kind)), words(error))
