"""Tokens that were used, until they expire: GitHub signs each for five minutes, and whoever copies one has it too."""

import hashlib
from datetime import datetime

from zekt_backend.rules.records import SignedClaims
from zekt_backend.store.database import Tx, changed


async def use(tx: Tx, claims: SignedClaims, purpose: bytes) -> bool:
    """Remember what a token is used for. False: it was used for something else before.

    The same purpose again is a retry, and passes. Two uses at the same moment take turns: the second one waits until
    the first is committed, or is free to go when it is rolled back.

    Args:
        tx: the transaction of what the token is used for, so that neither stands without the other.
        claims: the token's; it is known again by its issuer and its `jti`.
        purpose: a digest of the request, 32 bytes.
    """
    return await changed(
        tx,
        """INSERT INTO used_tokens AS before (token, purpose, expires_at) VALUES (%s, %s, %s)
           ON CONFLICT (token) DO UPDATE SET purpose = excluded.purpose WHERE before.purpose = excluded.purpose""",
        (_name(claims), purpose, claims.expires_at),
    )


def _name(claims: SignedClaims) -> bytes:
    """An issuer's ids are its own, and may be long."""
    return hashlib.sha256(f"{claims.issuer}\n{claims.token_id}".encode()).digest()


async def forget(tx: Tx, before: datetime, limit: int) -> int:
    """Delete up to `limit` tokens that expired earlier; returns how many went."""
    cursor = await tx.execute(
        """DELETE FROM used_tokens WHERE token IN
               (SELECT token FROM used_tokens WHERE expires_at < %s LIMIT %s FOR UPDATE SKIP LOCKED)""",
        (before, limit),
    )
    return cursor.rowcount
