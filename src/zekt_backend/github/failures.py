"""What it means when GitHub gave no answer, or no token."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import requests
import urllib3

from zekt_backend.github.client import GitHubApp, TokenRefusedError
from zekt_backend.rules import answers
from zekt_backend.rules.records import Answer

Kind = Literal["timeout", "connect", "cut"]
"""How a request ended that was not answered; `rules/answers.py` says what each means."""


class UnansweredError(Exception):
    """There is no answer, or not all of it.

    Args:
        kind: sorted by whether the request was sent. What is not certain counts as sent.
        text: what the network said.
    """

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind: Kind = kind
        self.text = text


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
