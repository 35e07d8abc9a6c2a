"""Where the embedded PostgreSQL is refused, and what is opened for it as root."""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zekt_backend.errors import ZektError
from zekt_backend.store import machine
from zekt_backend.store.machine import Account, Machine

ROOT = Account("root", 0, 0)
FINE = Machine(windows=False, musl=False, account=Account("me", 1000, 1000), binaries=Path("/bin"))


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"windows": True}, "On Windows"),
        ({"musl": True}, "musl"),
        ({"binaries": None}, "wheel"),
        ({"account": None}, "has no name"),
    ],
)
def test_a_machine_that_cannot_is_told_why_and_what_instead(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(ZektError, match=says) as caught:
        machine.usable(replace(FINE, **facts))
    assert caught.value.code == "embedded_refused"
    assert "ZEKT_DATABASE_URL" in caught.value.detail


def test_this_machine_can() -> None:
    me, binaries = machine.usable(machine.look())
    assert me.uid == os.geteuid()
    assert (binaries / "initdb").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user id without a name")
def test_a_user_id_without_a_name_is_refused_for_real(root: Path, tmp_path: Path) -> None:
    """The interpreter may be in a folder that only root can read, so the id is changed after the imports."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from zekt_backend.errors import ZektError\n"
        "from zekt_backend.store.embedded import Embedded\n"
        "os.setuid(54321)\n"
        "try: Embedded.start(Path(sys.argv[1]), as_root_allowed=True)\n"
        "except ZektError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
        timeout=30,
    )
    assert "54321 has no name" in done.stdout
    assert "ZEKT_DATABASE_URL" in done.stdout


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder of programs, closed to others as a careful umask leaves it."""
    binaries = tmp_path / "wheel" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "postgres").write_text("")
    (binaries / "postgres").chmod(0o700)
    (tmp_path / "wheel" / "share").mkdir()
    (tmp_path / "wheel" / "share" / "data.sql").write_text("")
    (tmp_path / "wheel" / "share" / "data.sql").chmod(0o600)
    for folder in (tmp_path / "wheel", binaries, tmp_path / "wheel" / "share"):
        folder.chmod(0o700)
    return binaries


def test_as_root_closed_folders_are_named_and_left_closed(programs: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(ZektError, match="ZEKT_EMBEDDED_AS_ROOT=1") as caught:
        machine.open_up(home, programs, allowed=False, uid=0)
    assert "ZEKT_DATABASE_URL" in caught.value.detail
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(programs.stat().st_mode) == 0o700


def test_as_root_with_permission_no_more_is_opened_than_is_needed(programs: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    private = home / "private"
    private.write_text("")
    private.chmod(0o600)
    machine.open_up(home, programs, allowed=True, uid=0)
    assert stat.S_IMODE(home.stat().st_mode) == 0o701
    assert stat.S_IMODE((programs / "postgres").stat().st_mode) == 0o705
    assert stat.S_IMODE((programs.parent / "share" / "data.sql").stat().st_mode) == 0o604
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    machine.open_up(home, programs, allowed=False, uid=0)


def test_an_ordinary_user_opens_nothing(programs: Path, tmp_path: Path) -> None:
    machine.open_up(tmp_path, programs, allowed=True, uid=1000)
    assert stat.S_IMODE(programs.stat().st_mode) == 0o700


def test_somebody_elses_data_is_refused(tmp_path: Path) -> None:
    stranger = Account("stranger", os.getuid() + 4_000, 4_000)
    if os.getuid() == 0:
        os.chown(tmp_path, 1, 1)
    with pytest.raises(ZektError, match="belongs to user id"):
        machine.server_account(stranger, tmp_path)


def test_data_of_ones_own_runs_as_oneself(tmp_path: Path) -> None:
    me = Account("me", tmp_path.stat().st_uid or 1000, 1000)
    assert machine.server_account(me, tmp_path / "not-there", tmp_path) is me


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_runs_the_server_as_whoever_owns_the_data(tmp_path: Path) -> None:
    os.chown(tmp_path, 1, 1)
    assert machine.server_account(ROOT, tmp_path).uid == 1
    os.chown(tmp_path, 54321, 54321)
    with pytest.raises(ZektError, match="54321, which has no name"):
        machine.server_account(ROOT, tmp_path)
