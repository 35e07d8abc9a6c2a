"""A disk that is really full: a file system of eight megabytes under the table of messages."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from zekt_testing.bench import answered
from zekt_testing.broker import Zekt
from zekt_testing.invariants import half_written

pytestmark = pytest.mark.long


@pytest.fixture
def disk(postgres: str) -> Iterator[Path]:
    """Mounted, and the database server's own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    server = Path(str(psycopg.conninfo.conninfo_to_dict(postgres)["host"])).stat().st_uid
    with tempfile.TemporaryDirectory(prefix="zekt-disk-") as folder:
        Path(folder).chmod(0o711)
        disk = Path(folder) / "disk"
        disk.mkdir()
        options = f"size=8m,mode=0700,uid={server}"
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "zekt-test", disk], check=False)
        if mounted.returncode != 0:
            pytest.skip("this machine lets nobody mount a file system")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def small(disk: Path, start: Callable[..., Zekt], postgres: str) -> Iterator[Zekt]:
    """A broker whose messages lie on that disk."""
    (disk / "tables").mkdir(mode=0o700)
    os.chown(disk / "tables", disk.stat().st_uid, -1)
    zekt = start(work=False)
    with psycopg.connect(postgres, autocommit=True) as owner:
        owner.execute(f"CREATE TABLESPACE tiny LOCATION '{disk / 'tables'}'".encode())
        zekt.sql("ALTER TABLE messages SET TABLESPACE tiny")
        yield zekt
        zekt.sql("ALTER TABLE messages SET TABLESPACE pg_default")
        owner.execute("DROP TABLESPACE tiny")


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left on device"):
        file.writelines(bytes(4096) for _ in range(100_000))
    return ballast


def test_a_full_disk_is_a_503_until_there_is_room(small: Zekt, disk: Path) -> None:
    run = small.start_run()
    large = b'"' + b"x" * 500_000 + b'"'
    assert answered(small.send(run, raw=large, messageId="before"))
    ballast = fill(disk)
    with pytest.raises(psycopg.errors.DiskFull):
        small.sql("CREATE TABLE more TABLESPACE tiny AS SELECT n FROM generate_series(1, 100000) n")
    for _ in range(3):
        assert not answered(small.send(run, raw=large, messageId="while"))
    assert small.sql("SELECT count(*) FROM messages") == [(1,)]
    ballast.unlink()
    assert answered(small.send(run, raw=large, messageId="while"))
    (answer,) = small.github.finish_run(run)
    assert answer.status_code == 202
    assert small.sql("SELECT count(*) FROM deliveries") == [(2,)]
    assert half_written(small) == []
