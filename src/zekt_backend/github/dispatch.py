"""Send one `repository_dispatch`: exactly one POST, and an answer whatever happens."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import requests
import urllib3

from zekt_backend.github.client import GitHubApp, TokenRefusedError
from zekt_backend.github.connection import ask
from zekt_backend.rules import answers
from zekt_backend.rules.paths import is_repository_name
from zekt_backend.rules.records import Answer

# For these alone the mint's advice differs from the dispatch's.
_MINT_ADVICE = {
    401: "GitHub does not accept the Zekt app itself. Check ZEKT_GITHUB_APP_ID, that ZEKT_GITHUB_APP_PRIVATE_KEY is one"
    " of this app's keys (the app's page > General > Private keys), and that this machine's clock is right; restart,"
    " then run the provider's workflow again.",
    403: "The app's installation may not be used. An owner of the consumer clicks Settings > GitHub Apps > Configure,"
    " and Unsuspend, or accepts the requested permissions. Then run the provider's workflow again.",
    404: "The app's installation is gone. An owner of the consumer installs the Zekt app again and gives it this"
    " repository; then apply the setup file again, so that the new installation id is looked up,"
    " and run the provider's workflow again.",
}


def send(app: GitHubApp, *, installation_id: int, repository: str, body: dict[str, Any]) -> Answer:
    """POST `body` to `/repos/{repository}/dispatches`. Blocking; belongs in a worker thread.

    https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event

    Never raises for what GitHub or the network does, and never sends twice. An answer about the installation's
    token is never ambiguous: nothing was dispatched.
    """
    if not is_repository_name(repository):
        nowhere = answers.from_response(404, {}, f"{repository} is not owner/name.", now=app.now())
        return replace(nowhere, http_status=None)
    try:
        requester = app.requester(installation_id)
    except TokenRefusedError as refused:
        return not_minted(app, refused)
    except FAILURES as error:
        return replace(failed(error), ambiguous=False)
    try:
        reply = ask(requester, "POST", f"/repos/{repository}/dispatches", body)
    except FAILURES as error:
        return failed(error)
    answer = answers.from_response(reply.status, reply.headers, reply.text, now=app.now())
    if reply.status == requests.codes.unauthorized and app.forget(installation_id):
        # The kept token was revoked before its time (a new key, a changed permission): the next try mints another.
        return replace(answer, permanent=False)
    return answer


# PyGithub parses rate-limit headers as numbers, after GitHub answered: a ValueError is an answer that we lost.
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)


def not_minted(app: GitHubApp, refused: TokenRefusedError) -> Answer:
    reply = refused.reply
    answer = answers.from_response(reply.status, reply.headers, reply.text, now=app.now(), advice=_MINT_ADVICE)
    # 201 without a token, or whatever else is no refusal we know, is tried again like an outage.
    category = "unexpected" if answer.accepted else answer.category
    text = f"No token for the installation: {answer.text}"
    return replace(answer, accepted=False, ambiguous=False, category=category, text=text)


def failed(error: Exception) -> Answer:
    """Sorted by whether the request was sent. What is not certain counts as sent."""
    chain = list(_chain(error))
    text = f"{type(error).__name__}: {chain[-1]}"
    if any(isinstance(link, _NOTHING_SENT) for link in chain):
        return answers.from_failure("connect", text)
    if any(isinstance(link, _TOO_LATE) for link in chain):
        return answers.from_failure("timeout", text)
    return answers.from_failure("cut", text)


_NOTHING_SENT = (
    urllib3.exceptions.ConnectTimeoutError,  # and its kinds: refused, and no such name
    requests.exceptions.ProxyError,
    ssl.SSLCertVerificationError,
)
_TOO_LATE = (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it wraps: requests and urllib3 keep it as first argument, or as `reason`."""
    link: object = error
    for _ in range(10):
        if not isinstance(link, BaseException):
            return
        yield link
        first = link.args[0] if link.args else None
        link = getattr(link, "reason", None) or (first if isinstance(first, BaseException) else link.__cause__)
