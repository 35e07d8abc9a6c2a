"""What GitHub's answer to one dispatch means for the delivery. Pure.

Sources: https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event and
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal

from zekt_backend.rules.records import Answer

MAX_TEXT = 2_000
"""Most characters kept of GitHub's words."""

_PARSED = 100_000  # A body longer than this is no error message of GitHub's; it is not parsed, only cut.
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
# Of a 403 that is a limit. The last is how GitHub turns away, for a while, whoever failed to sign in too often.
_LIMIT_WORDS = ("rate limit", "abuse detection", "temporarily blocked from content creation", "login attempts exceeded")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, slots=True)
class _Meaning:
    category: str
    advice: str
    permanent: bool = False
    ambiguous: bool = False
    limited: bool = False


RATE_LIMIT = "rate_limit"
LIMITED_TOO_LONG = (
    "For two days GitHub's limit for this installation let this delivery never pass. Look at who else uses the app's"
    " limit there, and at https://www.githubstatus.com; fewer consumers or fewer runs per minute help. Then deliver it"
    " once more: zekt replay DELIVERY."
)
_SHORTEST_RESET = 5.0
"""Seconds, also until a reset that our clock takes for past: clocks differ, and asking too early costs favour."""

SUSPENDED = "suspended"
"""The category, and GitHub's word for it."""
_ACCEPTED = _Meaning("accepted", "")
_LIMITED = _Meaning(
    RATE_LIMIT,
    "Nothing to do: GitHub's limit for this installation is used up, and the dispatch is tried again when GitHub"
    " says so. If this goes on, fewer consumers or fewer runs per minute help.",
    limited=True,
)
_SUSPENDED = _Meaning(
    SUSPENDED,
    "The consumer has suspended the Zekt app. An owner clicks Settings > GitHub Apps > Configure > Unsuspend; what"
    " waits is sent then. After about 17 hours it is given up, and can be replayed.",
)
_UNAVAILABLE = _Meaning(
    "unavailable",
    "Nothing to do: GitHub is having trouble, and the dispatch is tried again. https://www.githubstatus.com tells"
    " more.",
    ambiguous=True,
)
_UNEXPECTED = _Meaning(
    "unexpected",
    "GitHub does not answer a dispatch like this. Check that ZEKT_GITHUB_API_URL is the REST API's own address"
    " (https://api.github.com, or https://HOST/api/v3) and that no proxy answers in its place.",
)
# 200 or 202 is not GitHub's way to accept a dispatch, but whoever answered so may have passed it on.
_PERHAPS = replace(_UNEXPECTED, ambiguous=True)

