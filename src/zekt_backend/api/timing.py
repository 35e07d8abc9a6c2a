"""When a request began, for the lines and figures that say how long it took."""

import time

from starlette.requests import Request


def begin(request: Request) -> None:
    request.state.began = time.perf_counter()


def began(request: Request) -> float:
    """As `time.perf_counter` gave it; now, where no endpoint was reached."""
    since: float = getattr(request.state, "began", None) or time.perf_counter()
    return since
