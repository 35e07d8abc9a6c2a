"""One run of the ledger test, from an empty database to the verdict."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from chaos import evidence, ledger, plan, world
from chaos.caller import Caller
from chaos.consumers import Consumers
from chaos.killer import Killer
from chaos.mischief import Mischief
from chaos.providers import Providers
from chaos.records import Delivery, Evidence
from chaos.supervisor import Postgres, Service, free_port
from chaos.takeover import TakeOver, Witness, take_overs
from chaos.watch import Watch, workers
from zekt_backend.store import schema
from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.processes import environment
from zekt_testing.waiting import until

TAKE_OVER_SECONDS = 10.0

_MORE = 1.03


@dataclass(frozen=True, slots=True)
class Options:
    items: int
    """Messages and events that must be acknowledged, at least. A few more are sent: not every caller gets through."""
    seed: int
    rate: float
    """Messages and events a second."""
    drain_seconds: float
    """How long, once the killing has stopped, everything may take to settle."""
    careless: bool = False
    """Switch synchronous_commit off, to see the ledger catch what PostgreSQL then forgets."""


@dataclass
class Stage:
    """Everything that runs."""

    options: Options
    folder: Path
    postgres: Postgres
    github: SandboxServer
    apis: list[Service]
    workers: list[Service]
    addresses: list[str]
    say: Callable[[str], None]

    @property
    def services(self) -> list[Service]:
        return [*self.apis, *self.workers]


@dataclass
class Outcome:
    """What happened, before it is judged."""

    stage: Stage
    evidence: Evidence
    killer: Killer
    mischief: Mischief
    caller: Caller
    consumers: Consumers
    take_overs: list[TakeOver]
    server: dict[str, str]
    seconds: dict[str, float]
    findings: list[ledger.Finding] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    """What is no finding of the ledger, and must not be all the same."""


@contextmanager
def _stage(options: Options, say: Callable[[str], None]) -> Iterator[Stage]:
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="zekt-chaos-logs-")))
        postgres = held.enter_context(Postgres())
        if options.careless:
            with psycopg.connect(postgres.url, autocommit=True) as connection:
                connection.execute(sql.SQL("ALTER SYSTEM SET synchronous_commit = off"))
                connection.execute("SELECT pg_reload_conf()")
        github = held.enter_context(SandboxServer())
        world.populate(github)
        schema.migrate(postgres.url)
        setup.apply(postgres.url, world.directory(github))
        ports = [free_port(), free_port()]
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        of_all = environment(
            github,
            ZEKT_DATABASE_URL=postgres.url,
            ZEKT_PUBLIC_URL=addresses[0],
            # The pace is another test's subject; heartbeat, sweep and lease are those that are shipped.
            ZEKT_DISPATCH_SPACING="0",
            ZEKT_WORKER_HEARTBEAT="6",
            ZEKT_SWEEP_SECONDS="5",
            ZEKT_GITHUB_TIMEOUT="5",
        )
        apis = [
            Service(f"api-{number}", ["serve", "--no-worker", "--port", str(port)], of_all, folder)
            for number, port in enumerate(ports, 1)
        ]
        workers = [Service(f"worker-{number}", ["worker"], of_all, folder) for number in (1, 2)]
        stage = Stage(options, folder, postgres, github, apis, workers, addresses, say)
        for service in stage.services:
            service.start()
            held.callback(service.stop)
        _until_ready(stage)
        yield stage


def _until_ready(stage: Stage) -> None:
    until(
        lambda: all(service.has_said("started") for service in stage.services),
        lambda: "the broker has not started",
        seconds=60,
    )


def run(options: Options, say: Callable[[str], None]) -> Outcome:
    """Play, kill, settle, and judge."""
    with _stage(options, say) as stage:
        outcome = _play(stage)
        outcome.findings = ledger.check(outcome.evidence)
        outcome.troubles = _troubles(outcome)
        if outcome.findings or outcome.troubles:
            kept = Path(tempfile.mkdtemp(prefix="zekt-chaos-failed-"))
            for log in stage.folder.iterdir():
                (kept / log.name).write_bytes(log.read_bytes())
            (kept / "kills.txt").write_text("\n".join(map(str, [*outcome.killer.kills, *outcome.take_overs])))
            say(f"The processes' logs, and who was killed when, are kept in {kept}")
    return outcome


def _play(stage: Stage) -> Outcome:
    options, github = stage.options, stage.github
    caller = Caller(stage.addresses, options.seed)
    consumers = Consumers(github, caller, options.seed)
    providers = Providers(github, caller, options.rate)
    mischief = Mischief(github.faults, options.seed)
    targets = {service.name: service.kill for service in stage.services} | {"postgres": stage.postgres.kill}
    killer = Killer(targets, options.seed)
    planned = plan.runs(options.seed, round(options.items * _MORE))
    began = time.monotonic()
    stage.say(f"{sum(run.items for run in planned)} messages and events of {len(planned)} runs, seed {options.seed}")
    watch = Watch(stage.postgres.url)
    watch.start()
    killer.start()
    mischief.start()
    providers.play(planned)
    killer.stop()
    mischief.stop()
    stage.say(f"{len(killer.kills)} kills; now everything may settle")
    played = time.monotonic()
    _drain(stage, consumers)
    settled = time.monotonic()
    watch.stop()
    url = stage.postgres.url
    found = evidence.deliveries(url)
    facts = Evidence(
        owed=providers.owed,
        received=evidence.received(github),
        deliveries=found,
        ends=consumers.ends,
        confirmed=consumers.confirmed,
        jobs_left=evidence.owing(url)[1],
        bad_fetches=consumers.bad_fetches,
    )
    outcome = Outcome(
        stage=stage,
        evidence=facts,
        killer=killer,
        mischief=mischief,
        caller=caller,
        consumers=consumers,
        take_overs=_take_overs(stage, found, watch, killer),
        server=evidence.server_settings(url),
        seconds={"played": played - began, "settled": settled - played},
        troubles=[*providers.refused, *consumers.troubles, *killer.troubles],
    )
    consumers.close()
    return outcome


def _take_overs(stage: Stage, found: list[Delivery], watch: Watch, killer: Killer) -> list[TakeOver]:
    return take_overs(
        Witness(
            log=evidence.engine_log(stage.postgres.url),
            tries=evidence.tries(found),
            holders=watch.holders,
            workers=[worker for service in stage.workers for worker in workers(service.name, service.log)],
            kills=killer.kills,
            away=stage.postgres.away,
        )
    )


def _drain(stage: Stage, consumers: Consumers) -> None:
    """Until nothing is owed any more, or the time is up: what still owes then is stuck."""
    pause = threading.Event()
    deadline = time.monotonic() + stage.options.drain_seconds
    while time.monotonic() < deadline:
        if evidence.owing(stage.postgres.url) == (0, 0) and not consumers.busy:
            return
        pause.wait(0.5)


def _troubles(outcome: Outcome) -> list[str]:
    """What must not be, beside the ledger's findings."""
    troubles = list(outcome.troubles)
    dead = [service.name for service in outcome.stage.services if service.given_up]
    troubles += [f"{name} ended by itself so often that systemd would have left it dead" for name in dead]
    if (count := ledger.acknowledged(outcome.evidence)) < outcome.stage.options.items:
        troubles.append(f"only {count} of {outcome.stage.options.items} messages and events were acknowledged")
    if (internal := outcome.caller.statuses["500"]) > 0:
        troubles.append(f"{internal} answers were 500, which is a bug and no outage")
    slow = [take_over for take_over in outcome.take_overs if take_over.seconds > TAKE_OVER_SECONDS]
    troubles += [f"{one}, which is too long" for one in slow]
    return troubles