_BY_STATUS = {
    204: _ACCEPTED,
    401: _Meaning(
        "auth",
        "GitHub does not accept the Zekt app's credentials. Check ZEKT_GITHUB_APP_ID; on the app's page (Settings >"
        " Developer settings > GitHub Apps > the app > General > Private keys) click 'Generate a private key', put"
        " the downloaded file into ZEKT_GITHUB_APP_PRIVATE_KEY, restart, then run the provider's workflow again.",
        permanent=True,
    ),
    403: _Meaning(
        "permission",
        "The Zekt app may not start workflows in this repository. The app needs the repository permission 'Contents:"
        " Read and write'; after it was added, an owner of the consumer clicks Settings > GitHub Apps > Configure >"
        " 'Review request' and accepts. An archived repository refuses too: unarchive it. Then run the provider's"
        " workflow again.",
        permanent=True,
    ),
    404: _Meaning(
        "not_found",
        "The Zekt app does not see this repository: it was renamed or deleted, or the app is not installed on it. An"
        " owner clicks Settings > GitHub Apps > Configure > Repository access and adds the repository; if it was"
        " renamed, write the new name into the setup file and apply it. Then run the provider's workflow again.",
        permanent=True,
    ),
    422: _Meaning(
        "invalid",
        "GitHub read the dispatch and refused what it says: event types have 1 to 100 characters, client_payload is"
        " smaller than 64 KB with at most 10 keys. GitHub's own words name the part; change it at the provider (or"
        " set the service's event type), then send a new message.",
        permanent=True,
    ),
    408: _Meaning("timeout", "Nothing to do: GitHub did not get the whole request in time; it is tried again."),
    429: _LIMITED,
    451: _Meaning(
        "permission",
        "GitHub has closed this repository for legal reasons; its owner knows more. Revoke the subscription.",
        permanent=True,
    ),
}
# Of a 403 that is none, in GitHub's own words, and more precise than what is said of any 403.
_FORBIDDEN = {
    "ip allow list": "The consumer's organisation admits listed IP addresses only. An owner adds the broker's address"
    " under Settings > Authentication security > IP allow list; or the app's owner lists it in the app's settings and"
    " the organisation ticks 'Enable IP allow list configuration for installed GitHub Apps'. Then run the provider's"
    " workflow again.",
    "saml": "The consumer's organisation enforces SAML single sign-on, and does not let the app in. An owner reviews"
    " the app under Settings > GitHub Apps > Configure. Then run the provider's workflow again.",
    "archived": "The consumer's repository is archived, and so read-only. An owner clicks Settings > General >"
    " Unarchive this repository; then run the provider's workflow again. Or revoke the subscription.",
    "access blocked": "GitHub has blocked this repository; its owner must ask GitHub Support. Revoke the subscription.",
    "not accessible by integration": "",
}
_MOVED = _Meaning(
    "unexpected",
    "GitHub answers that this address has moved, and a dispatch follows no redirect. If the repository was renamed"
    " or transferred, write its new name into the setup file and apply it; otherwise correct ZEKT_GITHUB_API_URL.",
)
_FAILURES = {
    "timeout": _Meaning(
        "timeout",
        "Nothing to do: GitHub took the request and did not answer in time. It is tried again, and the consumer may"
        " see this delivery twice: its confirm step tells the second run to skip the work.",
        ambiguous=True,
    ),
    "connect": _Meaning(
        "network",
        "GitHub could not be reached, so nothing was sent; it is tried again. If this goes on, check the broker's"
        " DNS, proxy and firewall, the address in ZEKT_GITHUB_API_URL, and that its certificate is trusted here.",
    ),
    "cut": _Meaning(
        "network",
        "The connection broke after the request was sent. It is tried again, and the consumer may see this delivery"
        " twice: its confirm step tells the second run to skip the work.",
        ambiguous=True,
    ),
    "lost": _Meaning(
        "lost",
        "The broker stopped while it was waiting for GitHub's answer, so it is not known whether GitHub accepted. It"
        " is tried again, and the consumer may see this delivery twice: its confirm step tells the second run to"
        " skip the work.",
        ambiguous=True,
    ),
}


def from_response(
    status: int, headers: Mapping[str, str], text: str, *, now: datetime, advice: Mapping[int, str] | None = None
) -> Answer:
    """Sort an HTTP answer. Only 204 is a yes.

    Any answer may also say that nothing remains of the hourly limit: then the installation is `limited`, whatever
    became of this request. A limit without `retry_after` is one that names no time.

    Args:
        status: the HTTP status.
        headers: in any case.
        text: the body, as text.
        now: for limits that end at a time of day.
        advice: by status, what to say instead where GitHub's words say nothing more precise.
    """
    low = {name.lower(): value for name, value in headers.items()}
    words = _words(text)
    meaning = _meaning(status, low, words)
    request_id = printable(low.get("x-github-request-id", ""))[:100]
    return Answer(
        accepted=meaning is _ACCEPTED,
        permanent=meaning.permanent,
        ambiguous=meaning.ambiguous,
        limited=meaning.limited or _exhausted(low),
        http_status=status,
        request_id=request_id or None,
        category=meaning.category,
        text=words or _phrase(status),
        advice=_advice(status, meaning, words, advice or {}),
        retry_after=_retry_after(low, now),
    )


