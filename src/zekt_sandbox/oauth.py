"""Sign-in with GitHub: codes that are good once, and people's tokens.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from zekt_sandbox.credentials import bearer

CODE_LIFETIME = timedelta(minutes=10)
TOKEN_SECONDS = 28_800
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_HELP = "/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#"
_WORDS = {
    "incorrect_client_credentials": "The client_id and/or client_secret passed are incorrect.",
    "redirect_uri_mismatch": "The redirect_uri MUST match the registered callback URL for this application.",
    "bad_verification_code": "The code passed is incorrect or expired.",
    "unsupported_grant_type": "The grant type must be authorization_code.",
}
"""GitHub's own, but for the last."""


@dataclass(frozen=True, slots=True)
class _Code:
    person_id: int
    redirect_uri: str
    challenge: str
    made_at: datetime


def refusal(error: str) -> dict[str, str]:
    """GitHub refuses with status 200 and this body."""
    return {
        "error": error,
        "error_description": _WORDS[error],
        "error_uri": _HELP + error.replace("_", "-"),
    }


class OAuth:
    """The app's client, with the callback `http://LOOPBACK:ANY/auth/callback`."""

    callback_path = "/auth/callback"

    def __init__(self) -> None:
        self.client_id = "Iv23zektsandbox"
        self.client_secret = secrets.token_hex(20)
        self._lock = threading.Lock()
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, int] = {}

    def knows(self, redirect_uri: str) -> bool:
        """Whether this is the registered callback; on loopback any port is."""
        parts = urlsplit(redirect_uri)
        local = parts.scheme == "http" and parts.hostname in _LOOPBACK
        return local and parts.path == self.callback_path and not (parts.query or parts.fragment)

    def code(self, person_id: int, redirect_uri: str, challenge: str) -> str:
        """What the browser carries back, good once and for ten minutes."""
        code = secrets.token_hex(10)
        with self._lock:
            self._codes[code] = _Code(person_id, redirect_uri, challenge, datetime.now(UTC))
        return code

    def exchange(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A token for a code, or GitHub's refusal. A code is gone after the first try, whatever came of it."""
        credentials = (str(asked.get("client_id", "")), str(asked.get("client_secret", "")))
        if credentials != (self.client_id, self.client_secret):
            return refusal("incorrect_client_credentials")
        if asked.get("grant_type", "authorization_code") != "authorization_code":
            return refusal("unsupported_grant_type")
        with self._lock:
            code = self._codes.pop(str(asked.get("code", "")), None)
        if code is None or datetime.now(UTC) - code.made_at > CODE_LIFETIME:
            return refusal("bad_verification_code")
        if asked.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
            return refusal("redirect_uri_mismatch")
        if code.challenge and not _proves(str(asked.get("code_verifier", "")), code.challenge):
            return refusal("bad_verification_code")
        return {
            "access_token": self.token(code.person_id),
            "expires_in": TOKEN_SECONDS,
            "refresh_token": "ghr_" + secrets.token_urlsafe(36),
            "refresh_token_expires_in": 15_897_600,
            "token_type": "bearer",
            "scope": "",
        }

    def token(self, person_id: int) -> str:
        """A user access token."""
        token = "ghu_" + secrets.token_urlsafe(36)
        with self._lock:
            self._tokens[token] = person_id
        return token

    def person_id(self, authorization: str) -> int | None:
        """Whose token this is."""
        with self._lock:
            return self._tokens.get(bearer(authorization))

    def age_codes(self, ago: timedelta) -> None:
        """Make every code that is under way so much older."""
        with self._lock:
            for text, code in self._codes.items():
                self._codes[text] = _Code(code.person_id, code.redirect_uri, code.challenge, code.made_at - ago)


def _proves(verifier: str, challenge: str) -> bool:
    """https://www.rfc-editor.org/rfc/rfc7636#section-4.6 , S256."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(digest.encode(), challenge.encode())
