"""Who may do what to an account: pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from zekt_backend.errors import ZektError


class Right(StrEnum):
    """What somebody may do to an account; each includes those before it."""

    READ = "read"
    MANAGE = "manage"
    OWN = "own"


_ORDER = tuple(Right)

OPERATOR = "operator"
GITHUB = "github"
"""The actor who holds ZEKT_ADMIN_TOKEN, or the database's address."""

TOKEN_PREFIX = "zekt_"  # noqa: S105 — what every token begins with opens nothing
"""API tokens begin so, for secret scanners and for people who find one."""

TOKEN_NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._@/-]{0,99}$"  # noqa: S105 — a pattern
"""What a token may be called: it stands in logs, tables and the audit trail."""


def not_yours() -> ZektError:
    """What is not there and what is somebody else's look alike, so that nobody learns which ids there are."""
    return ZektError("not_yours", "There is no such thing here, or it is not yours to see or change.")


def check_version(present: int, seen: int | None) -> None:
    """Whoever changes what they have seen says which version that was; None: whatever it is now.

    Raises:
        ZektError: `version_stale`.
    """
    if seen not in (None, present):
        raise ZektError("version_stale", f"It is at version {present} by now: read it again, then change it.")


def person_actor(login: str, person_id: int) -> str:
    """A person in the audit trail: GitHub's id tells apart those who have had a login one after the other."""
    return f"person:{login}#{person_id}"


def token_actor(name: str, token_id: int) -> str:
    return f"token:{name}#{token_id}"


_ACTOR = re.compile(r"(person|token):.*#([0-9]{1,18})")


def number_of(actor: str) -> tuple[str, int] | None:
    """`person` or `token`, and the id by which it is known here; None: it is neither."""
    found = _ACTOR.fullmatch(actor)
    return (found[1], int(found[2])) if found else None


def digest_of(secret: str) -> bytes:
    """What is kept of a secret of 32 random bytes: nobody guesses those, so a fast hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever calls the management API: the operator, a person, or an account's API token.

    Args:
        actor: for the audit trail: `operator`, `person:LOGIN#ID`, `token:NAME#ID`.
        rights: account id → the most that may be done to it.
        repositories: ids of those that a person administers at GitHub, and so manages in accounts that may be read.
        operator: may do everything everywhere.
        unsure: accounts in which the caller had a role, of which GitHub could not be asked for too long.
    """

    actor: str
    rights: Mapping[int, Right] = field(default_factory=dict)
    operator: bool = False
    unsure: frozenset[int] = frozenset()
    repositories: frozenset[int] = frozenset()

    def may(self, account_id: int | None, right: Right) -> bool:
        if self.operator:
            return True
        held = self.rights.get(account_id) if account_id is not None else None
        return held is not None and _ORDER.index(held) >= _ORDER.index(right)

    def require(self, account_id: int | None, right: Right) -> None:
        """Let pass, or refuse without telling not-yours from not-there.

        Raises:
            ZektError: `not_yours`; `roles_unknown` to somebody who had a role there.
        """
        if account_id in self.unsure:
            raise ZektError(
                "roles_unknown",
                "For over an hour GitHub could not be asked whether you still administer this account, so that nothing"
                " is shown or changed. If it lasts: is the app still installed there, and not suspended?",
                retry_after=30,
            )
        if not self.may(account_id, right):
            raise not_yours()

    def may_manage(self, account_id: int | None, repository_id: int | None) -> bool:
        """Whether this repository of that account is the caller's to act on, through the app or otherwise."""
        mine = repository_id in self.repositories and self.may(account_id, Right.READ)
        return mine or self.may(account_id, Right.MANAGE)

    def require_repository(self, account_id: int | None, repository_id: int | None) -> None:
        """Let whoever manages it pass: the app may do more there than who administers another repository may.

        Raises:
            ZektError: as `require`.
        """
        if not self.may_manage(account_id, repository_id):
            self.require(account_id, Right.MANAGE)

    def accounts(self, right: Right = Right.READ) -> list[int] | None:
        """The accounts to which so much may be done; None: all there are."""
        return None if self.operator else [account_id for account_id in self.rights if self.may(account_id, right)]