def from_failure(kind: Literal["timeout", "connect", "cut", "lost"], text: str) -> Answer:
    """Sort a failure to get an answer.

    Args:
        kind: `connect`, nothing was sent (refused, DNS, TLS); `timeout`, sent but not answered in time; `cut`, the
            connection broke after sending; `lost`, we stopped before the answer could be written down.
        text: what the network said.
    """
    meaning = _FAILURES[kind]
    return Answer(
        accepted=False,
        permanent=False,
        ambiguous=meaning.ambiguous,
        limited=False,
        http_status=None,
        request_id=None,
        category=meaning.category,
        text=printable(text)[:MAX_TEXT] or kind,
        advice=meaning.advice,
    )


def printable(text: str) -> str:
    """Without control, format and half characters, white space as one blank: fit for a terminal, a log and a page."""
    one_line = _BLANK.sub(" ", text)
    return "".join(c for c in one_line if c.isprintable()).strip()


def _meaning(status: int, headers: Mapping[str, str], words: str) -> _Meaning:
    if status == HTTPStatus.FORBIDDEN and _is_limit(headers, words):
        return _LIMITED
    if status in _BY_STATUS:
        suspended = status == HTTPStatus.FORBIDDEN and SUSPENDED in words.lower()
        return _SUSPENDED if suspended else _BY_STATUS[status]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _UNAVAILABLE
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return _PERHAPS
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _MOVED
    return _UNEXPECTED


def _is_limit(headers: Mapping[str, str], words: str) -> bool:
    """A 403 is a limit when GitHub says so in one of its three ways; otherwise a permission is missing.

    The last request of an hour may be refused for another reason: then the words decide.
    """
    said = words.lower()
    if any(sign in said for sign in _LIMIT_WORDS):
        return True
    if SUSPENDED in said or any(sign in said for sign in _FORBIDDEN):
        return False
    return "retry-after" in headers or _exhausted(headers)


def _exhausted(headers: Mapping[str, str]) -> bool:
    return headers.get("x-ratelimit-remaining", "").strip() == "0"


def _advice(status: int, meaning: _Meaning, words: str, instead: Mapping[int, str]) -> str:
    if not meaning.permanent:
        return meaning.advice
    said = words.lower() if status == HTTPStatus.FORBIDDEN else ""
    precise = next((advice for sign, advice in _FORBIDDEN.items() if sign in said), "")
    return precise or instead.get(status, meaning.advice)


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds GitHub asks us to wait: Retry-After, else until the limit's reset when it is used up."""
    asked = _asked(headers.get("retry-after", "").strip(), now)
    if asked is not None or not _exhausted(headers):
        return asked
    reset = _NUMBER.fullmatch(headers.get("x-ratelimit-reset", "").strip())
    return None if reset is None else max(_SHORTEST_RESET, float(reset[0]) - now.timestamp())


def _asked(value: str, now: datetime) -> float | None:
    """Seconds, or an HTTP date: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after ."""
    if _NUMBER.fullmatch(value):
        return max(1.0, float(value))
    try:
        when = parsedate_to_datetime(value)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(1.0, (when - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def _words(text: str) -> str:
    """GitHub's `message`, with its `errors` where it has some; else the text as it came."""
    said: object = None
    if len(text) <= _PARSED:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            said = None  # An HTML page of some proxy, say: shown as it is.
    if not isinstance(said, dict) or not isinstance(said.get("message"), str):
        return printable(text[: 4 * MAX_TEXT])[:MAX_TEXT]
    errors = said.get("errors")
    more = f" {json.dumps(errors, ensure_ascii=False)}" if errors else ""
    return printable((said["message"] + more)[: 4 * MAX_TEXT])[:MAX_TEXT]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"
