"""The collaborators, made once per process and handed to whoever needs them."""

import asyncio
import random
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Self, TypeVar

import structlog

from zekt_backend import tracing
from zekt_backend.clock import Clock, SystemClock
from zekt_backend.door.pool import Pool
from zekt_backend.errors import ZektError
from zekt_backend.flows.claim import Shipping
from zekt_backend.flows.fan_out import Timings
from zekt_backend.flows.notifier import Notifier
from zekt_backend.flows.read_installation import read_installation, read_repository
from zekt_backend.flows.receive_event import Events, receive_event, together
from zekt_backend.flows.reconcile import Terms, reconcile
from zekt_backend.flows.reconciling import InThread, Report
from zekt_backend.flows.repository_rows import Hub
from zekt_backend.github import installations, lookup, members, stand_in
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.dispatch import Dispatcher
from zekt_backend.github.metered import Metered
from zekt_backend.github.oidc import Verifier
from zekt_backend.github.sign_in import SignIn
from zekt_backend.github.stand_in import StandIn
from zekt_backend.github.turnstile import Turnstile
from zekt_backend.ids import new_delivery_id
from zekt_backend.insight import facts, standing
from zekt_backend.insight.metrics import Metrics
from zekt_backend.log import milliseconds
from zekt_backend.rules import pace as pacing
from zekt_backend.rules.pace import Pace, Window
from zekt_backend.rules.people import Found, Seat
from zekt_backend.rules.records import Answer, RunState
from zekt_backend.settings import Settings
from zekt_backend.store.database import Database
from zekt_backend.tracing import Tracer

log = structlog.get_logger()

_Result = TypeVar("_Result")

_PEOPLE_THREADS, _MEETING, _HUB_THREADS = 6, 3, 4


