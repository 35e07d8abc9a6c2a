"""The app's own token (a JWT signed with its private key) and the installation tokens it gets for it."""

import secrets
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import jwt

from zekt_sandbox.keys import private_pem, process_key, public_pem
from zekt_sandbox.refusals import Refused
from zekt_sandbox.repositories import Repositories, Repository, covers

APP_ID = "271828"
APP_SLUG = "zekt-sandbox"
MAX_JWT_SECONDS = 600
"""At most 10 minutes ahead (https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app)."""

_CLOCK_DRIFT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Grant:
    """What one installation token allows."""

    installation_id: int
    expires_at: datetime
    permissions: Mapping[str, str] = field(default_factory=dict)
    repository_ids: frozenset[int] | None = None
    """None: all repositories of the installation."""

    def reaches(self, repository: Repository) -> bool:
        if repository.installation_id != self.installation_id:
            return False
        return self.repository_ids is None or repository.id in self.repository_ids


def bearer(authorization: str) -> str:
    """The token of an `Authorization` header (`Bearer` or `token`, GitHub takes both); empty when absent."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "token"} else ""


class Credentials:
    def __init__(self, repositories: Repositories) -> None:
        key = process_key("app")
        self.app_id = APP_ID
        self.private_key = private_pem(key)
        self.token_lifetime = timedelta(hours=1)
        self._public_key = public_pem(key)
        self._repositories = repositories
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}

    def require_app(self, authorization: str) -> None:
        """Check the app's JWT for real.

        Raises:
            Refused: 401 with GitHub's texts.
        """
        token = bearer(authorization)
        if token.startswith("ghs_"):
            raise Refused(403, "Resource not accessible by integration")
        try:
            claims = jwt.decode(
                token,
                self._public_key,
                algorithms=["RS256"],
                options={"require": ["exp", "iat", "iss"], "verify_iss": False, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError as expired:
            text = "'Expiration time' claim ('exp') must be a numeric value representing the future time"
            raise Refused(401, f"{text} at which the assertion expires") from expired
        except jwt.InvalidTokenError as unreadable:
            raise Refused(401, "A JSON web token could not be decoded") from unreadable
        now = time.time()
        if claims["exp"] > now + MAX_JWT_SECONDS + _CLOCK_DRIFT_SECONDS:
            raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
        if claims["iat"] > now + _CLOCK_DRIFT_SECONDS:
            raise Refused(401, "'Issued at' claim ('iat') must be an Integer representing a time in the past")
        if str(claims["iss"]) != self.app_id:
            raise Refused(401, "'Issuer' claim ('iss') must be the app's id")

    def issue(
        self,
        installation_id: int,
        permissions: Mapping[str, str] | None = None,
        repository_ids: Collection[int] | None = None,
    ) -> tuple[str, Grant]:
        """A new installation token.

        Args:
            installation_id: whose.
            permissions: fewer than the installation has; None for all of them.
            repository_ids: fewer than the installation has; None for all of them.

        Raises:
            Refused: 404 without such an installation, 422 where more is asked than it has.
        """
        held = self._repositories.permissions(installation_id)
        if held is None:
            raise Refused(404, "Not Found")
        self.require_unsuspended(installation_id)
        reachable = {repository.id for repository in self._repositories.of_installation(installation_id)}
        if not all(covers(held, name, level) for name, level in (permissions or {}).items()):
            raise Refused(422, "The permissions requested are not granted to this installation.")
        if repository_ids is not None and not reachable.issuperset(repository_ids):
            raise Refused(422, "There is at least one repository that does not exist or is not accessible.")
        token = "ghs_" + secrets.token_urlsafe(36)
        only = None if repository_ids is None else frozenset(repository_ids)
        expires_at = datetime.now(UTC) + self.token_lifetime
        grant = Grant(installation_id, expires_at, dict(permissions or held), only)
        with self._lock:
            self._grants[token] = grant
        return token, grant

    def require_unsuspended(self, installation_id: int) -> None:
        """A suspended installation gets no token, and those it has are good for nothing.

        Raises:
            Refused: 403.
        """
        if self._repositories.suspended_at(installation_id) is not None:
            raise Refused(403, "This installation has been suspended")

    def grant(self, authorization: str) -> Grant | None:
        """What an installation token allows; None when it is absent, unknown, expired or withdrawn."""
        with self._lock:
            grant = self._grants.get(bearer(authorization))
        if grant is None or grant.expires_at <= datetime.now(UTC):
            return None
        return grant if self._repositories.permissions(grant.installation_id) is not None else None

    def allows(self, grant: Grant, name: str, level: str) -> bool:
        """Whether the token and its installation, as it is today, hold the permission."""
        held = self._repositories.permissions(grant.installation_id) or {}
        return covers(grant.permissions, name, level) and covers(held, name, level)
