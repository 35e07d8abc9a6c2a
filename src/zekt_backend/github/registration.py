"""The last step of registering the app by its manifest: a code becomes its credentials. Blocking."""

import re
from urllib.parse import quote

import msgspec
import requests
import urllib3

from zekt_backend.errors import ZektError
from zekt_backend.github.client import USER_AGENT
from zekt_backend.github.connection import BoundRequester, ask, connect

_CODE = re.compile(r"[A-Za-z0-9_-]{1,200}")


class Registered(msgspec.Struct):
    """https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest . Its text never shows secrets."""

    id: int
    slug: str
    html_url: str
    client_id: str
    client_secret: str
    pem: str
    webhook_secret: str | None = None

    def __repr__(self) -> str:
        return f"Registered({self.slug!r})"


def convert(api_url: str, code: str, timeout: float) -> Registered:
    """Ask GitHub for the credentials, which it gives once, within an hour.

    Args:
        api_url: the REST API's root.
        code: as the browser's address has it: `?code=…`.
        timeout: seconds.

    Raises:
        ZektError: `github_refused` or `github_unavailable`; neither repeats anything of an answer that was given.
    """
    if not _CODE.fullmatch(code):
        raise ZektError("github_refused", "That is no code of GitHub's: copy what follows ?code= in the address.")
    connection = connect(api_url, timeout)
    requester = BoundRequester(
        connection,
        auth=None,
        base_url=api_url.rstrip("/"),
        timeout=timeout,
        user_agent=USER_AGENT,
        per_page=100,
        verify=True,
        retry=None,
        pool_size=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        lazy=True,
    )
    try:
        reply = ask(requester, "POST", f"/app-manifests/{quote(code, safe='')}/conversions", {})
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise ZektError("github_unavailable", f"GitHub did not answer: {type(error).__name__}.") from None
    finally:
        connection.close()
    if reply.status != requests.codes.created:
        raise ZektError(
            "github_refused",
            f"GitHub answered {reply.status} and gave no credentials. A code is good once and for an hour: if this one"
            " was used, the app exists; make a key and a webhook secret on its page (docs/github-app.md).",
        )
    try:
        return msgspec.json.decode(reply.text, type=Registered)
    except (msgspec.DecodeError, RecursionError):
        raise ZektError("github_refused", "GitHub's answer is not what its documentation says.") from None
