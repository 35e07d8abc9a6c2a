"""The real thing: flows on a real PostgreSQL, GitHub as the sandbox, time as a clock that the test moves."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from model.directory import REPOSITORIES, setup
from model.github import REPLIES, Reply
from zekt_action.wire import Acknowledgement, CompleteRequest, ConfirmRequest, MessageHead
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows import acknowledge
from zekt_backend.flows.apply_setup import Identity, apply_setup
from zekt_backend.flows.receive_event import EventReceipt, receive_event
from zekt_backend.flows.receive_message import Incoming, MessageReceipt, receive_message
from zekt_backend.flows.replay import Asker, Terms, replay
from zekt_backend.flows.settle import settle
from zekt_backend.flows.sweep import Swept, sweep
from zekt_backend.github import claims, webhook
from zekt_backend.rules.records import Answer, RunEvent
from zekt_backend.rules.setup import SetupFile
from zekt_backend.store.database import many
from zekt_sandbox import events
from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.runs import Run
from zekt_sandbox.server import SandboxServer
from zekt_testing.clock import deliverer

Ids = list[str]

_PATIENCE = 120.0
"""Seconds; for a machine that has other things to do."""


class Clock:
    """Time that stands still until a test moves it; without microseconds, which PostgreSQL would round."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Job:
    id: int
    kind: str
    delivery_id: str
    key: str


@dataclass(eq=False)
class Flight:
    """An attempt whose answer has not been written down yet."""

    job: Job
    reply: Reply
    asks: bool
    """False: its worker dies before it asks GitHub."""
    number: int = 0
    parked: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[timedelta | None] | None" = None


