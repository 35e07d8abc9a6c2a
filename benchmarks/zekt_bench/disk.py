"""What the databases lie on: how fast a commit can be depends on it, and whether it is one at all."""

import os
import time
from pathlib import Path
from statistics import median
from tempfile import NamedTemporaryFile

import psutil  # type: ignore[import-untyped]  # it has no types

IN_MEMORY = ("tmpfs", "ramfs")
"""Where `fsync` has nothing to do."""
_BLOCK = bytes(8192)
"""As large as a page of the write-ahead log, which is the least that a commit writes."""
_TIMES = 50


def filesystem(folder: Path) -> str:
    """The kernel's name for its type, as `ext4`; `unknown` where it does not tell."""
    there = folder.resolve()
    # What was mounted last at a place hides what was there before.
    over = [each for each in reversed(psutil.disk_partitions(all=True)) if there.is_relative_to(each.mountpoint)]
    nearest = max(over, key=lambda each: len(each.mountpoint), default=None)
    return str(nearest.fstype) or "unknown" if nearest else "unknown"


def fsync_ms(folder: Path) -> float:
    """How long one page takes to be written and to be kept: the middle of several, over the same place in a file."""
    took = []
    # With a name: some file systems keep nothing of a file that has none.
    with NamedTemporaryFile(dir=folder, prefix="zekt-bench-", buffering=0) as file:
        for _ in range(_TIMES):
            began = time.perf_counter()
            os.pwrite(file.fileno(), _BLOCK, 0)
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return round(1000 * median(took), 3)
