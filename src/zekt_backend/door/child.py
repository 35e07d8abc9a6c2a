"""The process that examines messages: reads a job, answers it, until its input ends.

A provider's schema may hang, and so may a pattern of a detector on a message made for it. Here that hurts nobody: each
job has so much CPU time and memory, and the broker kills the process of one that outlasts even that.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from zekt_action.schema import UnusableError
from zekt_backend.door import guard, schemas
from zekt_backend.door.frames import CPU_SECONDS, HEAD, LEEWAY_SECONDS, TOO_LONG

_MOST_MEMORY = 512 << 20
"""Bytes of address space."""
_POLITE = 5


class _OutOfTime(BaseException):
    """The job's CPU time is used up; no `except Exception` of a library keeps it."""


def main() -> None:
    _confine()
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    while head := jobs.read(HEAD.size):
        about, size = HEAD.unpack(head)
        job = json.loads(jobs.read(about))
        _send(answers, *_answer(job, jobs.read(size)))


def _send(answers: BinaryIO, answer: dict[str, Any], document: bytes) -> None:
    raw = json.dumps(answer).encode()
    answers.write(HEAD.pack(len(raw), len(document)) + raw + document)
    answers.flush()


def _confine() -> None:
    """Little memory, and the broker first; where the machine has no such limits, the broker's clock is all."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 — not on every system

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(AttributeError, OSError):
        os.nice(_POLITE)
    with contextlib.suppress(AttributeError, ValueError):
        signal.signal(signal.SIGPROF, _stop)
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)


def _stop(*_: object) -> None:
    raise _OutOfTime


def _answer(job: dict[str, Any], raw: bytes) -> tuple[dict[str, Any], bytes]:
    at: list[int | None] = [None]
    try:
        with _budget():
            document = raw.decode()
            return _schema(document) if job["do"] == "schema" else _message(job, document, at)
    except _OutOfTime:
        why = TOO_LONG
    except MemoryError:
        why = "It takes too much memory to examine."
    except UnusableError as error:
        why = f"The schema cannot be held against it. {error}"
    except Exception as error:  # noqa: BLE001 — a library's own fault; its words would repeat the message
        why = f"It cannot be examined ({type(error).__name__})."
    return {"failed": why, "failedAt": at[0]}, b""


@contextlib.contextmanager
def _budget() -> Iterator[None]:
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    # Python hears a signal between two steps of its own, and one step of C code may last for hours: this one kills.
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS + LEEWAY_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _schema(text: str) -> tuple[dict[str, Any], bytes]:
    try:
        schemas.check(text)
    except UnusableError as error:
        return {"unusable": str(error)}, b""
    return {}, b""


def _message(job: dict[str, Any], document: str, at: list[int | None]) -> tuple[dict[str, Any], bytes]:
    """Credentials first: what is redacted is what must fit the schemas."""
    answer: dict[str, Any] = {}
    kept = b""
    if job["guard"] != "pass":
        scan = guard.scan(document)
        answer |= {"count": scan.count, "found": [{"pointer": p.pointer, "kind": p.kind} for p in scan.places]}
        if scan.count and (job["guard"] == "refuse" or scan.redacted is None):
            return answer, b""
        if scan.count and scan.redacted is not None:
            document, kept = scan.redacted, scan.redacted.encode()
    for service_id, text in job["schemas"].items():
        at[0] = int(service_id)
        if broken := schemas.violations(text, document):
            answer["broken"] = {service_id: [{"pointer": b.pointer, "reason": b.reason} for b in broken]}
            break
    return answer, kept


if __name__ == "__main__":
    main()