class Stage:
    """One broker for all examples; `reset` makes the world new."""

    def __init__(self, broker: Broker, clock: Clock, github: SandboxServer) -> None:
        self.broker, self.clock, self.github = broker, clock, github
        self._asking = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._seen = 0

    async def warm(self) -> None:
        """Fetch the installations' tokens, so that a fault planned for a later question strikes nothing else."""
        for name, (_, installation) in REPOSITORIES.items():
            await self.broker.ask(installation, name, 1)

    async def reset(self) -> None:
        self.clock.at = Clock().at
        self._numbers = itertools.count(1)
        self._seen = len(self.github.dispatches())
        self.github.faults.clear()
        # Its shown count of requests would come to an end in an hour of many lives, and the broker heeds that.
        self.github.limits.set()
        async with self.broker.db.transaction() as tx:
            await tx.execute("DELETE FROM history; DELETE FROM attempts; DELETE FROM deliveries; DELETE FROM decisions")
            await tx.execute("DELETE FROM messages; DELETE FROM events; DELETE FROM pgqueuer; DELETE FROM pgqueuer_log")
            await tx.execute("DELETE FROM writes; DELETE FROM used_tokens; DELETE FROM failures")
            await tx.execute("DELETE FROM replays")
            await tx.execute("DELETE FROM told_critical; DELETE FROM notices; DELETE FROM notice_settings")
            await tx.execute("DELETE FROM refusals; DELETE FROM service_schemas; DELETE FROM subscriptions")
            await tx.execute("DELETE FROM services; DELETE FROM workflows")
            await tx.execute("DELETE FROM repositories; DELETE FROM installations")
            await tx.execute("DELETE FROM audit; DELETE FROM accounts")

    async def apply(self, approved: dict[str, bool]) -> None:
        """Make the directory what the setup file says, with these subscriptions approved or revoked."""

        def unknown(full_name: str) -> Identity:
            raise AssertionError(f"{full_name} has no id")

        file = SetupFile.model_validate(setup(approved))
        await apply_setup(file, actor="model", now=self.clock.now(), db=self.broker.db, identify=unknown)

    def _ids(self, made: Ids) -> Callable[[], str]:
        def new() -> str:
            made.append(f"delivery-{next(self._numbers)}")
            return made[-1]

        return new

    async def message(self, run: Run, sender: str, payload: bytes) -> tuple[MessageReceipt, Ids]:
        head = MessageHead(event_type="order", job=sender, step="send", message_id=f"{sender}-{payload.decode()}")
        signed = claims.read(run.claims(job=sender))
        made: Ids = []
        receipt = await receive_message(
            Incoming(head, payload, signed, b"a message", None),
            db=self.broker.db,
            clock=self.clock,
            new_event_id=lambda: f"event-{next(self._numbers)}",
            new_delivery_id=self._ids(made),
            timings=self.broker.timings,
            examine=self.broker.examiners.message,
        )
        return receipt, await self._kept(made)

    async def _kept(self, made: Ids) -> Ids:
        """A transaction that lost against another is made again, and takes new ids."""
        async with self.broker.db.reading() as connection:
            rows = await many(connection, "SELECT id FROM deliveries WHERE id = ANY(%s)", (made,))
        kept = {row["id"] for row in rows}
        return [one for one in made if one in kept]

    def webhook(self, run: Run, guid: str) -> RunEvent:
        """The webhook of a run that has ended, read as the broker reads it."""
        told = webhook.parse("workflow_run", guid, json.dumps(events.workflow_run_event(run, "completed")).encode())
        assert isinstance(told, RunEvent)
        return told

    async def event(self, told: RunEvent) -> tuple[EventReceipt, Ids]:
        made: Ids = []
        receipt = await receive_event(
            told, db=self.broker.db, clock=self.clock, new_id=self._ids(made), timings=self.broker.timings
        )
        return receipt, await self._kept(made)

    async def replay(self, delivery_id: str) -> str | None:
        """The new delivery's id, or None where it was refused."""
        try:
            return await replay(
                delivery_id,
                asker=Asker("model"),
                db=self.broker.db,
                clock=self.clock,
                new_id=self._ids([]),
                terms=Terms(self.broker.timings, self.broker.settings.payload_retention),
            )
        except ZektError as refused:
            if refused.code != "replay_refused":
                raise
            return None

    async def confirm(self, run: Run, **body: Any) -> Acknowledgement | None:
        return await self._speak(acknowledge.confirm, ConfirmRequest(**body), run)

    async def complete(self, run: Run, **body: Any) -> Acknowledgement | None:
        return await self._speak(acknowledge.complete, CompleteRequest(**body), run)

    async def _speak(
        self, flow: Callable[..., Awaitable[Acknowledgement]], body: Any, run: Run
    ) -> Acknowledgement | None:
        """The answer, or None for a stranger's."""
        try:
            return await flow(body, claims.read(run.claims()), b"a call", db=self.broker.db, clock=self.clock)
        except ZektError as error:
            if error.code != "not_yours":
                raise
            return None

    # The queue and its workers.

    async def jobs(self) -> list[Job]:
        async with self.broker.db.reading() as connection:
            rows = await many(
                connection,
                """SELECT id, entrypoint, payload, dedupe_key FROM pgqueuer
                   WHERE entrypoint IN ('deliver', 'settle') ORDER BY id""",
            )
        return [Job(r["id"], r["entrypoint"], bytes(r["payload"]).decode(), r["dedupe_key"]) for r in rows]

    async def forget(self, job: Job) -> None:
        """What the engine does when a job has ended, and what no job survives when it is lost."""
        async with self.broker.db.transaction() as tx:
            await tx.execute("DELETE FROM pgqueuer WHERE id = %s", (job.id,))

    async def begin(self, flight: Flight) -> timedelta | None:
        """A worker takes the job up to the moment before GitHub's answer is heard; the wait where it asks nothing."""

        async def send(installation_id: int, repository: str, body: dict[str, Any]) -> Answer:
            flight.number = body["client_payload"]["zekt"]["attempt"]
            answer = None
            if flight.asks:
                async with self._asking:
                    if flight.reply.fault:
                        self.github.faults.add(where="dispatch", **flight.reply.fault)
                    answer = await self.broker.send(installation_id, repository, body)
            flight.parked.set()
            await flight.released.wait()
            assert answer is not None
            return answer

        tries = deliverer(self.broker, clock=self.clock, send=send)
        flight.task = asyncio.create_task(tries.deliver(flight.job.delivery_id, flight.job.id))
        parked = asyncio.create_task(flight.parked.wait())
        await asyncio.wait({flight.task, parked}, return_when=asyncio.FIRST_COMPLETED, timeout=_PATIENCE)
        parked.cancel()
        if flight.task.done():
            return await self._ended(flight)
        if not flight.parked.is_set():
            raise TimeoutError(f"{flight.job} neither ended nor heard of GitHub in {_PATIENCE} s")
        return None

    async def hear(self, flight: Flight) -> None:
        """The answer comes, and is written down."""
        flight.released.set()
        await self._ended(flight)

    async def _ended(self, flight: Flight) -> timedelta | None:
        assert flight.task is not None
        wait = await flight.task
        if wait is None:
            await self.forget(flight.job)
        return wait

    async def kill(self, flight: Flight) -> None:
        """The worker dies: what it has not written down by now it never will. The engine keeps its job."""
        assert flight.task is not None
        flight.task.cancel()
        await asyncio.gather(flight.task, return_exceptions=True)

    async def settle(self, job: Job) -> None:
        try:
            await settle(job.delivery_id, db=self.broker.work_db, clock=self.clock, ask=self.broker.ask)
        except ZektError as error:
            if error.code != "github_unavailable":
                raise
        await self.forget(job)

    async def sweep(self) -> Swept:
        return await sweep(db=self.broker.work_db, clock=self.clock)

    def arrived(self) -> list[Dispatch]:
        """What GitHub accepted in this example, oldest first."""
        return self.github.dispatches()[self._seen :]


def new_flight(job: Job, reply: str) -> Flight:
    """`reply`: a key of REPLIES, or `nothing` where the worker dies before it asks."""
    return Flight(job, REPLIES.get(reply, REPLIES["cuts"]), asks=reply in REPLIES)
