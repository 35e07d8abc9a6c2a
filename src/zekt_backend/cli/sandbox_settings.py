"""What opens the broker of `zekt sandbox up`, in a file for its user alone: runs share this machine's ports."""

import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from zekt_backend.errors import ZektError

_NOT_FOR_OTHERS = 0o077


def place(port: int) -> Path:
    """The file of the sandbox at that port."""
    return Path(tempfile.gettempdir()) / f"zekt-{os.getuid()}" / f"sandbox-{port}.json"


@contextmanager
def kept(port: int, settings: Mapping[str, Any]) -> Iterator[None]:
    """Keep them there until the block ends.

    Raises:
        ZektError: `sandbox_refused`, the folder is somebody else's.
    """
    path = place(port)
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700)
    _see_whose(path.parent)
    path.unlink(missing_ok=True)  # that of one that was killed
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        yield
    finally:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # another sandbox has its own there
            path.parent.rmdir()


def read(port: int) -> dict[str, Any] | None:
    """What is kept for that port, None where nothing is.

    Raises:
        ZektError: `sandbox_refused`, somebody else may have written it.
    """
    path = place(port)
    try:
        _see_whose(path.parent)
        _see_whose(path)
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found


def _see_whose(path: Path) -> None:
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & _NOT_FOR_OTHERS:
        raise ZektError(
            "sandbox_refused",
            f"{path} is not yours alone, so others could read or write what opens the broker. Remove it, or set TMPDIR"
            " to a folder of your own in this terminal and the others; then start `zekt sandbox up FOLDER` again.",
        )
