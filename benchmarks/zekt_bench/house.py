"""Everything that runs, each as a process of its own: PostgreSQL, the API, workers, the sink, and the load."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path

import msgspec

from zekt_backend.store.embedded import Embedded
from zekt_bench import directory
from zekt_bench.accounting import Meters
from zekt_bench.load import Answer, Plan
from zekt_bench.processes import Helper, Zekt, free_port, python_path
from zekt_sandbox.server import SandboxServer

SECRET = "a webhook secret that only the benchmarks know"  # noqa: S105 — of a broker that lives for a minute
SETTINGS = {
    "ZEKT_DISPATCH_SPACING": "0",
    "ZEKT_DISPATCHES_PER_MINUTE": "100000",
    "ZEKT_DISPATCHES_PER_HOUR": "100000",
    "ZEKT_RECONCILE_SECONDS": "0",
    "ZEKT_LOG_FORMAT": "json",
}
"""What differs from a broker as it is shipped: the pace of writes to GitHub is off, for it would be what is measured;
and the sink has no log of webhooks to reconcile with."""


class House:
    """A broker on an empty database, with nobody else in it.

    Args:
        folder: for logs and plans; gone afterwards.
        database: the embedded wheel's PostgreSQL with its own settings, used as an external server.
        github: the sandbox, in this process: it signs tokens. Dispatches go to the sink.
    """

    def __init__(self, folder: Path, database: Embedded, github: SandboxServer, sink: Helper) -> None:
        self.github, self.database_url = github, database.url
        self.port = free_port()
        self.folder, self._sink = folder, sink
        self._pids = {"postgres": database.pid, "sink": sink.pid}
        self._started = 0
        self._environment = {
            **os.environ,
            **github.broker_environment(),
            **SETTINGS,
            "ZEKT_DATABASE_URL": database.url,
            "ZEKT_GITHUB_API_URL": f"http://127.0.0.1:{sink.ready['port']}",
            "ZEKT_WEBHOOK_SECRET": SECRET,
            "ZEKT_PORT": str(self.port),
            "ZEKT_PUBLIC_URL": self.url,
            "PYTHONPATH": python_path(),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set_up(self, fan_outs: tuple[int, ...]) -> None:
        file = self.folder / "setup.json"
        file.write_text(json.dumps(directory.populate(self.github, fan_outs)), encoding="utf-8")
        self._zekt("setup", "setup", "apply", str(file)).until_ended()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """`zekt serve --no-worker`."""
        with self._running("api", 1, "started", "serve", "--no-worker"):
            yield

    @contextmanager
    def working(self, count: int = 1) -> Iterator[None]:
        """So many times `zekt worker`, each connected to the queue."""
        with self._running("worker", count, "worker_connected", "worker"):
            yield

    @contextmanager
    def _running(self, name: str, count: int, ready: str, *arguments: str) -> Iterator[None]:
        names = [name if count == 1 else f"{name}-{number}" for number in range(1, count + 1)]
        with ExitStack() as held:
            started = []
            for each in names:
                started.append(self._zekt(each, *arguments))
                held.callback(started[-1].stop)
            for zekt in started:
                self._pids[zekt.name] = zekt.until_said(ready).pid
            yield
        for each in names:
            del self._pids[each]

    def _zekt(self, name: str, *arguments: str) -> Zekt:
        self._started += 1
        folder = self.folder / str(self._started)
        folder.mkdir()
        return Zekt(name, list(arguments), self._environment, folder)

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


def answers(load: Helper) -> list[Answer]:
    """Let it send, and wait for all answers."""
    load.tell(go=True)
    return msgspec.convert(load.heard(), list[Answer])


@contextmanager
def house(fan_outs: tuple[int, ...] = (1,)) -> Iterator[House]:
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
        built = House(folder, database, github, sink)
        built.set_up(fan_outs)
        yield built


def accepted(here: House, requests: list[bytes], concurrency: int) -> list[Answer]:
    """Send them all, unmeasured."""
    with here.loaded(requests, concurrency=concurrency) as load:
        return answers(load)


def problems(found: list[Answer]) -> int:
    """How many answers were no acceptance."""
    return sum(1 for answer in found if answer.status != HTTPStatus.ACCEPTED)
