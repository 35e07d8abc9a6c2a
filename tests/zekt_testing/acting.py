"""Workflows as users write them, run by act: each as one run of the sandbox's, in a repository of its own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from zekt_sandbox.local.checkout import Checkout, without_same

REF = "v1"
"""By which the workflows of these tests name this project."""


def staged(root: Path, folder: Path, caller: str) -> Path:
    """What a runner would download of this project, its `uses: $/…` in the words that act knows.

    Its reusable workflows bear the name of the caller, which is what GitHub has as GITHUB_WORKFLOW in them; act has
    their own. https://docs.github.com/actions/how-tos/reuse-automations/reuse-workflows
    """
    found = Checkout(folder, root).path
    for path in found.glob(".github/workflows/zekt-*.yml"):
        text = without_same(path.read_text("utf-8"), REF)
        path.write_text(re.sub(r"^name: .*$", f"name: {caller}", text, count=1, flags=re.MULTILINE), "utf-8")
    return found


@dataclass(frozen=True)
class Acted:
    """A run that act has ended."""

    code: int
    log: str


@dataclass
class Act:
    """act, as a runner of the sandbox's runs."""

    image: str
    """Of `ubuntu-latest`."""
    home: Path
    local: dict[str, Path]
    """Repositories at a ref that are not fetched but taken from a folder."""
    variables: dict[str, str] = field(default_factory=dict)
    """`vars` of the repository."""

    def __call__(self, github_run: Any, workflow: str, files: Mapping[str, str] | None = None) -> str:
        """Run a workflow, which succeeds; gives what act printed."""
        done = self.run(github_run, workflow, files or {})
        assert done.code == 0, f"act said {done.code}\n{done.log}"
        return done.log

    def run(self, github_run: Any, workflow: str, files: Mapping[str, str]) -> Acted:
        """Run it in a repository with these files; a script is one that begins with `#!`."""
        found = shutil.which("act", path=str(Path(sys.executable).parent)) or shutil.which("act")
        if found is None:
            pytest.skip("there is no act command here; `make test` installs it")
        folder = self.home / f"{github_run.repository.name}-{github_run.id}"
        repository = _repository(folder, github_run.repository.full_name, {github_run.workflow: workflow, **files})
        event = self.home / f"{github_run.id}.json"
        environment = github_run.environment(event)
        told = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT")
        done = subprocess.run(
            [
                found, github_run.event, "--directory", str(repository), "--eventpath", str(event),
                "--workflows", str(repository / github_run.workflow),
                "--platform", f"ubuntu-latest={self.image}", "--pull=false", "--rm", "--container-daemon-socket", "-",
                *(part for name, path in self.local.items() for part in ("--local-repository", f"{name}={path}")),
                *(part for name in told for part in ("--env", f"{name}={environment[name]}")),
                *(part for name, value in self.variables.items() for part in ("--var", f"{name}={value}")),
            ],
            env={**os.environ, "HOME": str(self.home), "XDG_CACHE_HOME": str(self.home / "cache")},
            check=False, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        return Acted(done.returncode, f"{done.stdout}\n{done.stderr}")


def _repository(folder: Path, full_name: str, files: Mapping[str, str]) -> Path:
    """A git repository with these files; act reads the owner and name from its remote."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    who = ["-c", "user.name=Octocat", "-c", "user.email=octocat@example.org", "-c", "init.defaultBranch=main"]
    for command in (
        ["init", "--quiet"],
        ["remote", "add", "origin", f"https://github.com/{full_name}"],
        ["add", "."],
        ["commit", "--quiet", "--message", "A workflow"],
    ):
        subprocess.run(["git", *who, *command], cwd=folder, check=True, timeout=60)
    return folder
