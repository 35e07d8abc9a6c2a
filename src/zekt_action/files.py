"""Read a file that an input names: inside the workspace or RUNNER_TEMP, regular, and bounded. 3.9."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from zekt_action.errors import ActionError

if TYPE_CHECKING:
    from zekt_action.inputs import Job

_RUNNER_TEMP_IN_CONTAINER = Path("/github/runner_temp")
"""Where a runner mounts RUNNER_TEMP for a Docker action."""

_MAX_SHOWN = 200
"""Characters of a path that an error shows."""

_CONTAINERS_OWN = Path("/github")
"""Under which a runner mounts everything for a Docker action: what is named there is not a path of the host."""


def read(name: str, job: Job, *, limit: int) -> bytes:
    """Return the file's bytes, at most `limit`.

    Args:
        name: as the workflow gave it: absolute, or relative to the workspace. A path of the host, which some
            runners do not translate for a container, is understood too.
        job: has the workspace, RUNNER_TEMP, and the repository, whose name the host's folders bear.
        limit: in bytes; never more than one byte above it is read.

    Raises:
        ActionError: one of the `file_…` codes.
    """
    roots = [root.resolve() for root in (job.workspace, job.temp, _RUNNER_TEMP_IN_CONTAINER) if root is not None]
    path = _inside_container(name, job)
    name = name[:_MAX_SHOWN]
    path = _resolve(path, name)
    if not any(path == root or root in path.parents for root in roots):
        raise ActionError("file_outside", f"{name} leads outside the workspace and RUNNER_TEMP.")
    raw, size = _read(path, name, limit)
    if len(raw) > limit:
        raise ActionError("file_too_large", f"{name} has {size:,} bytes; at most {limit:,} are allowed.")
    return raw


def _inside_container(name: str, job: Job) -> Path:
    """Where a path of the host lies here: <work>/_temp/… or <work>/<repository>/<repository>/…, at its first place.

    A path that is already of this side means what it says, though nothing be there.
    """
    path = (job.workspace or Path.cwd()) / name
    ours = {root for root in (job.workspace, job.temp, _CONTAINERS_OWN) if root is not None}
    if not name.startswith("/") or _exists(path) or ours & {path, *path.parents}:
        return path
    _, of_temp, rest = name.partition("/_temp/")
    if of_temp:
        places = [root / rest for root in (job.temp, _RUNNER_TEMP_IN_CONTAINER) if root is not None]
        return next(filter(_exists, places), path)
    repository = job.repository.rpartition("/")[2]
    _, of_workspace, rest = name.partition(f"/{repository}/{repository}/")
    return job.workspace / rest if repository and of_workspace and job.workspace is not None else path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # the name is too long, or a folder on the way is closed: opening it will say so
        return False


def _resolve(path: Path, name: str) -> Path:
    try:
        return path.resolve(True)
    except FileNotFoundError:
        raise ActionError("file_missing", f"{name} does not exist (looked at {str(path)[:_MAX_SHOWN]}).") from None
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # links in a circle are a RuntimeError up to Python 3.12
        raise ActionError("file_unreadable", f"{name}: {_reason(error)}.") from None


def _read(path: Path, name: str, limit: int) -> tuple[bytes, int]:
    """Open without following a link set meanwhile, and without waiting for a pipe's other end."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_dir():
            raise ActionError("file_is_directory", f"{name} is a directory.")
        with os.fdopen(os.open(path, flags), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise ActionError("file_unreadable", f"{name} is not a regular file.")
            return file.read(limit + 1), state.st_size
    except OSError as error:
        raise ActionError("file_unreadable", f"{name}: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "its links lead in a circle"
