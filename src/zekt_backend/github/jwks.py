"""The public keys of one OIDC issuer: fetched once for all who wait, kept while the issuer is down."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

import jwt
import msgspec
import requests
import structlog

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.github import bounded

MAX_BYTES = 262_144
"""Largest key set that is read. GitHub's has about 10,000 bytes."""

MAX_AGE = timedelta(minutes=10)
"""Keys older than this are fetched again, so that one which the issuer withdrew stops counting."""

COOLDOWN = timedelta(seconds=30)
"""An unknown key id makes one fetch in this time, however many tokens are forged."""

RETRY_AFTER = 5
"""Seconds between two tries while the issuer is down and no key fits."""

_MIN_MODULUS = 340  # base64url characters of a 2,048-bit number: 342, and no shorter key is worth its name.

_log = structlog.get_logger(__name__)


class _Jwk(msgspec.Struct):
    """https://www.rfc-editor.org/rfc/rfc7517 . Private members are not even read."""

    kty: str
    kid: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] = ""
    n: str = ""
    e: str = ""
    use: str = "sig"
    alg: str = "RS256"

    @property
    def usable(self) -> bool:
        right = (self.kty, self.use, self.alg) == ("RSA", "sig", "RS256")
        return right and bool(self.kid) and len(self.n) >= _MIN_MODULUS


class _KeySet(msgspec.Struct):
    keys: list[_Jwk]


class _FetchError(Exception):
    """Why there are no new keys, in words for the log and the caller."""


class IssuerKeys:
    """One issuer's keys, by key id."""

    def __init__(self, issuer: str, *, clock: Clock, timeout: float) -> None:
        self._issuer = issuer
        self._clock = clock
        self._timeout = timeout
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._failed = ""
        self._running: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of that id, or None when the issuer has none.

        Raises:
            ZektError: `issuer_unreachable` when that cannot be said, because no keys could be fetched.
        """
        if self._is_due(known=kid in self._keys):
            await self._refresh()
        key = self._keys.get(kid)
        if key is None and self._failed:
            raise ZektError("issuer_unreachable", self._failed, retry_after=RETRY_AFTER)
        return key

    def _is_due(self, *, known: bool) -> bool:
        now = self._clock.now()
        fresh = self._fetched_at is not None and now - self._fetched_at < MAX_AGE
        if known and fresh:
            return False
        if self._running is not None or self._tried_at is None:
            return True
        pause = timedelta(seconds=RETRY_AFTER) if self._failed and not known else COOLDOWN
        return now - self._tried_at >= pause

    async def _refresh(self) -> None:
        """Wait for the one fetch that is under way, or start it. A caller who gives up does not stop it."""
        if self._running is None:
            self._tried_at = self._clock.now()
            self._running = asyncio.create_task(self._replace())
        await asyncio.shield(self._running)

    async def _replace(self) -> None:
        try:
            self._keys = await asyncio.to_thread(_fetch, self._issuer, self._timeout)
            self._fetched_at, self._failed = self._clock.now(), ""
        except _FetchError as error:
            self._failed = str(error)
            _log.warning("jwks_fetch_failed", issuer=self._issuer, keys_kept=len(self._keys), why=str(error)[:300])
        finally:
            self._running = None


def _fetch(issuer: str, timeout: float) -> Mapping[str, jwt.PyJWK]:
    """Fetch and read `<issuer>/.well-known/jwks`. Blocking; at most about twice `timeout` seconds."""
    url = f"{issuer}/.well-known/jwks"
    try:
        body = _download(url, timeout)
        listed = msgspec.json.decode(body, type=_KeySet).keys
    except requests.RequestException as error:
        raise _FetchError(f"The keys at {url} cannot be fetched: {type(error).__name__}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _FetchError(f"What stands at {url} is no JSON Web Key Set.") from error
    keys = {jwk.kid: key for jwk in listed if jwk.usable and (key := _public_key(jwk)) is not None}
    if not keys:
        raise _FetchError(f"The key set at {url} has no RSA key for RS256 signatures.")
    return keys


def _download(url: str, timeout: float) -> bytes:
    deadline = time.monotonic() + timeout
    headers = {"Accept": "application/json"}
    with requests.get(url, timeout=timeout, headers=headers, allow_redirects=False, stream=True) as response:
        if response.status_code != requests.codes.ok:
            raise _FetchError(f"{url} answers {response.status_code} instead of the keys.")
        return bounded.read(response, most=MAX_BYTES, deadline=deadline)


def _public_key(jwk: _Jwk) -> jwt.PyJWK | None:
    """None for a key that cannot be read: one bad key must not take the good ones with it."""
    try:
        return jwt.PyJWK({"kty": "RSA", "kid": jwk.kid, "n": jwk.n, "e": jwk.e}, algorithm="RS256")
    except jwt.PyJWTError:
        _log.warning("jwk_unreadable", kid=ascii(jwk.kid[:100]))
        return None
