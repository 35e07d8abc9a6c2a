"""What an account is here for: provider, consumer or both. Upgraded at any time, never down."""

from datetime import datetime
from typing import Any, Literal

from zekt_backend.errors import ZektError
from zekt_backend.rules.access import check_version, not_yours
from zekt_backend.store import accounts, audit
from zekt_backend.store.database import Database, Tx

PERSONAS = ("provider", "consumer")
_DOES = {"provider": "whitelists workflows and publishes services", "consumer": "subscribes to services"}


async def upgrade(
    login: str, wanted: dict[str, bool], *, version: int | None, actor: str, now: datetime, db: Database
) -> dict[str, Any]:
    """Make the account what `wanted` says of `provider` and `consumer`; what it does not name stays.

    `version` is the one that the caller has seen; None: whatever it is now.

    Raises:
        ZektError: `not_yours` when there is no such account, `version_stale`, or `conflict` when something would be
            taken away.
    """

    async def work(tx: Tx) -> dict[str, Any]:
        account = await accounts.lock(tx, login)
        if account is None:
            raise not_yours()
        check_version(account["version"], version)
        _check_keeps(account, wanted)
        new = [name for name in PERSONAS if wanted.get(name) and not account[name]]
        if new:
            await _write(tx, account, new, actor, now)
        shown = await accounts.shown(tx, account["id"])
        if shown is None:
            raise AssertionError("it is locked, and nothing deletes accounts")
        return shown

    return await db.run(work)


async def require_persona(tx: Tx, account_id: int, persona: Literal["provider", "consumer"]) -> None:
    """For flows that publish (provider) or subscribe (consumer): what an account is here for, its owner decides first.

    No lock is needed: a persona is never taken away.

    Raises:
        ZektError: `conflict`, with what makes it one; `not_yours` when there is no such account.
    """
    account = await accounts.find(tx, account_id)
    if account is None:
        raise not_yours()
    if not account[persona]:
        login = account["login"]
        raise ZektError(
            "conflict",
            f"{login} is no {persona} yet, and only a {persona} {_DOES[persona]}. An owner makes it one:"
            f' PATCH /api/accounts/{login} with {{"{persona}": true}}, or `zekt accounts upgrade {login} --{persona}`'
            " on the broker's machine.",
        )


def _check_keeps(account: dict[str, Any], wanted: dict[str, bool]) -> None:
    for name in PERSONAS:
        if account[name] and wanted.get(name) is False:
            raise ZektError(
                "conflict",
                f"{account['login']} is a {name}, and remains one: a persona is only ever added. To stop, switch its"
                " workflows or subscriptions off.",
            )


async def _write(tx: Tx, account: dict[str, Any], new: list[str], actor: str, now: datetime) -> None:
    written = await accounts.upgrade(
        tx, account["id"], account["version"], provider="provider" in new, consumer="consumer" in new
    )
    if not written:
        raise AssertionError("the row is locked")
    await audit.record(
        tx,
        now=now,
        actor=actor,
        account_id=account["id"],
        action="account.upgrade",
        subject=account["login"],
        before=dict.fromkeys(new, False),
        after=dict.fromkeys(new, True),
    )
