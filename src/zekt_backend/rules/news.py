"""What GitHub tells of the app's installations and of repositories: hints, after which the truth is read. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Stop = Literal["suspended", "uninstalled", "deselected", "deleted"]


@dataclass(frozen=True, slots=True)
class AppNews:
    """One webhook about the app. What it ends is ended at once; everything else is read from GitHub afterwards."""

    guid: str
    event: str
    action: str
    installation_id: int | None
    """None: GitHub named none, as a repository's own webhook does."""
    repository_id: int | None = None
    """Whom it is about, where that is one repository and not the installation."""
    stop: Stop | None = None
    repositories: tuple[int, ...] = ()
    """Those that were taken out of the installation."""
    as_of: datetime | None = None
    """When it became so, as far as GitHub says."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An account at GitHub, by its id: the login may change, and may become somebody else's."""

    id: int
    login: str
    kind: Literal["organization", "user"]
    verified: bool | None = None
    """An organisation whose domain GitHub has verified; None: it was not asked, or did not say."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation, as GitHub tells it when it is asked."""

    id: int
    owner: Owner
    permissions: Mapping[str, str]
    suspended_at: datetime | None
    repositories: Mapping[int, str] | None
    """Id → `owner/name`; None while it is suspended, when GitHub does not say."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A repository, whose it is, and which installation reaches it."""

    id: int
    full_name: str
    owner: Owner
    installation_id: int | None


def is_stale(news: AppNews, told_at: datetime | None) -> bool:
    """Whether something later than this was read already, so that it may have ended again since.

    A wrong answer, when clocks differ, holds until the reading that every news is followed by.
    """
    return news.as_of is not None and told_at is not None and news.as_of < told_at
