"""Everything that runs, each as a process of its own: PostgreSQL, the broker, the sink, and the load."""

import json
import os
import shutil
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

import msgspec

from zekt_backend.store.embedded import Embedded
from zekt_bench import directory
from zekt_bench.accounting import Meters
from zekt_bench.figures import OURS
from zekt_bench.load import Answer, Plan
from zekt_bench.processes import Helper, Program, free_port, python_path
from zekt_sandbox.server import SandboxServer

SECRET = "a webhook secret that only the benchmarks know"  # noqa: S105 — of a broker that lives for a minute
OPERATOR = "an operator's token that only the benchmarks know"
SETTINGS = {
    "ZEKT_DISPATCH_SPACING": "0",
    "ZEKT_DISPATCHES_PER_MINUTE": "100000",
    "ZEKT_DISPATCHES_PER_HOUR": "100000",
    "ZEKT_RECONCILE_SECONDS": "0",
    "ZEKT_LOG_FORMAT": "json",
}
"""What differs from a broker as it is shipped: the pace of writes to GitHub is off, for it would be what is measured;
and the sink has no log of webhooks to reconcile with."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A process to start: under which name it is metered, and what its log says once it is ready."""

    name: str
    command: list[str]
    ready: str


class House(ABC):
    """A broker on an empty database, with nobody else in it.

    Args:
        folder: for logs and plans; gone afterwards.
        database: the embedded wheel's PostgreSQL with its own settings, used as an external server.
        github: the sandbox, in this process: it signs tokens. Dispatches go to the sink.
        name: of the database.
    """

    who: ClassVar[str]
    """Whose rows these are."""
    uses_postgres: ClassVar[bool] = True

    def __init__(
        self, folder: Path, database: Embedded, github: SandboxServer, sink: Helper, name: str = "postgres"
    ) -> None:
        self.github, self.database_url = github, database.url.replace("@/postgres?", f"@/{name}?")
        self.port, self.sink_port = free_port(), int(sink.ready["port"])
        self.folder, self._database, self._sink = folder, database, sink
        self._pids = {"sink": sink.pid} | ({"postgres": database.pid} if self.uses_postgres else {})
        self._started = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def beside(self, name: str, kind: "type[House] | None" = None) -> "House":
        """Another broker, on another database of the same server; GitHub and the sink are the same."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return (kind or type(self))(folder, self._database, self.github, self._sink, name)

    @property
    def sink_url(self) -> str:
        """What stands for GitHub's API."""
        return f"http://127.0.0.1:{self.sink_port}"

    @abstractmethod
    def set_up(self, fan_outs: tuple[int, ...]) -> None:
        """Make the tables, and tell who is subscribed to whom."""

    @abstractmethod
    def receivers(self) -> list[Wanted]:
        """What takes webhooks."""

    @abstractmethod
    def workers(self, count: int) -> list[Wanted]:
        """What dispatches, where that is not the same process."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Of every process."""

    def serving(self) -> AbstractContextManager[None]:
        """All that takes webhooks."""
        return self._running(self.receivers())

    def working(self, count: int = 1) -> AbstractContextManager[None]:
        """So many workers, each connected to its queue."""
        return self._running(self.workers(count))

    @contextmanager
    def _running(self, wanted: list[Wanted]) -> Iterator[None]:
        with ExitStack() as held:
            started = []
            for each in wanted:
                started.append(self.program(each.name, each.command))
                held.callback(started[-1].stop)
            for program, each in zip(started, wanted, strict=True):
                self._pids[each.name] = program.until_said(each.ready).pid
            yield
        for each in wanted:
            del self._pids[each.name]

    def program(self, name: str, command: list[str]) -> Program:
        """Started, in a folder of its own."""
        self._started += 1
        folder = self.folder / str(self._started)
        folder.mkdir()
        return Program(name, command, self.environment(), folder)

    @contextmanager
    def loaded(self, requests: list[bytes], *, concurrency: int = 1, rate: float = 0.0) -> Iterator[Helper]:
        """The load, ready to send."""
        file = self.folder / "plan"
        file.write_bytes(msgspec.msgpack.encode(Plan("127.0.0.1", self.port, requests, concurrency, rate)))
        with Helper("zekt_bench.load", str(file)) as load:
            self._pids["load"] = load.pid
            yield load
        del self._pids["load"]

    def meters(self, **more: int) -> Meters:
        """Of everything that runs now, and of more by name."""
        return Meters({**self._pids, **more}, self.database_url)

    def dispatches(self) -> int:
        """How many the sink has."""
        self._sink.tell()
        return int(self._sink.heard()["count"])

    def until_dispatched(self, count: int, seconds: float) -> None:
        """Wait until the sink has so many.

        Raises:
            TimeoutError: it had fewer; a figure of what is not done is none.
        """
        self._sink.tell(wait=count, seconds=seconds)
        if (found := self._sink.heard()["count"]) < count:
            raise TimeoutError(f"{found} of {count} dispatches in {seconds:.0f} s")

    def take_dispatches(self) -> list[tuple[int, str, str]]:
        """All since the last time: (monotonic nanoseconds, run, delivery)."""
        self._sink.tell(take=True)
        return [(at, run, delivery) for at, run, delivery in self._sink.heard()["taken"]]


