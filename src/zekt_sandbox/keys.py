"""Real RSA keys, signed tokens, and forged ones for the tests that must refuse them."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_BITS = 2048
_EXPONENT = 65_537


def new_key() -> rsa.RSAPrivateKey:
    """A fresh RSA key of 2,048 bits; takes 50 to 300 ms."""
    return rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)


@cache
def process_key(purpose: str) -> rsa.RSAPrivateKey:
    """One key for each purpose in this process, since making one for every server of a test run is slow."""
    del purpose  # it is the cache's key
    return new_key()


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk(kid: str, key: rsa.RSAPrivateKey) -> dict[str, str]:
    """The public half as a JSON Web Key (RFC 7517), with the members GitHub's own have."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": kid,
        "n": _number(numbers.n),
        "e": _number(numbers.e),
    }


def key_id(key: rsa.RSAPrivateKey) -> str:
    """The key's name, made from its public half, so that every key has one of its own."""
    return hashlib.sha256(public_pem(key).encode()).hexdigest()[:40]


def _signature(alg: str, key: rsa.RSAPrivateKey, signed: bytes) -> bytes:
    if alg == "none":
        return b""
    if alg == "HS256":  # the classic confusion: the public key, known to all, taken for a shared secret
        return hmac.new(public_pem(key).encode(), signed, hashlib.sha256).digest()
    if alg == "RS256":
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    raise ValueError(f"alg must be RS256, HS256 or none, not {alg!r}")


def assemble(header: Mapping[str, Any], claims: Mapping[str, Any] | bytes, key: rsa.RSAPrivateKey) -> str:
    """A compact JWS (RFC 7515), signed as the header's `alg` says, with nothing checked on the way.

    Bytes in place of the claims are taken as they are.
    """
    head, body = (_b64(_json(part)) for part in (header, claims))
    return f"{head}.{body}.{_b64(_signature(str(header['alg']), key, f'{head}.{body}'.encode()))}"


def _json(part: Mapping[str, Any] | bytes) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode()


class SigningKeys:
    """The issuer's keys: the newest signs; the published ones are in the key set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._published = [process_key("oidc")]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The key set, as `/.well-known/jwks` shows it."""
        with self._lock:
            return {"keys": [jwk(key_id(key), key) for key in self._published]}

    def rotate(self, *, keep_old: bool = True) -> str:
        """Sign with a new key from now on, and give its id; `keep_old` keeps the others published."""
        key = new_key()
        with self._lock:
            self._published = [*(self._published if keep_old else []), key]
        return key_id(key)

    def sign(self, claims: Mapping[str, Any]) -> str:
        return self.forge(claims)

    def forge(
        self,
        claims: Mapping[str, Any] | bytes,
        *,
        alg: str = "RS256",
        kid: str | None = None,
        foreign_key: bool = False,
        header: Mapping[str, Any] | None = None,
    ) -> str:
        """A token made exactly as asked; `forge(run.claims())` alone is a genuine one.

        Args:
            claims: taken as they are, also as bytes that are no proper JSON; `run.claims(audience, **overrides)` gives
                a full set.
            alg: RS256, HS256 (keyed with the public key's PEM) or none.
            kid: the key id to claim; the signing key's own when None; no `kid` at all when empty.
            foreign_key: sign with a key that nobody published, under the published one's id.
            header: further header members (`jku`, `jwk`, `crit`, …).
        """
        with self._lock:
            own = self._published[-1]
        named = key_id(own) if kid is None else kid
        head = {"typ": "JWT", "alg": alg, **({"kid": named} if named else {}), **(header or {})}
        return assemble(head, claims, process_key("foreign") if foreign_key else own)
