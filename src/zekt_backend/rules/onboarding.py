"""What must hold at GitHub before a repository is enabled, and what to do where it does not. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from zekt_backend.errors import ZektError

Role = Literal["provider", "consumer", "completion_tracking"]
"""What a repository can be enabled as; each is a column of `repositories`."""

NEEDS: Mapping[Role, Mapping[str, str]] = {
    "provider": {"repository_hooks": "write", "actions": "read"},
    "consumer": {"contents": "write"},
    "completion_tracking": {"repository_hooks": "write", "actions": "read"},
}
"""Permissions of the app's installation: a webhook is placed, workflows and runs are read, dispatches are made."""

HOOKED: tuple[Role, ...] = ("provider", "completion_tracking")
"""What needs the repository's webhook."""

REQUESTS_TO_PLACE = 5
"""To GitHub's REST API, at most, to place a webhook where fewer than 100 are: the installation, its token where none is
held, the repository, its webhooks, and ours. The first two are the app's own, the others the installation's."""

REQUESTS_ALLOWED_AN_HOUR = 5_000
"""To an installation, at least; webhooks that GitHub sends count against nothing.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#primary-rate-limit-for-github-app-installations"""

_LEVELS = {"read": 1, "write": 2, "admin": 3}
_PEOPLE_SAY = {"repository_hooks": "Webhooks", "contents": "Contents", "actions": "Actions"}
_WORDS = {"read": "Read", "write": "Read and write"}


@dataclass(frozen=True, slots=True)
class Standing:
    """A repository as it stands at GitHub, and the app's installation on it."""

    repository_id: int
    full_name: str
    owner_id: int
    """GitHub's: a login may become somebody else's, an id does not."""
    installation_id: int
    permissions: Mapping[str, str]
    archived: bool = False
    disabled: bool = False
    """By GitHub's staff."""

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]


def lacking(permissions: Mapping[str, str], role: Role) -> list[str]:
    """What the installation may not do, and must: `Webhooks: Read and write`."""
    return [
        f"{_PEOPLE_SAY[name]}: {_WORDS[level]}"
        for name, level in NEEDS[role].items()
        if _LEVELS.get(permissions.get(name, ""), 0) < _LEVELS[level]
    ]


def check_same(standing: Standing, *, repository_id: int, full_name: str, account: str, owner_id: int | None) -> None:
    """The name still means this repository, and its owner is still that account.

    Raises:
        ZektError: `conflict`.
    """
    if standing.repository_id != repository_id:
        raise ZektError(
            "conflict",
            f"{full_name} is another repository now: GitHub's id is {standing.repository_id}, and this is"
            f" {repository_id}. The name was given to a new one: add that, POST /api/repositories or"
            f" `zekt repositories add {full_name}`.",
        )
    check_owner(standing, account, owner_id)


def check_owner(standing: Standing, account: str, owner_id: int | None) -> None:
    """Its owner is still that account: by login, and by GitHub's id of the owner where the account's is known.

    Raises:
        ZektError: `conflict`.
    """
    if standing.owner.lower() != account.lower():
        raise ZektError(
            "conflict",
            f"{standing.full_name} does not belong to {account} any more: it was transferred. Whoever runs the broker"
            " writes it under its new owner in the setup file.",
        )
    if owner_id not in (None, standing.owner_id):
        raise ZektError(
            "conflict",
            f"{account} is somebody else at GitHub now: its id is {standing.owner_id}, and the account's is {owner_id}."
            " The login was given up, and taken by another owner, who gets an account of their own when they install"
            " the app: do that, and try again a minute later.",
        )


def check_able(standing: Standing, role: Role) -> None:
    """It is not closed, and the app may do there what the role needs.

    Raises:
        ZektError: `conflict`, naming the permission, and what to click.
    """
    name = standing.full_name
    if standing.archived:
        raise ZektError(
            "conflict",
            f"{name} is archived, so that nothing runs there and no webhook can be placed. An owner clicks Settings >"
            " General > Unarchive this repository; then ask again.",
        )
    if standing.disabled:
        raise ZektError("conflict", f"GitHub has blocked {name}. Its owner asks GitHub Support; then ask again.")
    if missing := lacking(standing.permissions, role):
        raise ZektError(
            "conflict",
            f"The app lacks the repository permission {' and '.join(missing)} on {name}. It was made with fewer"
            " permissions, or an owner has not accepted those that were added later: Settings > GitHub Apps >"
            " Configure > 'Review request'; then ask again.",
        )
