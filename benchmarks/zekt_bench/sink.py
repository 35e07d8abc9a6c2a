"""The fast sink, a process of its own: takes dispatches as GitHub would, and notes when each came.

`python -m zekt_bench.sink`. It checks nothing: the sandbox holds a broker to GitHub's limits, this one only must not be
what is measured. Told `{"wait": N, "seconds": S}`, it says how many it has as soon as it has N, or when the time is up;
told `{"take": true}`, it gives all and forgets them.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec
import uvloop

from zekt_bench.wire import Answerer, response

_LIMITS = (
    "content-type: application/json; charset=utf-8\r\nx-github-media-type: github.v3; format=json\r\n"
    "x-github-request-id: D2C0:1F2A:9B1E:A0F3:6741\r\nx-ratelimit-limit: 15000\r\nx-ratelimit-remaining: 14000\r\n"
    "x-ratelimit-reset: {reset}\r\nx-ratelimit-resource: core\r\nx-ratelimit-used: 1000\r\n"
)
"""What every answer of GitHub's says, for the broker to read."""


class _Zekt(msgspec.Struct):
    correlationId: str  # noqa: N815 — as the wire has it
    deliveryId: str  # noqa: N815


class _Payload(msgspec.Struct):
    zekt: _Zekt


class _Dispatch(msgspec.Struct):
    client_payload: _Payload


_DISPATCH = msgspec.json.Decoder(_Dispatch)


class _Ledger:
    """What all connections have brought."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, str, str]] = []
        """(nanoseconds of the machine's monotonic clock, run, delivery), since they were taken last."""
        self._wanted, self._reached = 0, asyncio.Event()

    def note(self, body: bytes) -> None:
        at = time.monotonic_ns()
        zekt = _DISPATCH.decode(body).client_payload.zekt
        self.taken.append((at, zekt.correlationId, zekt.deliveryId))
        if len(self.taken) >= self._wanted:
            self._reached.set()

    async def wait(self, count: int, seconds: float) -> None:
        self._wanted = count
        self._reached.clear()
        if len(self.taken) < count:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._reached.wait(), seconds)


class _Sink(Answerer):
    def __init__(self, ledger: _Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        headers = _LIMITS.format(reset=int(time.time()) + 3600)
        if method == "POST" and path.endswith("/dispatches"):
            self._ledger.note(body)
            return response("204 No Content", headers=headers)
        if method == "POST" and path.endswith("/access_tokens"):
            expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            return response("201 Created", json.dumps({"token": "ghs_bench", "expires_at": expires}).encode(), headers)
        return response("404 Not Found", b'{"message": "Not Found"}', headers)


async def _serve() -> None:
    loop, ledger = asyncio.get_running_loop(), _Ledger()
    server = await loop.create_server(lambda: _Sink(ledger), "127.0.0.1", 0, backlog=1024)
    _say({"port": server.sockets[0].getsockname()[1]})
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = json.loads(line)
        if "wait" in told:
            await ledger.wait(told["wait"], told["seconds"])
        _say({"count": len(ledger.taken), "taken": ledger.taken if told.get("take") else []})
        if told.get("take"):
            ledger.taken.clear()
    server.close()


def _say(words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_serve())
