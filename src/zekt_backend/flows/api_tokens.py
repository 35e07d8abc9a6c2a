"""API tokens: made, revoked, and taken for what they are."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from zekt_backend.flows import replay_many
from zekt_backend.rules.access import TOKEN_PREFIX, Principal, Right, digest_of, not_yours, token_actor
from zekt_backend.store import accounts, api_tokens, audit
from zekt_backend.store.database import Database, Tx


@dataclass(frozen=True, slots=True)
class Wanted:
    account: str
    name: str
    scope: Right
    """READ or MANAGE: nobody owns an account by token."""
    lifetime: timedelta


def new_secret() -> str:
    """256 random bits, and a prefix by which it is known for what it is."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


async def create(wanted: Wanted, secret: str, *, actor: str, now: datetime, db: Database) -> dict[str, Any]:
    """Keep the digest of `secret`, and return the token as it is shown.

    Raises:
        ZektError: `not_yours` when there is no such account.
    """

    async def work(tx: Tx) -> dict[str, Any]:
        account_id = await accounts.id_of(tx, wanted.account)
        if account_id is None:
            raise not_yours()
        token_id = await api_tokens.create(
            tx,
            account_id=account_id,
            name=wanted.name,
            digest=digest_of(secret),
            scope=wanted.scope,
            created_by=actor,
            now=now,
            expires_at=now + wanted.lifetime,
        )
        after = await _shown(tx, token_id)
        await audit.record(
            tx,
            now=now,
            actor=actor,
            account_id=account_id,
            action="token.create",
            subject=f"{wanted.name}#{token_id}",
            after={name: after[name] for name in ("scope", "expiresAt")},
        )
        return after

    return await db.run(work)


async def revoke(token_id: int, *, actor: str, now: datetime, db: Database) -> dict[str, Any]:
    """From now on it opens nothing, and what it began does not go on. Revoking it again changes nothing.

    Raises:
        ZektError: `not_yours` when there is no such token.
    """

    async def work(tx: Tx) -> dict[str, Any]:
        first = await api_tokens.revoke(tx, token_id, now)
        token = await _shown(tx, token_id)
        if first:
            await audit.record(
                tx,
                now=now,
                actor=actor,
                account_id=await api_tokens.account_of(tx, token_id),
                action="token.revoke",
                subject=f"{token['name']}#{token_id}",
                before={"revokedAt": None},
                after={"revokedAt": token["revokedAt"]},
            )
        await replay_many.stop_all_of(tx, token_actor(token["name"], token_id), by=actor, now=now)
        return token

    return await db.run(work)


async def recognise(secret: str, *, now: datetime, db: Database) -> Principal | None:
    """Whose token this is; None when it is nobody's, has expired or was revoked.

    One read, since anybody may ask in vain as often as they like; and for those that are known a write, once a minute.
    """
    async with db.reading() as connection:
        token = await api_tokens.valid(connection, digest_of(secret), now)
    if token is None:
        return None
    if token["unnoted"]:
        await db.run(lambda tx: api_tokens.note_use(tx, token["id"], now))
    return Principal(token_actor(token["name"], token["id"]), {token["account_id"]: Right(token["scope"])})


async def _shown(tx: Tx, token_id: int) -> dict[str, Any]:
    token = await api_tokens.shown(tx, token_id)
    if token is None:
        raise not_yours()
    return token
