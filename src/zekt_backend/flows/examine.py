"""What a workflow's services ask of a message before it is stored: that it fits schemas, and holds no credentials."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from zekt_backend.errors import ZektError
from zekt_backend.rules.door import Ask, Examined, strictest
from zekt_backend.rules.records import SignedClaims
from zekt_backend.store import refusals, repositories, service_schemas
from zekt_backend.store.database import Tx

Examine = Callable[[object, bytes, str, dict[int, str]], Awaitable[Examined]]
"""(whose, the message, guard, schemas by service) → what is found; `door/pool.py` outside of any transaction."""

MAX_REFUSALS_PER_RUN = 256
"""What one attempt of a run may have turned away: each costs seconds at most, and nobody repeats one so often."""


@dataclass(frozen=True, slots=True)
class Job:
    """A message that must be examined before it may be stored, by what is asked of it now."""

    asks: tuple[Ask, ...]
    account: object
    schemas: dict[int, str]

    async def by(self, examine: Examine, payload: bytes) -> Examined:
        return await examine(self.account, payload, strictest(self.asks), self.schemas)


async def job(tx: Tx, claims: SignedClaims, asks: tuple[Ask, ...]) -> Job:
    """What to examine.

    Raises:
        ZektError: `too_many_messages`, when the run goes on sending what is refused.
    """
    if await refusals.count_of_run(tx, claims) >= MAX_REFUSALS_PER_RUN:
        raise ZektError(
            "too_many_messages",
            f"{MAX_REFUSALS_PER_RUN} messages of this attempt of the run were refused; correct them.",
        )
    [account] = await repositories.accounts_of(tx, claims.repository_id)
    versions = {ask.service_id: ask.schema_version for ask in asks if ask.schema_version is not None}
    return Job(asks, account, await service_schemas.texts(tx, versions))
