"""Accounts: GitHub owners."""

from zekt_backend.store.database import Tx, one


async def id_of(tx: Tx, login: str) -> int | None:
    """By login, in any case."""
    row = await one(tx, "SELECT id FROM accounts WHERE lower(login) = lower(%s)", (login,))
    return row["id"] if row else None
