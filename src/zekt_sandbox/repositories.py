"""Repositories, their owners, and the app's installations on them."""

import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from types import MappingProxyType
from typing import Any

DEFAULT_PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {"actions": "read", "contents": "write", "members": "read", "metadata": "read", "repository_hooks": "write"}
)
"""What an installation of Zekt's app may do, unless a test says otherwise."""

_LEVELS = {"read": 1, "write": 2, "admin": 3}


def stable_id(kind: str, text: str) -> int:
    """A number for a name: the same in every server, so that tests can compare; below 100,000,000."""
    return 10_000_000 + zlib.crc32(f"{kind}:{text.lower()}".encode()) % 90_000_000


def covers(permissions: Mapping[str, str], name: str, level: str) -> bool:
    """Whether these permissions hold `name` at `level` (read < write < admin)."""
    return _LEVELS.get(permissions.get(name, ""), 0) >= _LEVELS[level]


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    full_name: str
    installation_id: int
    default_branch: str = "main"
    archived: bool = False
    disabled: bool = False
    """By GitHub's staff."""
    actions_enabled: bool = True
    has_issues: bool = True
    owner_number: int = 0
    """The owner's id, where it is not made of the login: the login may have changed since."""

    def __str__(self) -> str:
        return self.full_name

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        return self.full_name.partition("/")[2]

    @property
    def owner_id(self) -> int:
        return self.owner_number or stable_id("owner", self.owner)


