"""A repository in a temporary folder, its bare remote, and release.py as a process in it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

DIGEST = "sha256:" + "5e" * 32
IMAGE = f"ghcr.io/zekt-dev-org/zekt-action@{DIGEST}"
CHANGELOG = "# Changelog\n\nThe form.\n\n## [Unreleased]\n\n{sections}"
SECTION = "## [{version}] - {date}\n\nA word before.\n\n### Added\n\n- What is new in {version}.\n\n"


@dataclass(frozen=True)
class Done:
    """How release.py ended."""

    code: int
    told: dict[str, str]
    out: str
    error: str


@dataclass(frozen=True)
class Checkout:
    """A clone of a bare repository, as a runner makes one; what it commits is pushed to main."""

    folder: Path
    remote: Path
    script: Path

    def git(self, *arguments: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=at or self.folder, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()

    def write(self, **files: str) -> None:
        """Write CHANGELOG.md (`changelog`) and pyproject.toml's version (`version`), commit and push."""
        if "changelog" in files:
            (self.folder / "CHANGELOG.md").write_text(files["changelog"], encoding="utf-8")
        if "version" in files:
            text = f'[project]\nname = "zekt"\nversion = "{files["version"]}"\n'
            (self.folder / "pyproject.toml").write_text(text, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A change")
        self.git("push", "--quiet", "origin", "HEAD:main")

    def prepare(self, *versions: str, date: str = "2026-01-31") -> None:
        """Make main ready for the first of these versions; the others were before."""
        sections = "".join(SECTION.format(version=version, date=date) for version in versions)
        self.write(changelog=CHANGELOG.format(sections=sections), version=versions[0])

    def tag(self, name: str) -> None:
        self.git("push", "--quiet", "origin", f"HEAD:refs/tags/{name}")

    def tags(self) -> dict[str, str]:
        """What the remote has."""
        lines = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags", at=self.remote)
        return dict(line.split(" ") for line in lines.splitlines())

    def release(self, *arguments: str) -> Done:
        """Run release.py as the workflow does: on the tag's commit, without a branch."""
        self.git("checkout", "--quiet", "--detach")
        done = subprocess.run(
            [sys.executable, "-I", str(self.script), *arguments],
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Traceback" not in done.stderr
        told = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        return Done(done.returncode, told, done.stdout, done.stderr)

    def refused(self, *arguments: str) -> str:
        """The sentence with which it refuses; the remote's tags are then as they were."""
        before = self.tags()
        done = self.release(*arguments)
        assert (done.code, done.out) == (1, "")
        assert self.tags() == before
        assert done.error.count("\n") == 1
        return done.error.removeprefix("::error title=Not released::").strip()


@pytest.fixture
def image() -> str:
    return IMAGE


@pytest.fixture
def checkout(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """With this project's own action.yml, and whoever runs the tests unknown to git."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    made = Checkout(tmp_path / "checkout", tmp_path / "remote.git", root / ".github/scripts/release.py")
    made.git("init", "--quiet", "--bare", "--initial-branch=main", str(made.remote), at=tmp_path)
    made.git("clone", "--quiet", str(made.remote), str(made.folder), at=tmp_path)
    made.git("config", "user.name", "Somebody")
    made.git("config", "user.email", "somebody@example.com")
    shutil.copy(root / "action.yml", made.folder)
    (made.folder / "folder").mkdir()
    (made.folder / "folder" / "file").write_text("of the tree\n", encoding="utf-8")
    made.prepare("0.2.0", "0.1.0")
    return made
