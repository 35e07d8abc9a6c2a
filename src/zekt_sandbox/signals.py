"""What ends a program from outside: Ctrl-C, a service manager, a closed terminal."""

import signal
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

_LOOK_SECONDS = 0.5

Done = TypeVar("Done")


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn the first of these signals into one KeyboardInterrupt: nothing that was started may stay behind.

    SIGINT counts even where it was inherited as ignored, as it is by what a script starts with `&`; SIGHUP does not,
    for that is what `nohup` asks for. Main thread only.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def interrupt(_number: int, _frame: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut the clearing up short
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def until(done: Future[Done]) -> Done:
    """A future's result, waited for so that no signal is missed. Main thread only.

    Python's handlers run in the main thread, between two of its instructions. A signal that the system hands to another
    thread, or that comes just before the main thread begins to wait, does not end that wait: so none is long.
    """
    while True:
        try:
            return done.result(_LOOK_SECONDS)
        except TimeoutError:
            if done.done():  # with a TimeoutError of its own, or just now
                return done.result()
