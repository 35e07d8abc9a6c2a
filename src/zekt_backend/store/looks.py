"""The engine's looks at its queue: none that can find nothing, and one where it would take three."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pgqueuer.adapters.persistence.composer import ComposedQuery
from pgqueuer.adapters.persistence.qb import QueryQueueBuilder
from pgqueuer.models import Job, TracebackRecord
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.queries import Queries
from pgqueuer.types import HealthCheckId, QueueEntrypoint, QueueManagerId

from zekt_backend.store.engine import SplitDriver

_NOTHING = timedelta.max
"""Until the next job is due, where none is planned."""

# Of each kind the first by its index: of a million that wait, no more is read.
_NEXT = """
SELECT min(first.execute_after) - now() AS wait FROM unnest($1::text[]) AS kind (name)
CROSS JOIN LATERAL (SELECT execute_after FROM pgqueuer WHERE status = 'queued' AND entrypoint = kind.name
                    ORDER BY execute_after LIMIT 1) AS first"""

_BY_ID = "ORDER BY candidate.priority DESC, candidate.id ASC"
_BY_TIME = "ORDER BY candidate.execute_after ASC"

_JOINED = re.compile(r"WHERE id (?:IN |= ANY)\(SELECT ([^()]*)\)")
_NAMED = r"WHERE id = ANY(ARRAY(SELECT \1))"


@dataclass
class _Statements(QueryQueueBuilder):
    """The engine's statements, but for what their plans hang on.

    Jobs of a kind are taken up as they came due, not by number. An index has that order and ends at those that are not
    due yet. By number one index reads all that is planned for later, and the other all that is due, to sort it, 16 ms
    of 50,000 at each look: which of them the planner took hung on what it knew of the queue, and of a burst it knows
    nothing until autovacuum comes by. All have the same priority.

    And jobs that are named are found by their numbers, as an array, and not joined: planned while the queue is empty, a
    join reads it from end to end, and an idle worker's plan is still the one that it has when a rush comes.
    """

    def build_dequeue_query(self, **shape: Any) -> ComposedQuery:
        query = super().build_dequeue_query(**shape)
        return ComposedQuery(sql=_JOINED.sub(_NAMED, query.sql.replace(_BY_ID, _BY_TIME)), args=query.args)

    def build_log_job_query(self) -> str:
        return _JOINED.sub(_NAMED, super().build_log_job_query())


@dataclass
class Looks(Queries):
    """The engine's statements.

    A worker that has taken up fewer jobs than it asked for has all that were due. It would ask again at once, and then
    whether anything is due, what is planned next, and whether there is anything at all: four statements of which the
    job's own have to wait, each time that one delivery is made.
    """

    driver: SplitDriver
    qbq: QueryQueueBuilder = field(default_factory=_Statements)
    _emptied: int | None = field(init=False, default=None)
    """How much the driver had heard before the last look, where that took all there was."""
    _wait: timedelta | None = field(init=False, default=None)
    _until: float = field(init=False, default=0.0)
    """When the next job is due, by the event loop's clock and as far as the last look could see."""

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[Job]:
        """As the engine has it. What was committed since the last look, the driver has heard of or will hear of."""
        emptied, self._emptied = self._emptied, None
        heard = self.driver.heard
        if emptied == heard:
            return []
        jobs = await super().dequeue(
            batch_size, entrypoints, queue_manager_id, global_concurrency_limit, heartbeat_timeout
        )
        if 0 < len(jobs) < batch_size:
            self._emptied = heard
        return jobs

    async def eligible_queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        """1 where a job is due, else 0."""
        ((wait,),) = [row.values() for row in await self.driver.fetch(_NEXT, entrypoints)]
        wait = _NOTHING if wait is None else wait
        if not isinstance(wait, timedelta):
            raise TypeError(f"the difference of two times is {wait!r}")
        self._wait, self._until = wait, _after(wait)
        return int(wait <= timedelta(0))

    async def next_deferred_eta(self, entrypoints: list[QueueEntrypoint]) -> timedelta | None:
        """What the look just before has told."""
        wait, self._wait = self._wait, None
        return await super().next_deferred_eta(entrypoints) if wait is None else wait

    async def notify_health_check(self, health_check_event_id: HealthCheckId) -> None:
        """As the engine has it, once it listens.

        It asks itself whether it hears while it begins to listen. Where the question came first it waited ten seconds
        for it, took itself for deaf, and began anew: nothing was dispatched for a fifth of a second.
        """
        await self.driver.listening.wait()
        await super().notify_health_check(health_check_event_id)

    async def retry_job(self, job: Job, delay: timedelta, traceback_record: TracebackRecord | None) -> None:
        """As the engine has it, which tells nobody of it: a worker that would sleep longer is woken."""
        await super().retry_job(job, delay, traceback_record)
        due = _after(delay)
        if due < self._until:
            self._until = due
            self.driver.tell(json.dumps(_QUEUED_AGAIN | {"sent_at": datetime.now(UTC).isoformat()}))


_QUEUED_AGAIN = {"channel": "ch_pgqueuer", "type": "table_changed_event", "table": "pgqueuer", "operation": "update"}
"""As its trigger tells of other changes."""


def _after(wait: timedelta) -> float:
    return asyncio.get_running_loop().time() + wait.total_seconds()
