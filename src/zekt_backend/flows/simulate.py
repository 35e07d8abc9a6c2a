"""Try a changed setup file on the newest events, and change nothing: what it writes is rolled back."""

import asyncio

from zekt_backend.errors import ZektError
from zekt_backend.flows.apply_setup import Identify, Identity, identities_of, write
from zekt_backend.rules import policy
from zekt_backend.rules.correlation import Message
from zekt_backend.rules.parties import Provider
from zekt_backend.rules.records import RunEvent
from zekt_backend.rules.setup import SetupFile
from zekt_backend.rules.simulation import Comparison, Tried, compare
from zekt_backend.store import directory, rehearsals, repositories
from zekt_backend.store.database import Database, Tx, bounded

_LONGEST = 30.0
"""Seconds that the database is given for one statement."""

_Event = tuple[RunEvent, list[Message]]
_Where = tuple[int, str | None]
"""A repository's id and a workflow's path."""
_Sides = tuple[dict[_Where, Provider], dict[_Where, Provider]]
"""As things stand, and as they would."""


async def simulate(file: SetupFile, *, db: Database, identify: Identify | None, last: int) -> Comparison:
    """Decide the `last` events as things stand and as `file` would have it; both now, by the same rules.

    Args:
        file: as `zekt setup apply` takes it.
        db: what is written there is rolled back, always; until then nobody can apply a setup file.
        identify: asked about repositories that neither the file nor the database identifies; None: nobody can be.
        last: how many events, newest first.

    Raises:
        ZektError: what `apply_setup` raises; `query_too_long`.
    """
    async with db.reading() as connection:
        known = await repositories.identities(connection)

    def identified(full_name: str) -> Identity:
        if (ids := known.get(full_name.lower())) is not None:
            return Identity(*ids)
        if identify is None:
            raise ZektError("setup_invalid", f"{full_name} is not known here: give its id and installation-id.")
        return identify(full_name)

    identities = identities_of(file, identified)

    async def work(tx: Tx) -> tuple[list[_Event], list[_Where], _Sides]:
        async with bounded(tx, _LONGEST):
            events = await rehearsals.newest(tx, last)
            # An old-style webhook names no workflow file; its messages do.
            places = [
                (event.key.repository_id, event.workflow_path or next((m.workflow_path for m in sent), None))
                for event, sent in events
            ]
            before = await _providers(tx, set(places))
            await write(tx, file, identities)
            return events, places, (before, await _providers(tx, set(places)))

    # Decided when all is rolled back: what was written keeps others from the same rows until then. In a thread, since
    # thousands of events take a while, and whoever else is served must not wait.
    return await asyncio.to_thread(_compared, *await db.run(work, undo=True))


def _compared(events: list[_Event], places: list[_Where], sides: _Sides) -> Comparison:
    return compare(
        [
            Tried(event, *(policy.decide(event, side[where], sent) for side in sides))
            for (event, sent), where in zip(events, places, strict=True)
        ]
    )


async def _providers(tx: Tx, places: set[_Where]) -> dict[_Where, Provider]:
    return {(id_, path): await directory.provider(tx, id_, path) for id_, path in places}
