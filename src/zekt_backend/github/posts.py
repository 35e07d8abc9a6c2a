"""POSTs to GitHub's API on the event loop: exactly one for each call, and a bounded answer.

PyGithub's calls each need a thread. With many at a time, most of what a dispatch cost a worker was threads that handed
the interpreter to one another, ten times for each POST; here there is nothing to hand over.
"""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zekt_backend.errors import ZektError
from zekt_backend.github.connection import MAX_ANSWER, Reply, surroundings
from zekt_backend.github.failures import UnansweredError


@contextmanager
def _trusting_nobody() -> Iterator[None]:
    """TLS contexts that are made meanwhile have none of the machine's authorities."""
    ssl.SSLContext.set_default_verify_paths = lambda self: None  # type: ignore[method-assign] # noqa: ARG005
    try:
        yield
    finally:
        del ssl.SSLContext.set_default_verify_paths  # the inherited one is back


# It makes two contexts when it is imported, which nothing here uses: with the machine's authorities they take 2 MB.
with _trusting_nobody():
    import aiohttp

_ACCEPT = {
    "Accept": "application/vnd.github+json",
    # Answers are short, and none can grow in our hands.
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
}
_MOST_HEADER = 65_536
"""Bytes of one line of an answer's head, as http.client takes them."""


class Posts:
    """Belongs to the event loop in which it is made. Connections are kept, and there are as many as are needed.

    Args:
        api_url: the REST API's root.
        timeout: seconds to connect, and to wait for each piece of the answer; all of it may take twice as long.
        headers: of each request.

    Raises:
        ZektError: `settings_invalid`, where the environment names authorities that cannot be read.
    """

    def __init__(self, *, api_url: str, timeout: float, headers: dict[str, str]) -> None:
        self._api_url, self._seconds = api_url, timeout
        proxy, authorities = surroundings(api_url)
        secure = any(url.startswith("https:") for url in (api_url, proxy or ""))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=_context(authorities) if secure else True),
            timeout=aiohttp.ClientTimeout(total=2 * timeout, connect=timeout, sock_read=timeout),
            headers=_ACCEPT | headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            proxy=proxy,
            max_line_size=_MOST_HEADER,
            max_field_size=_MOST_HEADER,
        )

    async def __call__(self, path: str, body: dict[str, Any], *, token: str) -> Reply:
        """Send `body` as JSON, and give back the answer, whatever its status. Nothing is followed or sent again.

        https://docs.aiohttp.org/en/stable/client_reference.html#aiohttp.ClientSession.post

        Raises:
            UnansweredError: there was no answer, or not all of it.
        """
        data, credentials = json.dumps(body).encode(), {"Authorization": f"Bearer {token}"}
        try:
            async with self._session.post(
                f"{self._api_url}{path}", data=data, headers=credentials, allow_redirects=False
            ) as response:
                return Reply(response.status, response.headers, await _text(response))
        except aiohttp.ConnectionTimeoutError as error:
            raise UnansweredError("connect", f"no connection within {self._seconds:g} seconds") from error
        except TimeoutError as error:
            why = f"no whole answer, with {self._seconds:g} seconds for each piece of it"
            raise UnansweredError("timeout", why) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UnansweredError("connect" if isinstance(error, _NOTHING_SENT) else "cut", _said(error)) from error

    async def close(self) -> None:
        """Close the connections. No call may be made afterwards."""
        await self._session.close()


_NOTHING_SENT = (
    aiohttp.ClientConnectorError,  # and its kinds: refused, no such name, a certificate that is not good
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)


def _said(error: Exception) -> str:
    # Errors that name a proxy's address would tell its password.
    names_address = isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL)
    return type(error).__name__ if names_address else f"{type(error).__name__}: {error}"


async def _text(response: aiohttp.ClientResponse) -> str:
    """The answer's body. What is longer than any of GitHub's is left unread, and the connection with it."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_ANSWER:
            break
    return body.decode(errors="replace")


def _context(authorities: str) -> ssl.SSLContext:
    """Trusts whom requests trusts. One for all connections."""
    is_folder = Path(authorities).is_dir()
    try:
        return ssl.create_default_context(
            cafile=None if is_folder else authorities, capath=authorities if is_folder else None
        )
    except OSError as error:
        raise ZektError(
            "settings_invalid",
            f"No certificates can be read from {authorities}, which REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names:"
            f" {error.strerror}. Set it to a file of trusted certificates in PEM, or to a folder of them, or unset it.",
        ) from None
