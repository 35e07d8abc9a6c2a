"""`zekt sandbox up` as somebody starts it on a laptop, and the other verbs beside it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zekt_backend.cli import app
from zekt_backend.errors import ZektError

ZEKT = (sys.executable, "-m", "zekt_backend.cli")
SECONDS = 180
"""Until something must have happened that needs no container, on a machine with other things to do."""

# Docker as far as `zekt sandbox up` asks for it before the first run: which engine, and that it answers.
_NO_DOCKER = """#!/bin/sh
case "$1" in
  context) echo unix:///nonexistent/docker.sock ;;
  version) echo 1.0 ;;
  *) exit 1 ;;
esac
"""


@dataclass
class Up:
    """A sandbox that runs, and what it has told."""

    process: subprocess.Popen[str]
    environment: dict[str, str]
    folder: Path
    told: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self) -> None:
        for line in self.process.stdout or ():
            with self.changed:
                self.told.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.told.append("")
            self.changed.notify_all()

    def wait_for(self, *words: str, after: int = 0, seconds: float = SECONDS) -> int:
        """The number of the first line from `after` on that has all of these words."""

        def found() -> list[int]:
            return [n for n in range(after, len(self.told)) if all(word in self.told[n] for word in words)]

        with self.changed:
            self.changed.wait_for(lambda: bool(found()) or self.process.poll() is not None, seconds)
            assert found(), f"no {words} in\n" + "\n".join(self.told)
            return found()[0]

    @property
    def port(self) -> str:
        """As the commands that it proposes have it."""
        line = self.told[self.wait_for("zekt sandbox ps --port")]
        return line.split()[-1]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS)


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def said_by(*arguments: str) -> Said:
    """`zekt …` in this process, with the end that `zekt_backend.cli.main` gives it."""
    done = CliRunner().invoke(app, arguments)
    if isinstance(done.exception, ZektError):
        return Said(1, done.stdout, f"{done.exception.code}: {done.exception.detail}")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Said(done.exit_code, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def surroundings(root: Path) -> dict[str, str]:
    """This process's variables without settings of Zekt's, and as in a pipe."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZEKT_")}
    return {**kept, "PYTHONPATH": str(root / "src"), "COLUMNS": "200", "TERM": "dumb"}


@pytest.fixture(scope="session")
def without_docker(surroundings: dict[str, str]) -> Iterator[dict[str, str]]:
    """The same, with a `docker` that says it is there and runs nothing."""
    with tempfile.TemporaryDirectory(prefix="zl-") as name:
        docker = Path(name) / "docker"
        docker.write_text(_NO_DOCKER, encoding="utf-8")
        docker.chmod(0o755)
        yield {**surroundings, "PATH": f"{name}{os.pathsep}{surroundings['PATH']}"}


@pytest.fixture(scope="session")
def example(root: Path) -> Callable[[Path], Path]:
    """Copies the example of two organisations, for a test to change."""

    def copy(into: Path) -> Path:
        return Path(shutil.copytree(root / "examples/order-new-infrastructure", into / "zekt-try"))

    return copy


@contextmanager
def starting(folder: Path, environment: dict[str, str], *options: str) -> Iterator[Up]:
    """A sandbox on ports that were free, until the block ends. Its own folders are made beside `folder`."""
    environment = {**environment, "TMPDIR": str(folder.parent)}
    with subprocess.Popen(
        [*ZEKT, "sandbox", "up", str(folder), "--port", "0", "--broker-port", "0", *options],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        up = Up(process, environment, folder)
        reader = threading.Thread(target=up.read)
        reader.start()
        try:
            yield up
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(SECONDS)
            reader.join(10)


@pytest.fixture(scope="module")
def up(without_docker: dict[str, str], example: Callable[[Path], Path]) -> Iterator[Up]:
    """One for a file's tests: no container ever starts there."""
    # A short name: PostgreSQL's socket must fit into 107 bytes, which pytest's own folders do not leave.
    with tempfile.TemporaryDirectory(prefix="zl-") as name, starting(example(Path(name)), without_docker) as running:
        yield running
