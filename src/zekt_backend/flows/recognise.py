"""Whose a session is, and what that person may do, also long after the request: as GitHub told within the hour."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from zekt_backend.errors import ZektError
from zekt_backend.flows.sign_in import Trail
from zekt_backend.rules.access import OPERATOR, Principal, Right, digest_of, number_of, person_actor
from zekt_backend.rules.people import MOST_ASKED, Found, Role, Seat, is_believed, is_due
from zekt_backend.store import api_tokens, people, sessions
from zekt_backend.store.database import Database, Tx

log = structlog.get_logger()

Ask = Callable[[Seat], Awaitable[Found]]
"""Asks GitHub what somebody is in an account. Raises ZektError when that cannot be told."""


@dataclass(frozen=True, slots=True)
class Session:
    person_id: int
    login: str
    csrf: str
    expires_at: datetime


async def session_of(secret: str, *, now: datetime, db: Database) -> Session | None:
    """None: there is none, it has expired, or its person has signed out."""
    async with db.reading() as connection:
        row = await sessions.valid(connection, digest_of(secret), now)
    return Session(**row) if row else None


async def is_settled(session: Session, *, now: datetime, db: Database) -> bool:
    """Whether nothing need be asked about this person's roles."""
    return not [row for row in await _rows(db, session.person_id) if _is_due(row, now)]


async def refresh(session: Session, *, now: datetime, db: Database, ask: Ask) -> None:
    """Ask GitHub about every role that is due, all at once, and write down what it says, or that it says nothing."""
    due = [row for row in await _rows(db, session.person_id) if _is_due(row, now)]
    seats = [await _seat(db, session, row) for row in due]
    answers = await asyncio.gather(*(_asked(ask, seat) for seat in seats))

    async def work(tx: Tx) -> None:
        for seat, found in zip(seats, answers, strict=True):
            who = {"account_id": seat.account_id, "person_id": seat.person_id}
            if found is None:
                await people.note_silence(tx, **who, now=now)
                continue
            await people.seat(tx, **who, found=found, installation_id=seat.installation_id, now=now)
            await Trail(tx, seat.person_id, seat.person, now).tell_role(seat.account_id, seat.role, found)

    await db.run(work)


async def principal_of(session: Session, *, now: datetime, db: Database) -> Principal:
    """What the person may do, by roles that are not too old to be believed."""
    rows = await _rows(db, session.person_id)
    rights = {row["account_id"]: Role(row["role"]).right for row in rows if is_believed(row["checked_at"], now)}
    unsure = frozenset(row["account_id"] for row in rows if row["account_id"] not in rights)
    async with db.reading() as connection:
        own = await people.administered(connection, session.person_id)
    return Principal(person_actor(session.login, session.person_id), rights, unsure=unsure, repositories=own)


async def principal_by_actor(actor: str, *, now: datetime, db: Database, ask: Ask) -> Principal:
    """Whoever began something that still goes on, with what they may do by now; GitHub is asked when that is due.

    A token that has expired or was revoked, and whoever is not known, may do nothing.
    """
    kind, number = number_of(actor) or ("", 0)
    if kind == "person":
        async with db.reading() as connection:
            login = await people.login_of(connection, number)
        if login is not None:
            session = Session(number, login, csrf="", expires_at=now)
            if not await is_settled(session, now=now, db=db):
                await refresh(session, now=now, db=db, ask=ask)
            return await principal_of(session, now=now, db=db)
    if kind == "token":
        async with db.reading() as connection:
            token = await api_tokens.valid_by_id(connection, number, now)
        if token is not None:
            return Principal(actor, {token["account_id"]: Right(token["scope"])})
    return Principal(actor, operator=actor == OPERATOR)


async def _rows(db: Database, person_id: int) -> list[dict[str, Any]]:
    async with db.reading() as connection:
        return await people.seats(connection, person_id)


def _is_due(row: dict[str, Any], now: datetime) -> bool:
    return row["installation_id"] is not None and is_due(row["checked_at"], row["asked_at"], now)


async def _seat(db: Database, session: Session, row: dict[str, Any]) -> Seat:
    async with db.reading() as connection:
        listed = await people.asked(connection, row["account_id"], session.person_id, MOST_ASKED)
    return Seat(
        account_id=row["account_id"],
        github_id=row["github_id"],
        account=row["login"],
        kind=row["kind"],
        person_id=session.person_id,
        person=session.login,
        role=Role(row["role"]),
        installation_id=row["installation_id"],
        repositories=listed,
    )


async def _asked(ask: Ask, seat: Seat) -> Found | None:
    try:
        return await ask(seat)
    except ZektError as error:
        log.warning("role_not_told", account=seat.account, code=error.code, why=error.detail)
        return None
