"""`zekt demo` as a new user starts it: a process of its own, and nothing left of it afterwards."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

pytestmark = pytest.mark.long

SHOP, INFRA = "shop-team/orders", "infra-team/platform"


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the demo makes its own folder; short, because PostgreSQL's socket must fit into 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="zd-") as folder:
        yield Path(folder)


@dataclass
class Demo:
    process: subprocess.Popen[str]
    told: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self) -> None:
        for line in self.process.stderr or ():
            with self.changed:
                self.told.append(line)
                self.changed.notify_all()

    def wait_for(self, words: str) -> str:
        """The first line of stderr with these words."""

        def found() -> list[str]:
            return [line for line in self.told if words in line]

        with self.changed:
            assert self.changed.wait_for(lambda: bool(found()), 60), "".join(self.told)
            return found()[0]


@contextmanager
def _demo(root: Path, place: Path, *options: str, python_path: str = "") -> Iterator[Demo]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ZEKT_")},
        "PYTHONPATH": os.pathsep.join(filter(None, [str(root / "src"), python_path])),
        "TMPDIR": str(place),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "zekt_backend.cli", "demo", "--json", *options],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        demo = Demo(process)
        reader = threading.Thread(target=demo.read)
        reader.start()
        try:
            yield demo
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60)
            reader.join(10)


def _left_behind(place: Path) -> list[str]:
    """Command lines of processes that name the demo's folder, and folders in it."""
    running = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it ended while we looked
            continue
        if str(place) in command:
            running.append(command)
    return [*running, *(str(path) for path in place.iterdir() if path.is_dir())]


@pytest.mark.alone  # it promises to take a minute at most
def test_the_demo_brings_an_order_there_and_its_answer_back(root: Path, place: Path) -> None:
    began = time.monotonic()
    with _demo(root, place) as demo:
        assert demo.process.stdout is not None
        said = demo.process.stdout.read()
        code = demo.process.wait(60)
    assert code == 0, "".join(demo.told)
    assert time.monotonic() - began < 60
    assert said.count("\n") == 1
    result: dict[str, Any] = json.loads(said)
    assert result["ok"] is True
    there, back = result["deliveries"]
    assert (there["provider"], there["consumer"], there["eventType"]) == (SHOP, INFRA, "infrastructure-order")
    assert (back["provider"], back["consumer"], back["eventType"]) == (INFRA, SHOP, "infrastructure-ready")
    assert there["correlationId"] != back["correlationId"]
    for each in (there, back):
        assert (each["status"], each["attempts"]) == ("completed", 1)
        assert each["deliveryId"].startswith("delivery-")
        assert [step["to"] for step in each["history"]] == ["pending", "dispatched", "confirmed", "completed"]
    hops = {(hop["from"], hop["to"]) for hop in result["timeline"]}
    assert hops >= {("shop-team", "Zekt"), ("Zekt", "infra-team"), ("infra-team", "Zekt"), ("Zekt", "shop-team")}
    assert _left_behind(place) == []


def test_kept_running_it_can_be_looked_at_until_ctrl_c(root: Path, place: Path) -> None:
    with _demo(root, place, "--keep") as demo:
        assert demo.process.stdout is not None
        result = json.loads(demo.process.stdout.readline())
        token = demo.wait_for("Bearer ").split("Bearer ")[1].split("'")[0]
        headers = {"Authorization": f"Bearer {token}"}
        listed = requests.get(f"{result['broker']}/api/deliveries", headers=headers, timeout=10).json()
        assert {each["status"] for each in listed["deliveries"]} == {"completed"}
        there, back = result["deliveries"]
        chain = requests.get(
            f"{result['broker']}/api/traces/{back['correlationId']}", headers=headers, timeout=10
        ).json()
        hops = [(hop["parent"], hop["deliveryId"], hop["provider"], hop["consumer"]) for hop in chain["hops"]]
        assert hops == [(None, there["deliveryId"], SHOP, INFRA), (1, back["deliveryId"], INFRA, SHOP)]
        assert len(requests.get(f"{result['github']}/_sandbox/dispatches", timeout=10).json()) == 2
        console = demo.wait_for("the console").split()[2]
        entered = requests.Session()
        here = {"Origin": console.rstrip("/")}
        assert "Overview" in entered.post(f"{console}sign-in", data={"login": "sam"}, headers=here, timeout=30).text
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(60) == 0
    assert _left_behind(place) == []


def test_ctrl_c_in_the_middle_stops_all_of_it(root: Path, place: Path) -> None:
    with _demo(root, place) as demo:
        demo.wait_for("the broker serves at")
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(60) == 130
    assert _left_behind(place) == []


def test_a_failure_is_told_with_its_reason_and_exit_code_1(root: Path, place: Path, tmp_path: Path) -> None:
    """The broker's process is made to end as soon as it starts."""
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nif 'serve' in sys.orig_argv: os._exit(3)\n")
    with _demo(root, place, python_path=str(tmp_path)) as demo:
        assert demo.process.stdout is not None
        result = json.loads(demo.process.stdout.read())
        assert demo.process.wait(60) == 1
    assert result["ok"] is False
    assert result["error"] == "`zekt serve` ended with exit code 3"
    assert "The demo failed: `zekt serve` ended with exit code 3\n" in demo.told
    assert _left_behind(place) == []
