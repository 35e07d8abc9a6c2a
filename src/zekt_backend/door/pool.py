"""Processes that examine messages, started when there is something to examine, and killed when they take too long.

Python's own pool cannot kill one job, and it, pebble and anyio start their processes with the parent's main module: the
whole broker once more, 95 MB instead of 40. So: a few children, one job each at a time, over pipes.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from zekt_backend.door.frames import CPU_SECONDS, HEAD, TOO_LONG
from zekt_backend.errors import ZektError
from zekt_backend.rules.door import Examined

log = structlog.get_logger()

CHILDREN = 3
WAIT_SECONDS = 6.0
"""For a turn. The action gives one try 20 seconds: this, a start and a job must fit into it."""
JOB_SECONDS = 5 * CPU_SECONDS
"""By the clock, on a machine that is busy; what is meant to stop a job is its CPU time."""
REST_SECONDS = 3.0
"""Before the next turn of an account whose message took too long: who sends such ones has no process for itself."""
IDLE_SECONDS = 60.0
"""After which an idle child ends, and its memory with it."""

_OUT_OF_CPU = -signal.SIGVTALRM


class Pool:
    """Of every account one job at a time, so that whoever's messages take long holds up nobody else's."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(CHILDREN)
        self._accounts: dict[object, tuple[asyncio.Lock, int]] = {}
        self._resting: dict[object, float] = {}
        """By account, until when; on the loop's clock."""
        self.idle: list[Process] = []
        self.children: set[Process] = set()
        self._reaper: asyncio.TimerHandle | None = None

    async def message(self, account: object, document: bytes, guard: str, schemas: dict[int, str]) -> Examined:
        """Examine one message.

        Args:
            account: whose it is.
            document: strict JSON.
            guard: `refuse`, `redact` or `pass`.
            schemas: by service id, in the order in which they are held against it.

        Raises:
            ZektError: `checks_busy`; the same may succeed later.
        """
        answer, kept = await self._ask(account, {"do": "message", "guard": guard, "schemas": schemas}, document)
        return Examined(
            found=tuple(answer.get("found", ())),
            count=answer.get("count", 0),
            redacted=kept or None,
            broken={int(service): places for service, places in answer.get("broken", {}).items()},
            failed=answer.get("failed", ""),
            failed_at=answer.get("failedAt"),
        )

    async def schema(self, account: object, text: bytes) -> str:
        """Why it cannot be a service's schema; empty when it can.

        Raises:
            ZektError: `checks_busy`.
        """
        answer, _ = await self._ask(account, {"do": "schema"}, text)
        return str(answer.get("unusable") or answer.get("failed") or "")

    async def close(self) -> None:
        """End every child; what they are at is not wanted any more."""
        if self._reaper is not None:
            self._reaper.cancel()
        for child in list(self.children):
            await self._end(child)

    async def _ask(self, account: object, job: dict[str, Any], document: bytes) -> tuple[dict[str, Any], bytes]:
        raw = json.dumps(job).encode()
        request = HEAD.pack(len(raw), len(document)) + raw + document
        async with self._turn(account):
            child = await self._child()
            try:
                async with asyncio.timeout(JOB_SECONDS):
                    answer, kept = await _exchange(child, request)
            except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError) as error:
                ended = await self._end(child)
                log.warning("examiner_lost", pid=child.pid, why=type(error).__name__, ended=ended)
                self._rest_account(account)
                if ended == _OUT_OF_CPU:
                    return {"failed": TOO_LONG}, b""
                raise _busy("The process that examines messages was lost") from None
            except BaseException:
                await asyncio.shield(self._end(child))
                raise
            if "failed" in answer:
                await self._end(child)  # Its memory is whatever that has left.
                if answer["failed"] == TOO_LONG:
                    self._rest_account(account)
            else:
                self._rest(child)
            return answer, kept

    @asynccontextmanager
    async def _turn(self, account: object) -> AsyncIterator[None]:
        lock, users = self._accounts.get(account, (asyncio.Lock(), 0))
        self._accounts[account] = (lock, users + 1)
        try:
            async with asyncio.timeout(WAIT_SECONDS) as waiting, lock:
                await asyncio.sleep(self._resting.get(account, 0.0) - asyncio.get_running_loop().time())
                async with self._turns:
                    waiting.reschedule(None)
                    yield
        except TimeoutError:
            raise _busy("Too many messages wait to be examined") from None
        finally:
            lock, users = self._accounts[account]
            if users == 1:
                del self._accounts[account]
            else:
                self._accounts[account] = (lock, users - 1)

    def _rest_account(self, account: object) -> None:
        loop = asyncio.get_running_loop()
        self._resting[account] = loop.time() + REST_SECONDS
        loop.call_later(REST_SECONDS, self._resting.pop, account, None)

    async def _child(self) -> Process:
        while self.idle:
            child = self.idle.pop()
            if child.returncode is None:
                return child
            await self._end(child)
        # Where this program's modules are found, and nothing else of the environment: it holds secrets.
        path = os.pathsep.join(folder for folder in sys.path if folder)
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "zekt_backend.door.child",
                stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True, env={"PYTHONPATH": path},
            )  # fmt: skip
        except OSError as error:
            log.warning("examiner_not_started", error=error.strerror)
            raise _busy("The process that examines messages could not be started") from None
        self.children.add(child)
        return child

    def _rest(self, child: Process) -> None:
        self.idle.append(child)
        if self._reaper is not None:
            self._reaper.cancel()
        self._reaper = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.retire)

    def retire(self) -> None:
        """Nothing was examined for a while: their input ends, and so do they."""
        for child in self.idle:
            if child.stdin is not None:
                child.stdin.close()
        self.idle.clear()

    async def _end(self, child: Process) -> int:
        """How it ended; by itself, where it had already."""
        if child.stdout is not None and child.stdout.at_eof():
            # It is at its end. To kill it would first look whether it is, and so take its status away from `wait`.
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await child.wait()
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
        if child.stdin is not None:
            child.stdin.close()
        ended = await child.wait()
        self.children.discard(child)
        return ended


async def _exchange(child: Process, request: bytes) -> tuple[dict[str, Any], bytes]:
    if child.stdin is None or child.stdout is None:
        raise AssertionError("it was started with both")
    child.stdin.write(request)
    await child.stdin.drain()
    about, size = HEAD.unpack(await child.stdout.readexactly(HEAD.size))
    answer = json.loads(await child.stdout.readexactly(about))
    return answer, await child.stdout.readexactly(size)


def _busy(why: str) -> ZektError:
    return ZektError("checks_busy", f"{why}. Send the same again: nothing was stored.", retry_after=2)
