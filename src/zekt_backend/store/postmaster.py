"""One PostgreSQL server on one data folder: made, started, found again, stopped.

The caller holds the folder's lock, so nobody else of ours does any of this at the same time.
"""

import hashlib
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no types; it comes with the wheel

from zekt_backend.rules.answers import printable
from zekt_backend.store.machine import MAJOR, Account, refused

PORT = 5432
"""Part of the socket's name only: the server listens on no TCP port."""

PATIENCE = 60
"""Seconds for a server to start (recovering from a crash, perhaps) or to stop."""

_CLUSTER = "postgres"
_SOCKET = f".s.PGSQL.{PORT}"
_MAX_SOCKET_PATH = 100  # bytes; Linux takes 107, macOS 103.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.+=-]+")
_MAX_LOG = 5_000_000


@dataclass(frozen=True, slots=True)
class Site:
    """Where a server lives, and who it runs as."""

    home: Path
    binaries: Path
    account: Account

    @property
    def cluster(self) -> Path:
        """PostgreSQL's own data folder. Our lock files stand beside it: initdb wants it empty."""
        return self.home / _CLUSTER

    @property
    def log(self) -> Path:
        return self.cluster / "server.log"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server, as its postmaster.pid tells: https://www.postgresql.org/docs/18/storage-file-layout.html."""

    pid: int
    socket_dir: str