@dataclass(frozen=True, slots=True)
class Broker:
    """Everything a route or a job needs, and nothing global."""

    settings: Settings
    metrics: Metrics
    tracer: Tracer
    standing: standing.OfAll
    db: Database
    work_db: Database
    """The jobs' own connections: a rush at the API does not keep them from writing down what GitHub said."""
    clock: Clock
    verifier: Verifier
    github: GitHubApp
    threads: ThreadPoolExecutor
    """PyGithub blocks; its calls run here."""
    dispatcher: Dispatcher
    receive: Events
    """Takes the ends of runs, those that come at the same time together."""
    examiners: Pool
    """Processes that hold messages against schemas and search them for credentials."""
    people_threads: ThreadPoolExecutor
    """What GitHub is asked about people: never in the way of a dispatch."""
    meet: Turnstile
    """Strangers about whom GitHub is asked at a time; the other threads are for people who are known."""
    hub_threads: ThreadPoolExecutor
    """What GitHub is asked and told for whoever manages repositories: asyncio's own threads, in which an issuer's keys
    are fetched and names are looked up, stay free for messages."""
    manage: Turnstile
    notifier: Notifier
    sign_in: SignIn | None = None
    """Of people, at GitHub."""
    stand_in: StandIn | None = None
    """The sandbox, where GitHub may be it."""
    turns: "weakref.WeakValueDictionary[int, asyncio.Lock]" = field(default_factory=weakref.WeakValueDictionary)
    """Who is having roles asked about, by person."""
    under_way: dict[str, "asyncio.Future[timedelta | None]"] = field(default_factory=dict)
    """By delivery, the try that this process makes; it may outlive the job that began it, and that job's next one."""

    @classmethod
    def build(cls, settings: Settings, database_url: str, *, clock: Clock | None = None) -> Self:
        clock = clock or SystemClock()
        github = github_app(settings)
        threads = ThreadPoolExecutor(settings.worker_threads, thread_name_prefix="github")
        people = ThreadPoolExecutor(_PEOPLE_THREADS, thread_name_prefix="people")
        hub_threads = ThreadPoolExecutor(_HUB_THREADS, thread_name_prefix="hub")
        metrics, size, stand_in = Metrics(), settings.database_pool_size, sandbox(settings, github)
        tracer = tracing.start(settings.otlp_endpoint)
        tell = partial(facts.tell, metrics, tracer)
        db, work_db = (Database(database_url, size=size, tell=tell, by_index=work) for work in (False, True))
        return cls(
            settings=settings,
            metrics=metrics,
            tracer=tracer,
            standing=standing.install(
                metrics, db, work_db, github.budgets, clock=clock, reserve=settings.reconcile_reserve
            ),
            db=db,
            work_db=work_db,
            clock=clock,
            verifier=Verifier(issuers=settings.oidc_issuer, audience=settings.oidc_audience, clock=clock),
            github=github,
            people_threads=people,
            meet=Turnstile(people, _MEETING, "people sign in"),
            hub_threads=hub_threads,
            manage=Turnstile(hub_threads, _HUB_THREADS, "requests about repositories wait for GitHub"),
            sign_in=sign_in(settings, github),
            notifier=Notifier.build(settings, work_db, clock, github, stand_in, pace=pace(settings), dice=dice),
            stand_in=stand_in,
            threads=threads,
            dispatcher=Dispatcher(github, threads),
            receive=together(db=db, clock=clock, new_id=new_delivery_id, timings=timings(settings)),
            examiners=Pool(),
        )

    async def open(self) -> None:
        await self.db.open()
        await self.work_db.open()

    async def close(self) -> None:
        """Finish the tries under way (each is bounded by the time GitHub is given), then let go of everything."""
        await asyncio.gather(*self.under_way.values(), return_exceptions=True)
        await self.dispatcher.close()
        await self.examiners.close()
        for threads in (self.threads, self.people_threads, self.hub_threads):
            threads.shutdown(wait=True, cancel_futures=True)
        await asyncio.to_thread(self.notifier.close)
        self.github.close()
        await self.db.close()
        await self.work_db.close()
        await asyncio.to_thread(self.tracer.close)

    @property
    def timings(self) -> Timings:
        return timings(self.settings)

    @property
    def pace(self) -> Pace:
        return pace(self.settings)

    @property
    def shipping(self) -> Shipping:
        return Shipping(self.settings.base_url, self.settings.payload_retention, self.settings.flush_after)

    @property
    def hub(self) -> Hub:
        return hub(self.settings, self.db, self.github, self.manage)

    async def send(self, installation_id: int, repository: str, body: dict[str, Any]) -> Answer:
        """One `repository_dispatch`."""
        began = time.perf_counter()
        answer = await self.dispatcher.send(installation_id=installation_id, repository=repository, body=body)
        facts.answered(self.metrics, answer, repository, body["client_payload"]["zekt"], began)
        return answer

    async def ask(self, installation_id: int, repository: str, run_id: int) -> RunState | None:
        """How a run stands, asked of GitHub in a thread of ours."""
        return await self.in_thread(lambda: lookup.run_conclusion(self.github, installation_id, repository, run_id))

    async def ask_role(self, seat: Seat) -> Found:
        """What somebody is in an account, asked of GitHub in a thread of ours."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.people_threads, lambda: members.role_of(self.github, seat))

    def turn(self, person_id: int) -> asyncio.Lock:
        """Held while this person's roles are asked about."""
        return self.turns.setdefault(person_id, asyncio.Lock())

    async def read_installation(self, installation_id: int) -> timedelta | None:
        """Read it from GitHub and write down how it is; how long until it is to be read again, where it is."""
        ask = partial(self._read, installations.installation)
        return await read_installation(installation_id, db=self.work_db, clock=self.clock, ask=ask, pace=self.pace)

    async def read_repository(self, installation_id: int, repository_id: int) -> timedelta | None:
        """The same for one repository."""
        ask = partial(self._read, installations.repository)
        return await read_repository(installation_id, repository_id, db=self.work_db, clock=self.clock, ask=ask)

    async def _read(self, read: Callable[..., _Result], *ids: int) -> _Result:
        github = Metered(self.github, reserve=self.settings.reconcile_reserve)
        return await self.in_thread(lambda: read(github, *ids))

    async def in_thread(self, work: Callable[[], _Result]) -> _Result:
        """PyGithub blocks: its calls run in threads of ours."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    async def reconcile(self, *, dry_run: bool = False, stopped: Callable[[], bool] = lambda: False) -> Report | None:
        """One round of it; None when another process is at one."""
        s, began = self.settings, time.perf_counter()
        receive = partial(
            receive_event, db=self.work_db, clock=self.clock, new_id=new_delivery_id, timings=self.timings
        )
        report = await reconcile(
            db=self.work_db,
            clock=self.clock,
            github=Metered(self.github, reserve=s.reconcile_reserve, stopped=stopped),
            in_thread=self.in_thread,
            receive=facts.told(receive),
            terms=Terms(s.webhook_url, s.message_patience, self.pace),
            dry_run=dry_run,
        )
        if report is not None:
            log.info("reconciled", **report.as_fields(), duration_ms=milliseconds(began))
        return report


def hub(settings: Settings, db: Database, github: GitHubApp, in_thread: InThread = asyncio.to_thread) -> Hub:
    """Its calls to GitHub run where no rush of them holds up a dispatch or a message."""
    secret = settings.webhook_secret
    master = secret.get_secret_value().encode() if secret else None
    return Hub(db, github, in_thread, settings.webhook_url, master)


def timings(settings: Settings) -> Timings:
    return Timings(settings.confirm_timeout, settings.complete_timeout, settings.max_dispatches, pace(settings))


def pace(settings: Settings) -> Pace:
    return Pace(
        settings.dispatch_lease,
        settings.dispatch_spacing,
        (Window(settings.dispatches_per_minute, pacing.MINUTE), Window(settings.dispatches_per_hour, pacing.HOUR)),
    )


def github_app(settings: Settings) -> GitHubApp:
    """The App as the settings name it.

    Raises:
        ZektError: `settings_invalid` when they name none.
    """
    if settings.github_app_id is None or settings.github_app_private_key is None:
        raise ZektError(
            "settings_invalid",
            "Zekt speaks to GitHub as a GitHub App: set ZEKT_GITHUB_APP_ID and ZEKT_GITHUB_APP_PRIVATE_KEY_FILE"
            " (or ZEKT_GITHUB_APP_PRIVATE_KEY). To try Zekt without GitHub, run `zekt demo`.",
        )
    return GitHubApp(
        api_url=settings.github_api_url,
        app_id=settings.github_app_id,
        private_key=settings.github_app_private_key.get_secret_value(),
        timeout=settings.github_timeout.total_seconds(),
    )


def sign_in(settings: Settings, github: GitHubApp) -> SignIn | None:
    """The App's client; None where none is set."""
    if settings.oauth_client_id is None or settings.oauth_client_secret is None:
        return None
    return _client(settings, github, settings.oauth_client_id, settings.oauth_client_secret.get_secret_value())


def _client(settings: Settings, github: GitHubApp, client_id: str, client_secret: str) -> SignIn:
    return SignIn(
        client_id=client_id,
        client_secret=client_secret,
        web_url=settings.github_url,
        api_url=settings.github_api_url,
        timeout=settings.github_timeout.total_seconds(),
        app=github,
    )


def sandbox(settings: Settings, github: GitHubApp) -> StandIn | None:
    """None where GitHub cannot be the sandbox, or others than this machine reach the broker."""
    if not stand_in.is_possible(settings.github_api_url, settings.host, settings.base_url):
        return None
    timeout = settings.github_timeout.total_seconds()
    return StandIn(api_url=settings.github_api_url, timeout=timeout, sign_in=_client(settings, github, "", ""))


def dice() -> float:
    """Spreads retries; nothing secret hangs on it."""
    return random.random()  # noqa: S311 — jitter, not cryptography
