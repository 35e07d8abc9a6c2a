"""Shells complete what `zekt` takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHELLS = {"bash": ".bashrc", "zsh": ".zfunc/_zekt", "fish": ".config/fish/completions/zekt.fish"}


def zekt(home: Path, *arguments: str, **variables: str) -> str:
    """The command as a process, told the shell instead of looking for it among its parents."""
    told = {"HOME": str(home), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", **variables}
    done = subprocess.run(
        [sys.executable, "-m", "zekt_backend.cli", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **told},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_shown_and_installed(tmp_path: Path, shell: str) -> None:
    script = zekt(tmp_path, "--show-completion", shell)
    assert "_ZEKT_COMPLETE=complete_" in script
    assert not any(tmp_path.iterdir())
    zekt(tmp_path, "--install-completion", shell)
    assert "zekt" in (tmp_path / SHELLS[shell]).read_text()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("zekt se", {"serve", "setup", "services"}),
        ("zekt setup ", {"apply"}),
        ("zekt deliveries --st", {"--status"}),
        ("zekt deliveries --status conf", {"confirmed"}),
    ],
)
def test_commands_options_and_values_are_offered(tmp_path: Path, line: str, offered: set[str]) -> None:
    at = str(len(line.split(" ")) - 1)
    said = zekt(tmp_path, _ZEKT_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=at)
    assert set(said.split()) == offered
