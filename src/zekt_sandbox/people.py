"""People: who they are, and what they may do in organisations and repositories."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from zekt_sandbox.repositories import Repository, stable_id

ROLES = frozenset({"admin", "member"})
PERMISSIONS = frozenset({"admin", "write", "read", "none"})


@dataclass(frozen=True, slots=True)
class Person:
    login: str
    id: int
    organizations: Mapping[str, str] = field(default_factory=dict)
    """Organisation, in lower case → admin or member."""
    repositories: Mapping[str, str] = field(default_factory=dict)
    """`owner/name`, in lower case → admin, write, read or none."""

    def role(self, organization: str) -> str | None:
        return self.organizations.get(organization.lower())

    def permission(self, repository: Repository) -> str:
        """What comes of owning it, of its organisation and of being invited, whichever is most."""
        if self.login.lower() == repository.owner.lower() or self.role(repository.owner) == "admin":
            return "admin"
        return self.repositories.get(repository.full_name.lower(), "none")


class People:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[str, Person] = {}

    def set(
        self,
        login: str,
        *,
        id: int | None = None,  # noqa: A002 - GitHub's word
        organizations: Mapping[str, str] | None = None,
        repositories: Mapping[str, str] | None = None,
    ) -> Person:
        """Make a person, or replace all that one may do.

        Raises:
            ValueError: a role or a permission that GitHub does not have.
        """
        organizations, repositories = organizations or {}, repositories or {}
        _check(organizations, ROLES)
        _check(repositories, PERMISSIONS)
        person = Person(
            login,
            id if id is not None else stable_id("user", login),
            {name.lower(): role for name, role in organizations.items()},
            {name.lower(): permission for name, permission in repositories.items()},
        )
        with self._lock:
            self._people[login.lower()] = person
        return person

    def find(self, login: str) -> Person | None:
        with self._lock:
            return self._people.get(login.lower())

    def by_id(self, number: int) -> Person | None:
        return next((person for person in self.all() if person.id == number), None)

    def rename(self, login: str, new: str) -> None:
        """The id stays, and the old login is free for somebody else.

        Raises:
            LookupError: there is no such person.
        """
        with self._lock:
            old = self._people.pop(login.lower(), None)
            if old is None:
                raise LookupError(f"the sandbox has no person {login!r}")
            self._people[new.lower()] = Person(new, old.id, old.organizations, old.repositories)

    def all(self) -> list[Person]:
        with self._lock:
            return list(self._people.values())


def _check(given: Mapping[str, str], known: frozenset[str]) -> None:
    for name, value in given.items():
        if value not in known:
            raise ValueError(f"{name}: must be one of {', '.join(sorted(known))}, not {value!r}")
