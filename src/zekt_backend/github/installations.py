"""Reads installations and repositories as they are, within a budget of requests. Blocking."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import msgspec
import requests

from zekt_backend.errors import ZektError
from zekt_backend.github.budget import APP
from zekt_backend.github.lookup import read
from zekt_backend.github.metered import Metered, SetAsideError
from zekt_backend.rules.news import Installed, Owner, Placed

PER_PAGE = 50
"""A repository has about 7 KB as GitHub tells it, and an answer of ours at most 1 MiB."""
MOST_PAGES = 400
"""Of one list: 20,000 repositories. What is beyond is not managed here."""

_Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
_Login = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]{1,100}\\Z")]
_FullName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}\\Z")]
_Level = Annotated[str, msgspec.Meta(max_length=20)]


class _Account(msgspec.Struct):
    id: _Id
    login: _Login
    type: str = "Organization"

    def owner(self) -> Owner:
        return Owner(self.id, self.login, "user" if self.type == "User" else "organization")


class _Installation(msgspec.Struct):
    """https://docs.github.com/en/rest/apps/apps#get-an-installation-for-the-authenticated-app ."""

    id: _Id
    account: _Account
    permissions: Annotated[dict[str, _Level], msgspec.Meta(max_length=500)] = {}
    suspended_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    def installed(self, repositories: Mapping[int, str] | None) -> Installed:
        return Installed(self.id, self.account.owner(), self.permissions, self.suspended_at, repositories)


class _Anyone(msgspec.Struct):
    login: str | None = None


class _Listed(msgspec.Struct):
    """Nobody but an organisation or a user has a login: an enterprise that installed the app has no repositories."""

    id: _Id
    account: _Anyone | None = None

    @property
    def is_ours(self) -> bool:
        return self.account is not None and self.account.login is not None


class _Organization(msgspec.Struct):
    id: _Id
    is_verified: bool | None = None


class _Repository(msgspec.Struct):
    id: _Id
    full_name: _FullName
    owner: _Account


class _Named(msgspec.Struct):
    id: _Id
    full_name: _FullName


class _Page(msgspec.Struct):
    """https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation ."""

    repositories: list[_Named]


class _Known(msgspec.Struct):
    id: _Id


def installation(github: Metered, installation_id: int) -> Installed | None:
    """With its repositories; None when GitHub knows it no more, or an enterprise has it.

    Raises:
        SetAsideError: the budget is used up.
        ZektError: `github_refused` or `github_unavailable`.
    """
    reply = github.ask(APP, f"/app/installations/{installation_id}")
    if reply.status == requests.codes.not_found:
        return None
    about = f"installation {installation_id}"
    if not read(reply, _Listed, github.app, about).is_ours:
        return None
    told = read(reply, _Installation, github.app, about)
    whole = _whole(github, told.installed(None))
    return replace(whole, owner=replace(whole.owner, verified=_is_verified(github, whole)))


def listed(github: Metered) -> list[int]:
    """Every installation of the app, but those of enterprises.

    https://docs.github.com/en/rest/apps/apps#list-installations-for-the-authenticated-app

    Raises:
        SetAsideError, ZektError: as above.
    """
    found: list[int] = []
    for number in range(1, MOST_PAGES + 1):
        reply = github.ask(APP, f"/app/installations?per_page={PER_PAGE}&page={number}")
        page = read(reply, list[_Listed], github.app, "the app's installations")
        found += [each.id for each in page if each.is_ours]
        if len(page) < PER_PAGE:
            break
    return found


def _is_verified(github: Metered, told: Installed) -> bool | None:
    """Whether GitHub has verified an organisation's domain.

    https://docs.github.com/en/rest/orgs/orgs#get-an-organization , which is public. None where it does not say: a badge
    is no reason to throw away what was read.
    """
    if told.owner.kind == "user":
        return False
    if told.suspended_at is not None:
        return None
    try:
        reply = github.ask(told.id, f"/orgs/{told.owner.login}")
        found = read(reply, _Organization, github.app, told.owner.login)
    except (SetAsideError, ZektError):
        return None
    # The login may have become somebody else's since.
    return found.is_verified if found.id == told.owner.id else None


def _whole(github: Metered, told: Installed) -> Installed:
    if told.suspended_at is not None:
        return told
    found: dict[int, str] = {}
    for number in range(1, MOST_PAGES + 1):
        reply = github.ask(told.id, f"/installation/repositories?per_page={PER_PAGE}&page={number}")
        page = read(reply, _Page, github.app, f"installation {told.id}").repositories
        # What was renamed between two pages may stand there twice: the later page is the newer one.
        taken = {each.full_name.lower() for each in page}
        found = {id_: name for id_, name in found.items() if name.lower() not in taken}
        found |= {each.id: each.full_name for each in page}
        if len(page) < PER_PAGE:
            break
    return replace(told, repositories=found)


def repository(github: Metered, installation_id: int, repository_id: int) -> Placed | None:
    """Where a repository is now, asked as one installation; None when that one does not see it.

    A public repository is seen by every installation, so which one has it is asked by itself.

    Raises:
        SetAsideError, ZektError: as above.
    """
    reply = github.ask(installation_id, f"/repositories/{repository_id}")
    if reply.status == requests.codes.not_found:
        return None
    told = read(reply, _Repository, github.app, f"repository {repository_id}")
    reply = github.ask(APP, f"/repos/{told.full_name}/installation")
    placed = Placed(told.id, told.full_name, told.owner.owner(), None)
    if reply.status == requests.codes.not_found:
        return placed
    return replace(placed, installation_id=read(reply, _Known, github.app, told.full_name).id)