class Repositories:
    """All repositories are private: to another installation they do not exist, as on GitHub."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, Repository] = {}
        self._permissions: dict[int, Mapping[str, str]] = {}
        self._suspended: dict[int, datetime] = {}
        self._owners: dict[int, tuple[str, int]] = {}
        self._owner_ids: dict[str, int] = {}
        self._updated: dict[int, datetime] = {}
        self._verified: set[int] = set()
        self._ids = count(700_000_001)

    def add(
        self,
        full_name: str,
        *,
        id: int | None = None,  # noqa: A002 - GitHub's word
        installation_id: int | None = None,
    ) -> Repository:
        """Create a repository with the app installed; an owner's share one installation by default.

        Raises:
            ValueError: the name is not `owner/name`, or the name or the id is taken.
        """
        owner, slash, name = full_name.partition("/")
        if not (owner and slash and name) or "/" in name:
            raise ValueError(f"full_name must be owner/name, not {full_name!r}")
        with self._lock:
            made = Repository(
                id=id if id is not None else next(self._ids),
                full_name=full_name,
                installation_id=installation_id or stable_id("installation", owner),
                owner_number=self._owner_ids.get(owner.lower(), 0),
            )
            if any(r.id == made.id or r.full_name.lower() == full_name.lower() for r in self._by_name.values()):
                raise ValueError(f"{full_name} or its id {made.id} is taken")
            self._by_name[full_name.lower()] = made
            self._permissions.setdefault(made.installation_id, DEFAULT_PERMISSIONS)
            self._owners.setdefault(made.installation_id, (made.owner, made.owner_id))
        return made

    def rename(self, repository: Repository, full_name: str) -> Repository:
        """Give it another name, or another owner (and no installation, where that one has none); its id stays.

        Raises:
            ValueError: the name is taken.
        """
        with self._lock:
            if full_name.lower() in self._by_name:
                raise ValueError(f"{full_name} is taken")
            old = self._by_name.pop(repository.full_name.lower())
            made = replace(old, full_name=full_name)
            if made.owner.lower() != old.owner.lower():
                number = self._owner_ids.get(made.owner.lower(), 0)
                made = replace(made, owner_number=number, installation_id=self._installation_at(made.owner))
            self._by_name[full_name.lower()] = made
        return made

    def rename_owner(self, login: str, to: str) -> None:
        """The owner keeps its id, repositories and installations; whoever takes the old login has another id."""
        with self._lock:
            mine = [r for r in self._by_name.values() if r.owner.lower() == login.lower()]
            number = mine[0].owner_id if mine else stable_id("owner", login)
            self._owner_ids[to.lower()] = number
            self._owner_ids[login.lower()] = stable_id("next-owner", f"{login} {number}")
            for each in mine:
                del self._by_name[each.full_name.lower()]
                made = replace(each, full_name=f"{to}/{each.name}", owner_number=number)
                self._by_name[made.full_name.lower()] = made
            for installation_id, (_, owner_id) in list(self._owners.items()):
                if owner_id == number:
                    self._owners[installation_id] = (to, number)

    def _installation_at(self, owner: str) -> int:
        live = (number for number, (login, _) in self._owners.items() if login.lower() == owner.lower())
        return next((number for number in live if number in self._permissions), 0)

    def install(self, installation_id: int, repository: Repository) -> None:
        """An installation of this repository's owner, which covers nothing yet."""
        with self._lock:
            self._permissions[installation_id] = DEFAULT_PERMISSIONS
            self._owners[installation_id] = (repository.owner, repository.owner_id)
            self._updated[installation_id] = datetime.now(UTC)

    def installation_owner(self, installation_id: int) -> tuple[str, int]:
        """Login and id of whoever installed the app."""
        with self._lock:
            return self._owners[installation_id]

    def verify(self, owner_id: int, verified: bool) -> None:
        """Whether GitHub has verified the domain of this organisation."""
        with self._lock:
            (self._verified.add if verified else self._verified.discard)(owner_id)

    def is_verified(self, owner_id: int) -> bool:
        with self._lock:
            return owner_id in self._verified

    def installations(self) -> list[int]:
        with self._lock:
            return sorted(self._permissions)

    def updated_at(self, installation_id: int) -> datetime:
        with self._lock:
            return self._updated.get(installation_id, datetime(2026, 1, 1, tzinfo=UTC))

    def touch(self, installation_id: int) -> None:
        """It was changed this moment."""
        with self._lock:
            self._updated[installation_id] = datetime.now(UTC)

    def change(self, repository: Repository, **fields: Any) -> Repository:
        """Replace some of its fields, but its name and id. Runs and dispatches of before keep the old ones."""
        with self._lock:
            changed = replace(self._by_name[repository.full_name.lower()], **fields)
            self._by_name[repository.full_name.lower()] = changed
        return changed

    def remove(self, repository: str | Repository) -> None:
        """Delete a repository: from now on it is 404 to everyone."""
        with self._lock:
            self._by_name.pop(str(repository).lower(), None)

    def get(self, repository: str | Repository) -> Repository:
        """The repository of that name.

        Raises:
            LookupError: there is none.
        """
        found = self.find(str(repository))
        if found is None:
            raise LookupError(f"the sandbox has no repository {str(repository)!r}; add_repository makes one")
        return found

    def find(self, full_name: str) -> Repository | None:
        with self._lock:
            return self._by_name.get(full_name.lower())

    def all(self) -> list[Repository]:
        with self._lock:
            return list(self._by_name.values())

    def by_id(self, repository_id: int) -> Repository | None:
        return next((r for r in self.all() if r.id == repository_id), None)

    def of_installation(self, installation_id: int) -> list[Repository]:
        return [r for r in self.all() if r.installation_id == installation_id]

    def permissions(self, installation_id: int) -> Mapping[str, str] | None:
        """What the installation may do, or None where the app is not installed."""
        with self._lock:
            return self._permissions.get(installation_id)

    def suspended_at(self, installation_id: int) -> datetime | None:
        with self._lock:
            return self._suspended.get(installation_id)

    def suspend(self, installation_id: int, suspended: bool) -> None:
        """Its tokens do nothing until it is unsuspended."""
        with self._lock:
            self._updated[installation_id] = datetime.now(UTC)
            if suspended:  # one that is suspended already stays so since then
                self._suspended.setdefault(installation_id, datetime.now(UTC))
            else:
                self._suspended.pop(installation_id, None)

    def permit(self, installation_id: int, permissions: Mapping[str, str]) -> None:
        """Replace what an installation may do; tokens made earlier are held to it too."""
        with self._lock:
            self._updated[installation_id] = datetime.now(UTC)
            self._permissions[installation_id] = dict(permissions)

    def uninstall(self, installation_id: int) -> None:
        """Take the app away: its tokens are bad credentials from now on."""
        with self._lock:
            self._permissions.pop(installation_id, None)
