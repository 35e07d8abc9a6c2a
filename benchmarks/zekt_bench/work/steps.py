"""The actions' steps as whole processes: from the start of a shell or of Python to the end, a broker answering."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from zekt_bench import directory, letters
from zekt_bench.accounting import Cost, Meters
from zekt_bench.checkout import Checkout, Command, outputs
from zekt_bench.figures import OURS, Row, spread_of
from zekt_bench.house import House, accepted, house
from zekt_bench.processes import Helper
from zekt_bench.size import Size
from zekt_sandbox.runs import Run

SIZES = (("1 KB", 1024), ("512 KB", 524_288))
Step = Callable[[Path], Command]
"""Prepares the folder that it is given, and says what to start there."""


@dataclass(frozen=True, slots=True)
class _Started:
    """A consumer's run, and what its event says."""

    run: Run
    correlation_id: str
    delivery_id: str


class Bench:
    """Runs steps one after the other, each in an empty folder."""

    def __init__(self, here: House, checkout: Checkout, stopwatch: Helper, folder: Path) -> None:
        self.here, self.checkout, self._stopwatch, self.folder = here, checkout, stopwatch, folder

    def measure(self, work: str, how: str, steps: list[Step], wanted: dict[str, str]) -> Row:
        """One row of all; a step has failed unless it ends with 0 and its outputs are those that are wanted."""
        meters = self.meters()
        before = meters.read()
        found = [self.once(step, wanted) for step in steps]
        return step_row(work, how, found, meters.since(before))

    def meters(self) -> Meters:
        return self.here.meters(step=self._stopwatch.pid)

    def once(self, step: Step, wanted: dict[str, str]) -> dict[str, float]:
        """What the kernel counted for it, and whether it failed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        arguments, environment = step(self.folder)
        self._stopwatch.tell(arguments=arguments, environment=environment, folder=str(self.folder))
        found: dict[str, float] = self._stopwatch.heard()
        told = outputs(self.folder) if wanted else {}
        return {**found, "failed": found["code"] != 0 or not wanted.items() <= told.items()}

    def send(self, composite: bool, payload: Path, run: Run) -> Step:
        def command(folder: Path) -> Command:
            shutil.copy(payload, folder / "message.json")
            given = {"event_type": "order-finished", "payload_file": "message.json"}
            if composite:
                return self.checkout.composite("send", run, folder, self.here.url, **given)
            return self.checkout.bare(run, folder, self.here.url, **given)

        return command

    def receive(self, name: str, started: _Started, **given: str) -> Step:
        run, given = (
            started.run,
            {"correlation_id": started.correlation_id, "delivery_id": started.delivery_id, **given},
        )
        return lambda folder: self.checkout.composite(name, run, folder, self.here.url, **given)


def steps(size: Size) -> Iterator[Row]:
    with house() as here, here.serving(), here.working(), bench_of(here) as bench:
        nothing: list[Step] = [lambda _: ([sys.executable, "-I", "-S", "-c", "pass"], {})]
        yield bench.measure("step", "python3 -I -S -c pass", nothing * size.action_runs, {})
        for how, length in SIZES:
            payload = payload_file(here, length)
            for name, composite in (("action, bare", False), ("send", True)):
                runs = letters.runs(here, 1, size.action_runs)
                sent = [bench.send(composite, payload, run) for run in runs]
                yield bench.measure("step", f"{name}, {how}", sent, {"status": "success"})
        for how, length in SIZES:
            came = _dispatched(here, length, size.action_runs)
            confirms = [bench.receive("confirm", each) for each in came]
            yield bench.measure("step", f"confirm, {how}", confirms, {"status": "confirmed", "error-code": ""})
            completes = [bench.receive("complete", each, status="success") for each in came]
            yield bench.measure("step", f"complete, {how}", completes, {"status": "completed", "error-code": ""})


def payload_file(here: House, length: int) -> Path:
    """A message of so many bytes."""
    file = here.folder / f"payload-{length}.json"
    file.write_bytes(letters.payload(length))
    return file


@contextmanager
def bench_of(here: House) -> Iterator[Bench]:
    with TemporaryDirectory(prefix="zekt-bench-") as folder, Helper("zekt_bench.stopwatch") as stopwatch:
        yield Bench(here, Checkout(Path(folder)), stopwatch, Path(folder) / "step")


def _dispatched(here: House, length: int, count: int) -> list[_Started]:
    """Consumers' runs that durable deliveries have started, each with a message of that length."""
    here.take_dispatches()
    runs, body = letters.runs(here, directory.DURABLE, count), letters.payload(length)
    accepted(here, [letters.message(here, run, body) for run in runs], 1)
    accepted(here, [letters.webhook(here, run) for run in runs], 1)
    here.until_dispatched(count, 60)
    return [
        _Started(here.github.start_run(directory.buyer(0), event="repository_dispatch"), run, delivery)
        for _, run, delivery in here.take_dispatches()
    ]


def step_row(work: str, how: str, found: list[dict[str, float]], cost: Cost, who: str = OURS) -> Row:
    figures: dict[str, Any] = spread_of([each["seconds"] for each in found])
    seconds, cpu = sum(each["seconds"] for each in found), sum(each["cpu"] for each in found)
    return Row(
        work=work,
        how=how,
        who=who,
        item="run",
        items=len(found),
        failed=sum(1 for each in found if each["failed"]),
        seconds=seconds,
        others=cost.others_percent,
        cpu_each={"step": 1000 * cpu / len(found)},
        cpu_sum_each=1000 * cpu / len(found),
        memory={"step": mean(each["peak_rss"] for each in found)},
        **figures,
    )
