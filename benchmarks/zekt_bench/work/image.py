"""The zekt-action as a runner has it, in its image, in turn with the same program without the image."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import msgspec

from zekt_bench import containers, letters
from zekt_bench.checkout import Command
from zekt_bench.containers import NoImageError
from zekt_bench.figures import OURS, ROOT, Row, missing
from zekt_bench.house import house
from zekt_bench.size import Size
from zekt_bench.work.steps import SIZES, Bench, Step, bench_of, payload_file, step_row

_CLIENT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")
_WEIGHED = 3
"""Runs in which the container's cgroup is read; they are not timed."""


@dataclass(frozen=True, slots=True)
class Image:
    base: str | None
    """In place of the Dockerfile's own."""

    def __call__(self, size: Size) -> Iterator[Row]:
        try:
            with containers.image(self.base) as name:
                yield from _layers(name, self.base or _default())
                with house() as here, here.serving(), bench_of(here) as bench:
                    for how, length in SIZES:
                        yield from _in_turn(bench, name, how, payload_file(here, length), size.action_runs)
        except NoImageError as error:
            yield missing("image", "", OURS, str(error))


def _default() -> str:
    found = re.search(r"^ARG BASE_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise AssertionError("the Dockerfile names its base")
    return found[1]


def _layers(name: str, base: str) -> Iterator[Row]:
    """No time and no CPU: their size alone, in the column of memory."""
    sizes = containers.layers(name, base)
    total = [("all above the base", (sum(plain for plain, _ in sizes), sum(packed for _, packed in sizes)))]
    for how, (plain, packed) in [*((f"layer {n} above the base", each) for n, each in enumerate(sizes, 1)), *total]:
        for kind, length in (("", plain), (", compressed", packed)):
            yield Row(
                work="image",
                how=how + kind,
                item="image",
                items=1,
                seconds=0.0,
                cpu_each={},
                cpu_sum_each=0.0,
                memory={"image": length / 1e6},
            )


def _in_turn(bench: Bench, name: str, how: str, payload: Path, count: int) -> Iterator[Row]:
    def contained(step: Step, *, weighed: bool = False) -> Step:
        def command(folder: Path) -> Command:
            return containers.run(name, folder, step(folder), client, weighed=weighed)

        return command

    client = {each: os.environ[each] for each in _CLIENT if each in os.environ}
    meters, wanted = bench.meters(), {"status": "success"}
    steps = [bench.send(composite=False, payload=payload, run=run) for run in letters.runs(bench.here, 1, 2 * count)]
    before, bare, boxed = meters.read(), [], []
    for first, second in zip(steps[:count], steps[count:], strict=True):
        bare.append(bench.once(first, wanted))
        boxed.append(bench.once(contained(second), wanted))
    cost = meters.since(before)
    yield step_row("image", f"bare, {how}", bare, cost)
    used = []
    for run in letters.runs(bench.here, 1, _WEIGHED):
        bench.once(contained(bench.send(composite=False, payload=payload, run=run), weighed=True), wanted)
        used.append(containers.counted(bench.folder))
    row = step_row("image", f"docker run, {how}", boxed, cost)
    cpu = {"docker": row.cpu_sum_each, "container": 1000 * mean(each["cpu"] for each in used)}
    yield msgspec.structs.replace(
        row,
        than=f"bare, {how}",
        memory={"container": mean(each["peak"] for each in used)} if all("peak" in each for each in used) else {},
        cpu_each=cpu,
        cpu_sum_each=sum(cpu.values()),
    )
