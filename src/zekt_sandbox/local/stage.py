"""What one run gets: a copy of its repository under git, and the files that act reads."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zekt_sandbox.local.errors import LocalError
from zekt_sandbox.local.folders import Folder
from zekt_sandbox.local.tools import Tools
from zekt_sandbox.shapes import SERVER_URL

_GIT_SECONDS = 120
_NOTHING_ELSE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "commit.gpgSign=false")
"""No other program is started, whatever a configuration says."""
_WHO = {
    name: value
    for part in ("AUTHOR", "COMMITTER")
    for name, value in {
        f"GIT_{part}_NAME": "Octocat",
        f"GIT_{part}_EMAIL": "octocat@example.org",
        f"GIT_{part}_DATE": "2026-01-01T00:00:00Z",  # the same files are the same commit
    }.items()
}


class RunFolder:
    """A folder of one run's own, readable by this user alone.

    Args:
        path: does not exist yet.
        folder: what the user works in.
    """

    def __init__(self, path: Path, folder: Folder) -> None:
        self.path = path
        self.folder = folder
        self.left_out: list[str] = []
        """What of the folder is not in the copy."""
        self.repository = path / folder.path.name
        """Becomes GITHUB_WORKSPACE."""
        path.mkdir(mode=0o700, parents=True)

    def fill(self, branch: str, tools: Tools) -> str:
        """Copy and commit the repository; gives the commit.

        Raises:
            LocalError: it cannot be copied, or git refuses.
        """
        try:
            self.left_out = self.folder.copy_to(self.repository)
        except (OSError, shutil.Error) as error:
            raise LocalError(f"{self.folder.path} cannot be copied: {error}") from error
        git = _Git(tools, self.repository)
        git("init", "--quiet", "--template=", f"--initial-branch={branch}")
        git("remote", "add", "origin", f"{SERVER_URL}/{self.folder.full_name}")
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "--no-verify", "--message", "What lies in the folder")
        return git("rev-parse", "HEAD").strip()

    def text(self, path: str) -> str | None:
        """A file of the repository's, if it is one and lies in it."""
        found = (self.repository / path).resolve()
        if not found.is_relative_to(self.repository.resolve()) or not found.is_file():
            return None
        return found.read_text("utf-8", "replace")

    def action_files(self) -> str:
        """The text of all its own actions, to see what they use."""
        found = [*self.repository.rglob("action.yml"), *self.repository.rglob("action.yaml")]
        return "\n".join(self.text(str(each.relative_to(self.repository))) or "" for each in found)

    def write(self, name: str, text: str) -> Path:
        """A file beside the repository, for act alone."""
        path = self.path / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def write_json(self, name: str, value: Mapping[str, Any]) -> Path:
        """The same as JSON, which is YAML too: how act takes environment and variables without a shell's quoting."""
        return self.write(name, json.dumps(value, ensure_ascii=False))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class _Git:
    def __init__(self, tools: Tools, folder: Path) -> None:
        self._git = tools.git
        self._folder = folder
        self._environment = {**tools.environment, **_WHO}

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - git, arguments of our own
            [self._git, *_NOTHING_ELSE, *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise LocalError(f"git {arguments[0]} failed in a copy of the folder: {done.stderr.strip()[:500]}")
        return done.stdout
