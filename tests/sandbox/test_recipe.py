"""The recipe of docs/sandbox.md does what it says: it is taken out of the document and run."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

# A recipe that stops half-way still ends what it started.
_ENDING = "trap 'kill $(jobs -p) 2>/dev/null && wait' EXIT\n"


@pytest.fixture
def checkout(root: Path) -> Iterator[Path]:
    """As a clone looks after `make demo`. Its path is short: PostgreSQL's socket must fit into 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="zr-") as name:
        folder = Path(name)
        for each in ("src", "examples"):
            (folder / each).symlink_to(root / each)
        (folder / ".venv/bin").mkdir(parents=True)
        for command, module in (("python", ""), ("zekt", "-m zekt_backend.cli")):
            script = folder / ".venv/bin" / command
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n', encoding="utf-8")
            script.chmod(0o755)
        yield folder


def _free_ports(number: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [str(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _recipe(root: Path) -> str:
    (block,) = re.findall(
        r"^```bash\n(.*?)^```$", (root / "docs/sandbox.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    sandbox, broker = _free_ports(2)
    return str(block).replace("8760", sandbox).replace("8750", broker)


def _environment(root: Path, folder: Path) -> dict[str, str]:
    ours = ("ZEKT_", "INPUT_", "GITHUB_", "ACTIONS_", "RUNNER_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    as_root = {"ZEKT_EMBEDDED_AS_ROOT": "1"} if os.geteuid() == 0 else {}
    return {**kept, **as_root, "PYTHONPATH": str(root / "src"), "TMPDIR": str(folder)}


def test_a_message_goes_from_one_organisation_to_another_as_the_document_has_it(root: Path, checkout: Path) -> None:
    """A shell that stops at the first command that fails, in a group of its own, so that nothing can stay behind."""
    with subprocess.Popen(
        ["bash", "-euc", _ENDING + _recipe(root)],
        cwd=checkout,
        env=_environment(root, checkout),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            told, _ = shell.communicate(timeout=120)
        finally:
            with suppress(ProcessLookupError):  # all of it has ended already
                os.killpg(shell.pid, signal.SIGTERM)
    assert shell.returncode == 0, told
    states = re.findall(r"infrastructure-order │ (\w+)", told)
    assert states in (["dispatched", "completed"], ["pending", "completed"]), told
    assert "Sent infrastructure-order: 29 bytes" in told
    assert told.count("The sandbox has stopped.") == 1
