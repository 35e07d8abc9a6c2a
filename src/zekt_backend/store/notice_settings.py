"""Where accounts want to be told of failures. An account without a row has the defaults: it is told nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from zekt_backend.store.database import Tx, changed, one

_ROW = sql.SQL(
    """SELECT a.id AS account_id, a.login AS account, s.url, s.issues_repository_id,
           r.full_name AS issues_repository, coalesce(s.generation, 0) AS generation, s.rotated_at, s.stopped_at,
           coalesce(s.failing, 0) AS failing, coalesce(s.version, 1) AS version, s.account_id IS NOT NULL AS kept
       FROM accounts a LEFT JOIN notice_settings s ON s.account_id = a.id
       LEFT JOIN repositories r ON r.id = s.issues_repository_id"""
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an account has chosen."""

    account_id: int
    account: str
    url: str | None
    issues_repository_id: int | None
    issues_repository: str | None
    generation: int
    """Which secret signs; each rotation makes the next."""
    rotated_at: datetime | None
    stopped_at: datetime | None
    """Since then nothing is sent to the url: it answered 410 Gone."""
    failing: int
    """Tries in a row that the url has failed."""
    version: int
    kept: bool
    """Whether there is a row of it."""


async def of(tx: Tx, account_id: int) -> Chosen | None:
    """None: there is no such account."""
    row = await one(tx, _ROW + sql.SQL(" WHERE a.id = %s"), (account_id,))
    return Chosen(**row) if row else None


async def lock(tx: Tx, account_id: int) -> Chosen | None:
    """As it stands, and as nobody else changes it until this transaction ends."""
    row = await one(tx, _ROW + sql.SQL(" WHERE a.id = %s FOR NO KEY UPDATE OF a"), (account_id,))
    return Chosen(**row) if row else None


async def change(tx: Tx, seen: Chosen, *, url: str | None, issues_repository_id: int | None) -> bool:
    """Write both; whatever was the matter with the url before is forgotten. False: somebody was first."""
    return await changed(
        tx,
        """INSERT INTO notice_settings AS s (account_id, url, issues_repository_id, version)
           VALUES (%(account)s, %(url)s, %(issues)s, 2)
           ON CONFLICT (account_id) DO UPDATE SET url = EXCLUDED.url,
               issues_repository_id = EXCLUDED.issues_repository_id, stopped_at = NULL, failing = 0,
               held_until = '-infinity', version = s.version + 1
           WHERE s.version = %(version)s""",
        {"account": seen.account_id, "url": url, "issues": issues_repository_id, "version": seen.version},
    )


async def rotate(tx: Tx, seen: Chosen, now: datetime | None) -> bool:
    """The next secret; with `now`, the one before signs beside it for a while. False: somebody was first."""
    return await changed(
        tx,
        """INSERT INTO notice_settings AS s (account_id, generation, rotated_at, version)
           VALUES (%(account)s, 1, NULL, 2)
           ON CONFLICT (account_id) DO UPDATE SET generation = s.generation + 1, rotated_at = %(now)s,
               version = s.version + 1
           WHERE s.version = %(version)s""",
        {"account": seen.account_id, "now": now, "version": seen.version},
    )


async def stop(tx: Tx, account_id: int, url: str, now: datetime) -> bool:
    """Send nothing more to this url. False: it is another one by now, or was stopped."""
    return await changed(
        tx,
        """UPDATE notice_settings SET stopped_at = %s, version = version + 1
           WHERE account_id = %s AND url = %s AND stopped_at IS NULL""",
        (now, account_id, url),
    )


async def take_turn(tx: Tx, account_id: int, now: datetime, until: datetime) -> bool:
    """One notice of an account goes out at a time. False: one is under way."""
    return await changed(
        tx,
        "UPDATE notice_settings SET busy_until = %s WHERE account_id = %s AND busy_until <= %s",
        (until, account_id, now),
    )


async def note_test(tx: Tx, account_id: int, now: datetime, before: datetime) -> bool:
    """A test is sent to this account now. False: the last one was after `before`."""
    return await changed(
        tx,
        "UPDATE notice_settings SET tested_at = %s WHERE account_id = %s AND tested_at <= %s",
        (now, account_id, before),
    )


async def end_turn(tx: Tx, account_id: int, until: datetime, now: datetime) -> None:
    """Whoever took the turn `until` then gives it back; who was served last waits longest."""
    await tx.execute(
        "UPDATE notice_settings SET busy_until = %s WHERE account_id = %s AND busy_until = %s",
        (now, account_id, until),
    )


async def fail(tx: Tx, account_id: int, url: str) -> int:
    """The url has failed once more; how often in a row."""
    row = await one(
        tx,
        "UPDATE notice_settings SET failing = failing + 1 WHERE account_id = %s AND url = %s RETURNING failing",
        (account_id, url),
    )
    return int(row["failing"]) if row else 1


async def hold(tx: Tx, account_id: int, url: str, until: datetime) -> None:
    """Let the url rest until then."""
    await tx.execute(
        "UPDATE notice_settings SET held_until = %s WHERE account_id = %s AND url = %s", (until, account_id, url)
    )


async def succeed(tx: Tx, account_id: int) -> None:
    """The url takes notices."""
    await tx.execute(
        "UPDATE notice_settings SET failing = 0, held_until = '-infinity' WHERE account_id = %s AND failing > 0",
        (account_id,),
    )


async def own_repository(tx: Tx, account_id: int, repository: int | str) -> dict[str, Any] | None:
    """A repository of this account (GitHub's id, or owner/name), if an issue can be opened there: id, full_name."""
    return await one(
        tx,
        sql.SQL(
            """SELECT id, full_name, installation_id FROM repositories
               WHERE {} AND account_id = %s AND enabled AND removed_at IS NULL AND installation_id IS NOT NULL"""
        ).format(sql.SQL("id = %s" if isinstance(repository, int) else "lower(full_name) = lower(%s)")),
        (repository, account_id),
    )
