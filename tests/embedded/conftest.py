"""Real processes with real PostgreSQL servers, all ended by their id."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest

from zekt_backend.store.embedded import Embedded

_HOLDER = """
import sys
from pathlib import Path
from zekt_backend.store.embedded import Embedded
held = Embedded.start(Path(sys.argv[1]), as_root_allowed=True)
print(held.pid, held.url, flush=True)
sys.stdin.read()
held.stop()
"""


def _end_servers(folder: Path) -> None:
    """Whatever a failing test left: PostgreSQL processes that work under this folder."""
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if process.info["name"] == "postgres" and Path(process.cwd()).is_relative_to(folder):
                arguments = process.cmdline()
                process.kill()
                if "-k" in arguments:
                    sockets = Path(arguments[arguments.index("-k") + 1])
                    shutil.rmtree(sockets, ignore_errors=True)
                process.wait(5)


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    made = Path(tempfile.mkdtemp(prefix="zekt-")).resolve()
    yield made / "data"
    _end_servers(made)
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def made_before() -> Iterator[Path]:
    """A folder whose server was started and stopped; made once, since initdb takes a second."""
    made = Path(tempfile.mkdtemp(prefix="zekt-")).resolve()
    Embedded.start(made / "data", as_root_allowed=True).stop()
    yield made / "data"
    shutil.rmtree(made)


@pytest.fixture
def cluster(short_dir: Path, made_before: Path) -> Path:
    """PostgreSQL's own folder of a stopped server in `short_dir`."""
    subprocess.run(["cp", "-a", made_before, short_dir], check=True)  # Owners stay as they are, unlike with shutil.
    return short_dir / "postgres"


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder whose path is too long for a socket, with what a shell would trip over.

    Not under pytest's own folder, which every pytest that starts closes to the server's user.
    """
    made = Path(tempfile.mkdtemp(prefix="zekt-")).resolve()
    yield made / ("long " * 12) / "$(touch x) 'quoted' \"twice\""
    _end_servers(made)
    shutil.rmtree(made)


class Holder:
    """Another Zekt process that holds the server."""

    def __init__(self, data_dir: Path, source: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(source)},
        )

    def ready(self) -> tuple[int, str]:
        """The server's process id and URL, once it is up."""
        assert self.process.stdout is not None
        pid, url = self.process.stdout.readline().split()
        return int(pid), url

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """End it in order, if it lives."""
        self.process.communicate(timeout=30)


@pytest.fixture
def hold(root: Path) -> Iterator[Callable[[Path], Holder]]:
    holders: list[Holder] = []

    def start(data_dir: Path) -> Holder:
        holders.append(Holder(data_dir, root / "src"))
        return holders[-1]

    yield start
    for holder in holders:
        if holder.process.poll() is None:
            holder.process.send_signal(signal.SIGKILL)
        holder.close()
