"""A person signs in, and out: what GitHub told becomes roles here, and a session."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from zekt_backend.rules.access import digest_of, person_actor
from zekt_backend.rules.people import SESSION, Found, Place, Visitor, role_at
from zekt_backend.store import accounts, audit, people, sessions
from zekt_backend.store.database import Database, Tx

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Secrets:
    """Of a new session; both random, and told to the browser alone."""

    session: str
    csrf: str


@dataclass(frozen=True, slots=True)
class Trail:
    """One person's lines in the audit trail, in one transaction."""

    tx: Tx
    person_id: int
    login: str
    now: datetime

    async def tell(
        self,
        action: str,
        subject: str,
        account_id: int | None = None,
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:
        await audit.record(
            self.tx,
            now=self.now,
            actor=person_actor(self.login, self.person_id),
            account_id=account_id,
            action=action,
            subject=subject,
            before=before,
            after=after,
        )

    async def tell_role(self, account_id: int, old: str | None, found: Found) -> None:
        """A role that is another than before gets its line."""
        if old != found.role:
            before, after = ({"role": role} if role else None for role in (old, found.role))
            await self.tell("member.change", self.login, account_id, before=before, after=after)


async def sign_in(visitor: Visitor, secrets: Secrets, *, replaces: str | None, now: datetime, db: Database) -> None:
    """Write down who came and what that person is where; end the session that the browser had before."""

    async def work(tx: Tx) -> None:
        trail = Trail(tx, visitor.id, visitor.login, now)
        await people.save(tx, visitor.id, visitor.login)
        await _seat(trail, visitor)
        if replaces is not None:
            await sessions.end(tx, digest_of(replaces))
        await sessions.start(
            tx,
            digest=digest_of(secrets.session),
            person_id=visitor.id,
            csrf=secrets.csrf,
            now=now,
            expires_at=now + SESSION,
        )
        await trail.tell("person.sign-in", visitor.login)

    await db.run(work)


async def sign_out(session: str, person_id: int, login: str, *, now: datetime, db: Database) -> None:
    """The session opens nothing from now on. Again: nothing changes."""

    async def work(tx: Tx) -> None:
        if await sessions.end(tx, digest_of(session)):
            await Trail(tx, person_id, login, now).tell("person.sign-out", login)

    await db.run(work)


async def _seat(trail: Trail, visitor: Visitor) -> None:
    """Roles where GitHub tells of them, and nowhere else."""
    tx, now = trail.tx, trail.now
    before = {row["account_id"]: str(row["role"]) for row in await people.seats(tx, visitor.id)}
    seen: dict[int, tuple[Found, int | None]] = {account_id: (Found(None), None) for account_id in before}
    for place in visitor.places:
        account_id = await _account(trail, place)
        if account_id is not None:
            seen[account_id] = role_at(place, await people.counting(tx, account_id)), place.installation_id
    for account_id, (found, installation_id) in seen.items():
        await people.seat(
            tx, account_id=account_id, person_id=visitor.id, found=found, installation_id=installation_id, now=now
        )
        await trail.tell_role(account_id, before.get(account_id), found)


async def _account(trail: Trail, place: Place) -> int | None:
    """The account of a place; an owner makes it, if it is not there. None: it is not known here."""
    found = await accounts.of_github(
        trail.tx,
        github_id=place.github_id,
        login=place.login,
        kind=place.kind,
        installation_id=place.installation_id,
    )
    if found is not None or not place.owner:
        return found
    made = await accounts.create(trail.tx, github_id=place.github_id, login=place.login, kind=place.kind)
    if made is None:
        # The login is that of an account which another owner had before, or somebody signs in at the same moment.
        log.warning("account_name_taken", github_id=place.github_id)
        return None
    await trail.tell("account.create", place.login, made, after={"login": place.login, "kind": place.kind})
    return made
