"""The token issuer: request tokens that a runner holds, and the five-minute tokens it gets for them."""

import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from zekt_sandbox.keys import SigningKeys

LIFETIME_SECONDS = 300
"""https://docs.github.com/actions/concepts/security/openid-connect: tokens live five minutes."""

NOT_BEFORE_SECONDS = 600
"""GitHub dates `nbf` ten minutes before `iat`."""


class Issuer:
    """Knows nothing of runs: whoever holds a request token gets the identity it was granted, signed."""

    def __init__(self, url: str, keys: SigningKeys) -> None:
        self.url = url
        self.keys = keys
        self._lock = threading.Lock()
        self._granted: dict[str, dict[str, str]] = {}

    def grant(self, identity: Mapping[str, str]) -> str:
        """A request token (`ACTIONS_ID_TOKEN_REQUEST_TOKEN`) for this identity."""
        token = secrets.token_urlsafe(48)
        with self._lock:
            self._granted[token] = dict(identity)
        return token

    def revoke(self, request_token: str) -> None:
        """Its job has ended."""
        with self._lock:
            self._granted.pop(request_token, None)

    def identity(self, request_token: str) -> dict[str, str] | None:
        with self._lock:
            return self._granted.get(request_token)

    def claims(
        self, identity: Mapping[str, str], audience: str | None, overrides: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """A full set of claims. GitHub's own are all strings; only the times are numbers.

        Args:
            identity: GitHub's own claims of the job.
            audience: None gives GitHub's default, the owner's URL.
            overrides: claims to replace; a value of None takes the claim away.
        """
        now = int(time.time())
        claims: dict[str, Any] = {
            "jti": str(uuid.uuid4()),
            **identity,
            "aud": audience or f"https://github.com/{identity['repository_owner']}",
            "iss": self.url,
            "nbf": now - NOT_BEFORE_SECONDS,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            **(overrides or {}),
        }
        return {name: value for name, value in claims.items() if value is not None}

    def discovery(self) -> dict[str, Any]:
        """`/.well-known/openid-configuration`, with the members GitHub's has."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/.well-known/jwks",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": [
                "sub",
                "aud",
                "exp",
                "iat",
                "iss",
                "jti",
                "nbf",
                "ref",
                "repository",
                "run_id",
            ],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        }
