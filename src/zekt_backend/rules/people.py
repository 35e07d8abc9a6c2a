"""People: how long a session lasts and a role is believed, and what a browser must say for itself. Pure."""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from zekt_backend.rules.access import Right

SESSION = timedelta(hours=8)
SIGN_IN = timedelta(minutes=10)
"""From our sign-in page to GitHub's answer; GitHub's codes last as long."""
FRESH = timedelta(minutes=15)
"""A role that was learned so long ago is asked about again when it is used."""
BELIEVED = timedelta(hours=1)
"""When GitHub cannot be asked, a role gives nothing any more after so long."""
PAUSE = timedelta(seconds=30)
"""From one unanswered question about a role to the next: a GitHub that hangs holds nobody up at every request."""

MOST_ASKED = 20
"""Repositories of an account that are asked about, to learn which of them a person administers."""

# What browsers read as another host or strip before they look is not in here: backslash, control characters, tab.
_LOCAL = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~!$&'()*+,;=:@%?-]{0,500}")


class Role(StrEnum):
    OWNER = "owner"
    MEMBER = "member"

    @property
    def right(self) -> Right:
        """To the account; a member also manages the repositories that are the member's own."""
        return Right.OWN if self is Role.OWNER else Right.READ


@dataclass(frozen=True, slots=True)
class Place:
    """An account that a person has something to do with, as GitHub told with the person's own token.

    Args:
        owner: the person's own account, or an organisation which the person administers.
        administers: ids of repositories there.
    """

    github_id: int
    login: str
    kind: str
    installation_id: int
    owner: bool
    administers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who signs in."""

    id: int
    login: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A repository about which GitHub is asked.

    Args:
        counts: whoever administers it is a member.
        held: the person administered it when GitHub last told.
    """

    id: int
    counts: bool
    held: bool


@dataclass(frozen=True, slots=True)
class Seat:
    """A role that somebody has here, and what GitHub is asked to learn whether that is still so.

    Args:
        repositories: those that are held first, at most `MOST_ASKED`.
    """

    account_id: int
    github_id: int | None
    account: str
    kind: str
    person_id: int
    person: str
    role: Role
    installation_id: int
    repositories: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What GitHub says of a seat. `role` None: none any more; `administers`: ids of a member's repositories."""

    role: Role | None
    administers: frozenset[int] = frozenset()


def role_at(place: Place, counting: Iterable[int]) -> Found:
    """Of an account in which whoever administers one of these repositories is a member."""
    if place.owner:
        return Found(Role.OWNER)
    return Found(None) if place.administers.isdisjoint(counting) else Found(Role.MEMBER, place.administers)


def is_due(checked_at: datetime, asked_at: datetime | None, now: datetime) -> bool:
    """Whether GitHub is asked about a role before it is used."""
    return now - checked_at >= FRESH and (asked_at is None or now - asked_at >= PAUSE)


def is_believed(checked_at: datetime, now: datetime) -> bool:
    return now - checked_at < BELIEVED


def is_local(path: str) -> bool:
    """Whether a browser that is sent there stays with us."""
    return _LOCAL.fullmatch(path) is not None


def is_ours(origin: str | None, fetch_site: str | None, base_url: str) -> bool:
    """Whether a browser says that its request comes from a page of ours; one that says nothing does not.

    https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
    """
    if fetch_site is not None and fetch_site != "same-origin":
        return False
    if origin is None:
        return fetch_site is not None
    return origin == origin_of(base_url)


def origin_of(url: str) -> str:
    """As browsers write it: without the scheme's own port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    own = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, own) else "")


def same(given: str, expected: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())
