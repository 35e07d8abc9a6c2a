"""The load, a process of its own: `python -m zekt_bench.load PLAN`.

The plan holds whole requests as bytes, made and signed beforehand. With `concurrency` each of so many kept connections
sends the next as soon as its last is answered; with `rate` they are sent when they are due, whatever was answered, each
on a kept connection that is free or on a new one.
"""

import asyncio
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from zekt_bench.wire import Caller, connect


class Plan(msgspec.Struct):
    host: str
    port: int
    requests: list[bytes]
    concurrency: int = 1
    rate: float = 0.0
    """Requests a second; 0: as fast as `concurrency` connections are answered."""


class Answer(msgspec.Struct):
    """Of the request with the same place in the plan."""

    began: int
    """Nanoseconds of the machine's monotonic clock, which all processes read alike."""
    seconds: float
    """From the request's first byte to the answer's last."""
    status: int
    """0: the connection broke."""
    late: float = 0.0
    """Seconds after it was due that it was sent: what the load itself adds where it cannot keep up."""


async def run(plan: Plan) -> list[Answer]:
    return await (_at_rate(plan) if plan.rate else _in_turn(plan))


async def _ask(caller: Caller, request: bytes, due: int | None = None) -> Answer:
    began = time.monotonic_ns()
    try:
        status = await caller.ask(request)
    except OSError:
        status = 0
    ended = time.monotonic_ns()
    return Answer(began, (ended - began) / 1e9, status, (began - (due or began)) / 1e9)


async def _in_turn(plan: Plan) -> list[Answer]:
    answers: list[Answer] = [Answer(0, 0.0, 0)] * len(plan.requests)
    places = iter(range(len(plan.requests)))

    async def one() -> None:
        caller = await connect(plan.host, plan.port)
        for place in places:
            if not caller.open:
                caller = await connect(plan.host, plan.port)
            answers[place] = await _ask(caller, plan.requests[place])
        caller.close()

    await asyncio.gather(*(one() for _ in range(plan.concurrency)))
    return answers


async def _at_rate(plan: Plan) -> list[Answer]:
    free: list[Caller] = [await connect(plan.host, plan.port) for _ in range(plan.concurrency)]

    async def one(request: bytes, due: int) -> Answer:
        caller = _pop_open(free) or await connect(plan.host, plan.port)
        answer = await _ask(caller, request, due)
        free.append(caller)
        return answer

    began, tasks = time.monotonic_ns(), []
    for place, request in enumerate(plan.requests):
        due = began + int(place * 1e9 / plan.rate)
        await asyncio.sleep(max(0.0, (due - time.monotonic_ns()) / 1e9))
        tasks.append(asyncio.create_task(one(request, due)))
    answers = list(await asyncio.gather(*tasks))
    for caller in free:
        caller.close()
    return answers


def _pop_open(free: list[Caller]) -> Caller | None:
    while free:
        if (caller := free.pop()).open:
            return caller
    return None


def main() -> None:
    """Say that it is ready, wait for a line, send all, tell the answers, and live until stdin is closed."""
    plan = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    if not sys.stdin.readline():
        return
    answers = uvloop.run(run(plan))
    # With PYTHONUNBUFFERED sys.stdout drops what a pipe does not take at once, megabytes of it after half an hour.
    with open(sys.stdout.fileno(), "wb", closefd=False) as whole:
        whole.write(msgspec.json.encode(answers) + b"\n")
    sys.stdin.read()


if __name__ == "__main__":
    main()