def prepare(site: Site) -> None:
    """Make the data folder if there is none. A half-made one from a killed process is thrown away."""
    _check_version(site)
    if site.cluster.exists():
        return
    fresh = site.home / f"{_CLUSTER}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _hand_over(fresh, site.account)
    # Sorting by code point needs no library of the system, so the data can move between machines.
    made = _run(
        site,
        "initdb",
        *("-D", fresh.name, "-U", "postgres", "--no-instructions", "--encoding=UTF8", "--locale=C"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject"),
    )
    if made.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise refused(f"Its data folder {site.cluster} cannot be made: {_tail(made.stdout)}.")
    fresh.rename(site.cluster)


def ensure_running(site: Site) -> Postmaster:
    """Attach to the folder's server; start one when none is there.

    One that is starting, stopping, or leaving its orphans after kill -9 is waited for.
    """
    deadline = time.monotonic() + PATIENCE
    started = False
    while (found := serving(site)) is None:
        if not processes(site):
            if started:
                raise refused(f"It started and ended again: {_tail(_log_text(site))}.")
            _start(site)
            started = True
        elif time.monotonic() > deadline:
            raise refused(
                f"A server on {site.cluster} (process ids {processes(site)}) neither answers nor ends:"
                f" {_tail(_log_text(site))}. `zekt doctor --stop` stops it."
            )
        else:
            time.sleep(0.05)
    return found


def serving(site: Site) -> Postmaster | None:
    """The server, if it is ready and its socket accepts."""
    try:
        lines = (site.cluster / "postmaster.pid").read_text().splitlines()
        pid, socket_dir, status = int(lines[0]), lines[4], lines[7].strip()
    except (FileNotFoundError, ValueError, IndexError):
        return None  # No server, or one that is just writing the file: it has eight lines when it is ready.
    if status != "ready" or not _accepts(Path(socket_dir) / _SOCKET):
        return None
    return Postmaster(pid, socket_dir)


def processes(site: Site) -> list[int]:
    """Ids of the folder's PostgreSQL processes, orphans included: those that work in it."""
    found = []
    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").startswith("postgres"):
            # It may have ended since it was listed; one that we may not look at is not of our user, so not ours.
            with suppress(psutil.Error):
                if process.cwd() == str(site.cluster):
                    found.append(process.pid)
    return found


def stop(site: Site) -> None:
    """Stop the server, ending its connections, and wait until it is gone. None there is fine."""
    if not processes(site):
        return
    done = _run(site, "pg_ctl", "-D", _CLUSTER, "-m", "fast", "-w", "-t", str(PATIENCE), "stop")
    deadline = time.monotonic() + PATIENCE
    while processes(site):
        if done.returncode != 0 and time.monotonic() > deadline:
            raise refused(f"The server on {site.cluster} does not stop: {_tail(done.stdout)}.")
        time.sleep(0.02)
    if (sockets := _socket_path(site)) != site.cluster:
        # Not ours alone to remove if something else came to be in it, nor if it is gone already.
        with suppress(OSError):
            sockets.rmdir()


def _check_version(site: Site) -> None:
    for folder in (site.home, site.cluster):
        try:
            made_by = (folder / "PG_VERSION").read_text(errors="replace").strip()[:20]
        except FileNotFoundError:
            continue
        if folder == site.home:
            raise refused(f"{folder} is itself a data folder of PostgreSQL {made_by}; set ZEKT_DATA_DIR to another.")
        if made_by != MAJOR:
            raise refused(
                f"{folder} was made by PostgreSQL {made_by!a}, and this is PostgreSQL {MAJOR}. Move it away to start"
                " empty, or bring its data over with pg_dump of its own version."
            )


def _start(site: Site) -> None:
    sockets = _socket_dir(site)
    _clear_stale(site, sockets)
    if site.log.exists() and site.log.stat().st_size > _MAX_LOG:
        site.log.replace(site.log.with_suffix(".log.old"))
    # Local and private: no TCP at all, and a socket that nobody but its user (and root) can open.
    options = [
        "-h",
        "",
        "-k",
        str(sockets),
        "-p",
        str(PORT),
        "-c",
        "unix_socket_permissions=0700",
        "-c",
        "timezone=UTC",
    ]
    # pg_ctl passes these through a shell. The paths that may hold anything are relative, so that none of them does.
    arguments = ["-D", _CLUSTER, "-l", f"{_CLUSTER}/{site.log.name}", "-o", shlex.join(options)]
    done = _run(site, "pg_ctl", *arguments, "-w", "-t", str(PATIENCE), "start")
    if done.returncode != 0:
        raise refused(f"It does not start: {_tail(_log_text(site) or done.stdout)}.")


def _socket_path(site: Site) -> Path:
    """The data folder, or one with a short and plain path: a socket's path has at most 107 bytes."""
    path = str(site.cluster)
    if _PLAIN_PATH.fullmatch(path) and len(path) + len(_SOCKET) < _MAX_SOCKET_PATH:
        return site.cluster
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    return Path(tempfile.gettempdir()).resolve() / f"zekt-{site.account.uid}-{digest}"


def _socket_dir(site: Site) -> Path:
    """The folder for the socket, made if need be, and private to the server's user."""
    folder = _socket_path(site)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        _hand_over(folder, site.account)
    # In a folder that everybody may write to, somebody else may have been first.
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != site.account.uid or facts.st_mode & 0o077:
        raise refused(
            f"{folder} should be a private folder of {site.account.name} for the socket, and is not. Remove it."
        )
    return folder


def _clear_stale(site: Site, sockets: Path) -> None:
    """Remove lock files which PostgreSQL itself would believe, though no process works in the folder.

    It removes those of a dead process by itself, after a look at the shared memory they name. It stops at an empty
    one, and at one whose process id now belongs to some other program, as happens after every restart of a container.
    """
    for lock in (site.cluster / "postmaster.pid", sockets / f"{_SOCKET}.lock"):
        if lock.exists() and _blocks(lock):
            lock.unlink()


def _blocks(lock: Path) -> bool:
    try:
        pid = int(lock.read_text().splitlines()[0])
    except (ValueError, IndexError):
        return True
    return pid <= 0 or psutil.pid_exists(pid)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _hand_over(folder: Path, account: Account) -> None:
    if os.geteuid() == 0:
        os.chown(folder, account.uid, account.gid)


def _run(site: Site, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run one of PostgreSQL's programs in our folder, as its user. Its output goes through a file.

    A pipe would be inherited by the server, and stay open for as long as it runs. The environment is ours alone:
    no secret of this process gets into it, and none of libpq's variables out of it.
    """
    as_root = os.geteuid() == 0
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        try:
            done = subprocess.run(  # noqa: S603 - the program is the wheel's, the arguments are ours
                [str(site.binaries / program), *arguments],
                cwd=site.home,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=2 * PATIENCE,
                umask=0o077,
                user=site.account.uid if as_root else None,
                group=site.account.gid if as_root else None,
                extra_groups=[] if as_root else None,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise refused(f"{program} of the embedded PostgreSQL cannot be run: {error}.") from error
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")


def _log_text(site: Site) -> str:
    try:
        with site.log.open("rb") as log:
            log.seek(max(0, site.log.stat().st_size - 4_000))
            return log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _tail(text: str) -> str:
    """The last lines, fit to show in one."""
    return printable(" | ".join(text.strip().splitlines()[-8:]))[-1_500:].rstrip(".")
