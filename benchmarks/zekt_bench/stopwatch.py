"""Runs commands one at a time and tells what the kernel counted for each: `python -m zekt_bench.stopwatch`.

A process of its own, and a small one: until it has begun its own program a child is as large as its parent, and its
peak would be the parent's.
"""

import json
import os
import sys
import time
from typing import Any


def timed(arguments: list[str], environment: dict[str, str], folder: str) -> dict[str, Any]:
    """Start it and wait for its end; what it prints goes into `folder`/log."""
    log = os.open(f"{folder}/log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(folder)
            for stream in (1, 2):
                os.dup2(log, stream)
            os.execve(arguments[0], arguments, environment)  # noqa: S606 — our own command, without a shell
        finally:
            os._exit(127)
    _, status, used = os.wait4(child, 0)
    seconds = time.monotonic() - began
    os.close(log)
    return {
        "seconds": seconds,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_rss": used.ru_maxrss / 1024,
        "code": os.waitstatus_to_exitcode(status),
    }


def main() -> None:
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        told = json.loads(line)
        sys.stdout.write(json.dumps(timed(told["arguments"], told["environment"], told["folder"])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
