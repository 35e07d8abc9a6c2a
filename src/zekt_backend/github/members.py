"""Ask GitHub, as the app, what somebody may do in an account. Blocking; belongs in a worker thread.

https://docs.github.com/en/rest/orgs/members#get-organization-membership-for-a-user (Members: read) and
https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user (Metadata: read).
Both take a login, which may have become somebody else's: what they tell counts for the id in their answer alone.
A repository's name may, too: it is asked about by id, at the address to which GitHub leads whoever has an old name.
"""

import time
from typing import TypeVar

import msgspec
import requests

from zekt_backend.errors import ZektError
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.lookup import get_as, read
from zekt_backend.rules.people import Found, Role, Seat

_Told = TypeVar("_Told")

PATIENCE = 20.0
"""Seconds for all repositories of an account, beside the time that one answer may take."""


class _Known(msgspec.Struct):
    id: int


class _Membership(msgspec.Struct):
    state: str
    role: str
    user: _Known
    organization: _Known


class _Permission(msgspec.Struct):
    permission: str
    user: _Known | None = None


def role_of(app: GitHubApp, seat: Seat) -> Found:
    """What a person is in an account, now.

    Raises:
        ZektError: `github_refused` or `github_unavailable`: it cannot be told.
    """
    if seat.kind == "user" and seat.github_id == seat.person_id:
        return Found(Role.OWNER)
    person, untold = (seat.person_id, seat.person), None
    if seat.kind == "organization" and seat.github_id is not None:
        try:
            if administers(app, seat.installation_id, organization=(seat.github_id, seat.account), person=person):
                return Found(Role.OWNER)
        except ZektError as error:
            if error.code != "github_refused":
                raise
            untold = error
    found = _member(app, seat)
    if found.role is None and untold is not None:
        raise untold
    return found


def _member(app: GitHubApp, seat: Seat) -> Found:
    """All that the person held before is asked about; where that gives no role, what else counts, until one does."""
    deadline, administered, is_member = time.monotonic() + PATIENCE, set(), False
    for repository in seat.repositories:
        if is_member and not repository.held:
            break
        if time.monotonic() > deadline:
            raise ZektError("github_unavailable", "GitHub took too long to tell who administers what.", retry_after=10)
        if _is_admin(app, seat.installation_id, repository.id, (seat.person_id, seat.person)):
            administered.add(repository.id)
            is_member = is_member or repository.counts
    return Found(Role.MEMBER, frozenset(administered)) if is_member else Found(None)


def administers(
    app: GitHubApp, installation_id: int, *, organization: tuple[int, str], person: tuple[int, str]
) -> bool:
    """Whether a person is an admin of an organisation; each is an id and the login that it had last.

    Raises:
        ZektError: `github_refused`, as without the permission `Members: read`; or `github_unavailable`.
    """
    path = f"/orgs/{organization[1]}/memberships/{person[1]}"
    found = _ask(app, installation_id, path, _Membership, organization[1])
    if found is None or (found.user.id, found.organization.id) != (person[0], organization[0]):
        return False
    return found.state == "active" and found.role == "admin"


def _is_admin(app: GitHubApp, installation_id: int, repository_id: int, person: tuple[int, str]) -> bool:
    path = f"/repositories/{repository_id}/collaborators/{person[1]}/permission"
    found = _ask(app, installation_id, path, _Permission, f"repository {repository_id}")
    if found is None or found.user is None or found.user.id != person[0]:
        return False
    return found.permission == "admin"


def _ask(app: GitHubApp, installation_id: int, path: str, kind: type[_Told], about: str) -> _Told | None:
    """None for 404: not a member, or the app is not there any more."""
    reply = get_as(app, installation_id, path)
    if reply.status == requests.codes.not_found:
        return None
    return read(reply, kind, app, about, advice=_ADVICE)


_ADVICE = {
    403: "To tell who administers an account the app needs the permissions 'Members: Read' (organization) and"
    " 'Metadata: Read' (repository), and its installation must not be suspended.",
}
