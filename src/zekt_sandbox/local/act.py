"""One process of act: its command, its lines, and its end."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zekt_sandbox.local.tools import Tools

_LINE_BYTES = 1_000_000
"""A longer line is left out: masks hold for whole lines, and no output may fill the memory."""

GRACE_SECONDS = (20.0, 8.0, 5.0)
"""How long act may take after SIGINT (steps with `if: always()` run then), after SIGTERM, and to die of SIGKILL."""


@dataclass(frozen=True, slots=True)
class Files:
    """What act is to read; secrets and tokens stand in these and never in its arguments, which everybody can list."""

    repository: Path
    workflow: Path
    event: Path
    environment: Path
    variables: Path
    secrets: Path
    inputs: Path


def command(
    tools: Tools,
    files: Files,
    event: str,
    *,
    actor: str,
    images: dict[str, str],
    labels: Sequence[str],
    overrides: Sequence[str],
    cache: Path,
    artifacts: Path,
) -> list[str]:
    """Act's command line. Containers use the host's network, where sandbox and broker listen on loopback."""
    return [
        tools.act,
        event,
        "--json",
        "--rm",
        "--pull=false",  # what is here already is good enough
        f"--directory={files.repository}",
        f"--workflows={files.workflow}",
        f"--eventpath={files.event}",
        f"--env-file={files.environment}",
        f"--var-file={files.variables}",
        f"--secret-file={files.secrets}",
        f"--input-file={files.inputs}",
        f"--actor={actor}",
        "--no-cache-server",  # it would listen to the whole network
        "--container-daemon-socket=-",  # a job that has it owns this machine; confines.py refuses other ways to it
        f"--container-options={' '.join(f'--label {each}' for each in labels)}",
        f"--action-cache-path={cache}",
        f"--artifact-server-path={artifacts}",
        "--artifact-server-addr=127.0.0.1",
        f"--artifact-server-port={_free_port()}",
        *(f"--platform={label}={image}" for label, image in images.items()),
        *(f"--local-repository={each}" for each in overrides),
    ]


def _free_port() -> int:
    """For act's store of artifacts; it cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def complaint(tools: Tools, workflow: Path) -> str:
    """Why act cannot parse a workflow; empty where it can."""
    done = subprocess.run(  # noqa: S603 - act, arguments of our own
        [tools.act, "--validate", f"--workflows={workflow}", f"--directory={workflow.parent}"],
        env=dict(tools.environment),
        cwd=tools.environment["HOME"],  # a file .actrc where it is started would be taken for its configuration
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "" if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip())[-2_000:]


class Process:
    """act while it runs, in a process group of its own.

    Args:
        arguments: as `command` makes them.
        tools: whose environment it gets.
    """

    def __init__(self, arguments: list[str], tools: Tools, folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - act, arguments of our own
            arguments,
            cwd=folder,
            env=dict(tools.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._ending = threading.Lock()

    def lines(self) -> Iterator[str]:
        """What it prints, until it closes its output; of a line that is too long, nothing but that it was there."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: we asked for a pipe
        with self._process.stdout as output:
            while piece := output.readline(_LINE_BYTES):
                if piece.endswith(b"\n") or len(piece) < _LINE_BYTES:
                    yield piece.decode("utf-8", "replace")
                    continue
                while piece and not piece.endswith(b"\n"):
                    piece = output.readline(_LINE_BYTES)
                yield "(a line of more than 1 MB)\n"

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        return self._process.wait()

    def end(self, *, politely: bool) -> None:
        """Make it end: asked (unless it must be quick), told, killed. Blocks until it has ended."""
        signals = [(signal.SIGINT, GRACE_SECONDS[0])] if politely else []
        signals += [(signal.SIGTERM, GRACE_SECONDS[1]), (signal.SIGKILL, GRACE_SECONDS[2])]
        with self._ending:
            for number, seconds in signals:
                if self._process.poll() is not None:
                    return
                self._send(number)
                try:
                    self._process.wait(seconds)
                except subprocess.TimeoutExpired:
                    continue

    def _send(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):  # it has just ended (macOS says the latter)
            return
