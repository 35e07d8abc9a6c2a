"""How far GitHub's logs and lists, and our own messages, have been read."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from zekt_backend.store.database import Tx, many, one

Kind = Literal["messages", "hook", "hooks", "runs", "installation", "flush", "usage"]

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Where nothing has been read to its end yet: before everything, and a moment in every time zone of a database."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Where it has come to. While one is unfinished, `cursor` is where it goes on, and `upto` what it then has read."""

    read_until: datetime
    cursor: str | None = None
    upto: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A repository that GitHub is asked about, and the installation that asks."""

    repository_id: int
    repository: str
    installation_id: int


@dataclass(frozen=True, slots=True)
class Provider:
    """A repository whose runs are looked through."""

    place: Place
    since: datetime
    whitelisted: dict[str, datetime]
    """Path of each whitelisted workflow, and since when it is."""


async def of(tx: Tx, kind: Kind, id_: int) -> Reading:
    """Where the last reading ended."""
    row = await one(tx, "SELECT read_until, cursor, upto FROM readings WHERE kind = %s AND id = %s", (kind, id_))
    return Reading(**row) if row else Reading(NEVER)


async def save(
    tx: Tx, kind: Kind, id_: int, reading: Reading, *, look_at: datetime | None = None, repository_id: int | None = None
) -> None:
    """Where to go on; not before `look_at`, where it is given."""
    await tx.execute(
        """INSERT INTO readings (kind, id, repository_id, read_until, look_at, cursor, upto)
           VALUES (%(kind)s, %(id)s, %(repository)s, %(until)s, coalesce(%(look_at)s::timestamptz, '-infinity'),
               %(cursor)s, %(upto)s)
           ON CONFLICT (kind, id) DO UPDATE SET read_until = excluded.read_until, look_at = excluded.look_at,
               cursor = excluded.cursor, upto = excluded.upto""",
        {
            "kind": kind,
            "id": id_,
            "repository": repository_id,
            "until": reading.read_until,
            "look_at": look_at,
            "cursor": reading.cursor,
            "upto": reading.upto,
        },
    )


async def postpone(tx: Tx, kind: Kind, id_: int, look_at: datetime) -> None:
    """It could not be read: not before then, and after whatever has waited for longer."""
    await tx.execute(
        """INSERT INTO readings (kind, id, read_until, look_at) VALUES (%s, %s, %s, %s)
           ON CONFLICT (kind, id) DO UPDATE SET look_at = excluded.look_at""",
        (kind, id_, NEVER, look_at),
    )


async def forget_hooks(tx: Tx, repository_id: int, but: list[int]) -> None:
    """Hooks of the repository that are gone, or send elsewhere now."""
    await tx.execute(
        "DELETE FROM readings WHERE kind = 'hook' AND repository_id = %s AND id <> ALL(%s)", (repository_id, but)
    )


async def hooks(tx: Tx) -> list[tuple[int, Place]]:
    """Every repository hook of ours that was found, with its repository, the one looked at longest ago first."""
    rows = await many(
        tx,
        """SELECT g.id AS hook_id, r.id AS repository_id, r.full_name AS repository, r.installation_id
           FROM readings g JOIN repositories r ON r.id = g.repository_id
           WHERE g.kind = 'hook' AND r.enabled AND r.installation_id IS NOT NULL ORDER BY g.look_at, g.id""",
    )
    return [(row.pop("hook_id"), Place(**row)) for row in rows]


async def places_to_search(tx: Tx, now: datetime) -> list[Place]:
    """Repositories whose webhooks matter and whose hooks are to be listed again, the one longest ago first."""
    rows = await many(
        tx,
        """SELECT r.id AS repository_id, r.full_name AS repository, r.installation_id
           FROM repositories r LEFT JOIN readings g ON g.kind = 'hooks' AND g.id = r.id
           WHERE r.enabled AND r.installation_id IS NOT NULL AND coalesce(g.look_at, '-infinity') <= %s
             AND (r.completion_tracking
                  OR r.provider AND EXISTS (SELECT 1 FROM workflows w WHERE w.repository_id = r.id AND w.whitelisted))
           ORDER BY coalesce(g.look_at, '-infinity'), r.id""",
        (now,),
    )
    return [Place(**row) for row in rows]


async def providers(tx: Tx, now: datetime) -> list[Provider]:
    """Repositories whose runs are to be looked through again, the one longest ago first."""
    rows = await many(
        tx,
        """SELECT r.id AS repository_id, r.full_name AS repository, r.installation_id,
                  greatest(g.read_until, min(w.whitelisted_at)) AS since,
                  array_agg(w.path) AS paths, array_agg(w.whitelisted_at) AS whitelisted_at
           FROM repositories r
           JOIN workflows w ON w.repository_id = r.id AND w.whitelisted
           LEFT JOIN readings g ON g.kind = 'runs' AND g.id = r.id
           WHERE r.enabled AND r.provider AND r.installation_id IS NOT NULL AND coalesce(g.look_at, '-infinity') <= %s
           GROUP BY r.id, g.look_at, g.read_until
           ORDER BY coalesce(g.look_at, '-infinity'), r.id""",
        (now,),
    )
    return [
        Provider(
            place=Place(row["repository_id"], row["repository"], row["installation_id"]),
            since=row["since"],
            whitelisted=dict(zip(row["paths"], row["whitelisted_at"], strict=True)),
        )
        for row in rows
    ]
