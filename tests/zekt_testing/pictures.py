"""`make pictures`: what the console shows of the demo, for docs/console.md."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zekt_testing.browser import Visitor, chromium

FOLDER = Path(__file__).resolve().parents[2] / "docs/images"

# name, who looks, where
SHOTS = (
    ("overview", "sam", "/"),
    ("workflows", "sam", "/provider/workflows"),
    ("services", "sam", "/provider/services"),
    ("delivery-status", "sam", "/provider/deliveries"),
    ("subscriptions", "ida", "/consumer/subscriptions"),
    ("directory", "ida", "/directory"),
    ("brokering", "ida", "/brokering"),
    ("connections", "sam", "/connections"),
)
_STOP_SECONDS = 60


@contextlib.contextmanager
def demo() -> Iterator[dict[str, Any]]:
    """What a demo that goes on running said of itself."""
    command = [sys.executable, "-m", "zekt_backend.cli", "demo", "--keep", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_STOP_SECONDS)


def take(folder: Path) -> None:
    """Each of `SHOTS`, and one delivery's timeline and connection's diagnostics, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    with demo() as told, chromium() as browser:
        people: dict[str, Visitor] = {}
        delivery = told["deliveries"][0]
        shots = [*SHOTS, ("delivery", "sam", f"/deliveries/{delivery['deliveryId']}")]
        shots.append(("trace", "sam", f"/traces/{delivery['correlationId']}"))
        for name, who, where in shots:
            if who not in people:
                people[who] = Visitor(browser, told["broker"])
                people[who].become(who)
            page = people[who].page
            answer = page.goto(where)
            assert answer is not None
            assert answer.ok, f"{where}: {answer.status}"
            page.screenshot(path=folder / f"{name}.png")
        for visitor in people.values():
            visitor.leave()


if __name__ == "__main__":
    take(FOLDER)
