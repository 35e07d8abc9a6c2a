"""Folders that are repositories: `FOLDER/owner/name/`. They are read anew whenever something runs."""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zekt_sandbox.local.errors import LocalError
from zekt_sandbox.workflows import FOLDER
from zekt_workflows.errors import MAX_BYTES

MAX_FILES = 20_000
MAX_TOTAL_BYTES = 200_000_000
"""What is copied for one run; more is taken for a mistake, such as a folder of dependencies."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_NEVER = frozenset({".git", ".hg", ".svn", ".zekt", ".ds_store"})
"""In lower case: where a file system does not tell cases apart, `.GIT` would be the copy's `.git`."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One repository of the user's."""

    full_name: str
    path: Path

    def workflows(self) -> dict[str, str]:
        """The text of each workflow file by its path in the repository, as it is this moment.

        What is no UTF-8, or too long to be read as a workflow, comes with what could be read of it: whoever reads it
        as a workflow says why it is none.
        """
        home = self.path / FOLDER
        if not home.is_dir() or not _inside(home, self.path):
            return {}
        found = sorted(each for each in home.iterdir() if each.suffix in {".yml", ".yaml"})
        return {f"{FOLDER}/{each.name}": _text(each) for each in found if each.is_file() and _inside(each, self.path)}

    def copy_to(self, target: Path) -> list[str]:
        """Copy what a push would bring, and give what was left out: links that lead out of the folder.

        Raises:
            LocalError: there is more than `MAX_FILES` or `MAX_TOTAL_BYTES`.
        """
        left_out: list[str] = []
        files = total = 0
        target.mkdir(parents=True)
        for source, entry in _walk(self.path):
            made = target / source.relative_to(self.path)
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                if _inside(source, self.path) and not source.readlink().is_absolute():
                    made.symlink_to(source.readlink())
                else:
                    left_out.append(str(source.relative_to(self.path)))
                continue
            if stat.S_ISDIR(mode):
                made.mkdir()
            elif stat.S_ISREG(mode):
                files, total = files + 1, total + entry.stat(follow_symlinks=False).st_size
                self._bound(files, total)
                shutil.copy(source, made, follow_symlinks=False)
        return left_out

    def _bound(self, files: int, total: int) -> None:
        if files > MAX_FILES or total > MAX_TOTAL_BYTES:
            raise LocalError(
                f"{self.path} holds more than {MAX_FILES:,} files or {MAX_TOTAL_BYTES // 1_000_000} MB, and each run"
                " gets a copy of it. Move what is no part of the repository (dependencies, builds, data) out of it."
            )


def find(root: Path) -> list[Folder]:
    """The repositories under a folder: `owner/name/` which holds `.github/`.

    Raises:
        LocalError: there is no such folder, or none of them in it.
    """
    if not root.is_dir():
        raise LocalError(f"There is no folder {root}. It holds repositories as owner/name/.github/workflows/NAME.yml.")
    found = [
        Folder(f"{owner.name}/{name.name}", name.resolve())
        for owner in _folders(root)
        for name in _folders(owner)
        if (name / ".github").is_dir()
    ]
    if not found:
        raise LocalError(
            f"{root} holds no repository. Make one: mkdir -p {root}/my-team/my-repo/.github/workflows, and put a"
            " workflow file there."
        )
    return found


def _folders(parent: Path) -> list[Path]:
    listed = sorted(parent.iterdir())
    return [
        each
        for each in listed
        if _NAME.fullmatch(each.name) and not each.name.startswith(".") and each.is_dir() and not each.is_symlink()
    ]


def _walk(folder: Path) -> Iterator[tuple[Path, os.DirEntry[str]]]:
    """Every entry below, folders before what is in them, and no link followed."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.name.casefold() in _NEVER:
                continue
            yield Path(entry.path), entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8", "replace")
    except OSError:  # not ours to read, or gone this moment
        return ""