class Zekt(House):
    """Ours, as it is shipped but for `SETTINGS`."""

    who = OURS

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **self.github.broker_environment(),
            **SETTINGS,
            "ZEKT_DATABASE_URL": self.database_url,
            "ZEKT_GITHUB_API_URL": self.sink_url,
            "ZEKT_WEBHOOK_SECRET": SECRET,
            "ZEKT_ADMIN_TOKEN": OPERATOR,
            "ZEKT_PORT": str(self.port),
            "ZEKT_PUBLIC_URL": self.url,
            "PYTHONPATH": python_path(),
        }

    def set_up(self, fan_outs: tuple[int, ...]) -> None:
        file = self.folder / "setup.json"
        file.write_text(json.dumps(directory.populate(self.github, fan_outs)), encoding="utf-8")
        self.program("setup", self._zekt("setup", "apply", str(file))).until_ended()

    def receivers(self) -> list[Wanted]:
        return [Wanted("api", self._zekt("serve", "--no-worker"), '"started"')]

    def workers(self, count: int) -> list[Wanted]:
        return [Wanted(name, self._zekt("worker"), '"worker_connected"') for name in numbered("worker", count)]

    def _zekt(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "zekt_backend.cli", *arguments]


def numbered(name: str, count: int) -> list[str]:
    """`worker`; of several, `worker-1`, `worker-2` and so on."""
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def answers(load: Helper) -> list[Answer]:
    """Let it send, and wait for all answers."""
    load.tell(go=True)
    return msgspec.convert(load.heard(), list[Answer])


@contextmanager
def house(fan_outs: tuple[int, ...] = (1,), kind: type[House] = Zekt) -> Iterator[House]:
    """A new PostgreSQL, a new sandbox and a new sink, with the directory set up; no broker runs yet."""
    with ExitStack() as held:
        # A short path: its socket must fit into 107 bytes.
        folder = Path(tempfile.mkdtemp(prefix="zekt-bench-"))
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        as_root = os.environ.get("ZEKT_EMBEDDED_AS_ROOT") == "1"
        database = Embedded.start(folder / "data", as_root_allowed=as_root)
        held.callback(database.stop)
        github = held.enter_context(SandboxServer())
        sink = held.enter_context(Helper("zekt_bench.sink"))
        built = kind(folder, database, github, sink)
        built.set_up(fan_outs)
        yield built


def accepted(here: House, requests: list[bytes], concurrency: int) -> list[Answer]:
    """Send them all, unmeasured."""
    with here.loaded(requests, concurrency=concurrency) as load:
        return answers(load)


def problems(found: list[Answer], right: int = HTTPStatus.ACCEPTED) -> int:
    """How many answers were other ones than was right."""
    return sum(1 for answer in found if answer.status != right)
