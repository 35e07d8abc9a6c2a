"""The embedded PostgreSQL: one server for all Zekt processes that share a data folder.

Every process that uses it holds a shared lock on `embedded.users` for as long as it lives. The kernel takes the lock
back when a process dies, kill -9 included; so "is anybody else still using it?" never rests on a list of process ids.
Starting and stopping happen under an exclusive lock on `embedded.lock`, one process at a time.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from zekt_backend.errors import ZektError
from zekt_backend.store import machine, postmaster
from zekt_backend.store.machine import refused
from zekt_backend.store.postmaster import PORT, Postmaster, Site

if sys.platform != "win32":
    import fcntl

_GATE = "embedded.lock"
_USERS = "embedded.users"


class Embedded:
    """This process's hold on the server of one data folder."""

    def __init__(self, site: Site, server: Postmaster, hold: int, *, as_root_allowed: bool) -> None:
        self._site = site
        self._as_root_allowed = as_root_allowed
        self._server = server
        self._hold: int | None = hold

    @classmethod
    def start(cls, data_dir: Path, *, as_root_allowed: bool) -> "Embedded":
        """Start the folder's server, or attach to it when it runs. Blocks: 0.1 to 1 s, longer after a crash.

        Args:
            data_dir: made when it is not there; PostgreSQL's own files go into `postgres/` under it.
            as_root_allowed: as root, folders may be opened for the user that the server runs as.

        Raises:
            ZektError: `embedded_refused`, saying why, and naming ZEKT_DATABASE_URL.
        """
        me, binaries = machine.usable(machine.look())
        try:
            home = _home(data_dir, me)
            site = Site(home, binaries, machine.server_account(me, home / "postgres", home))
            machine.open_up(home, binaries, allowed=as_root_allowed)
            with _exclusively(home):
                return cls._attach(site, as_root_allowed=as_root_allowed)
        except OSError as error:
            raise refused(f"The data folder {data_dir} cannot be used: {error}.") from error

    @classmethod
    def _attach(cls, site: Site, *, as_root_allowed: bool) -> "Embedded":
        hold = os.open(site.home / _USERS, os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(hold, fcntl.LOCK_SH)
            postmaster.prepare(site)
            return cls(site, postmaster.ensure_running(site), hold, as_root_allowed=as_root_allowed)
        except BaseException:
            os.close(hold)
            raise

    @property
    def url(self) -> str:
        """For psycopg and SQLAlchemy. Over a private socket; there is no password."""
        host = quote(self._server.socket_dir, safe="")
        return f"postgresql://postgres@/postgres?host={host}&port={PORT}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._server.pid

    @property
    def is_alive(self) -> bool:
        """Whether the server's main process still exists."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def revive(self) -> None:
        """Start the server again if it has died. The URL stays the same.

        Raises:
            ZektError: `embedded_refused`; what is in the way, such as a full disk, may pass.
        """
        try:
            # Folders may have been closed since: pytest does so to its own at every start, a tidy administrator too.
            machine.open_up(self._site.home, self._site.binaries, allowed=self._as_root_allowed)
            with _exclusively(self._site.home):
                self._server = postmaster.ensure_running(self._site)
        except OSError as error:
            raise refused(f"It does not start: {error}.") from error

    def stop(self) -> None:
        """Let go of the server, and stop it when nobody else holds it. Twice is fine."""
        if self._hold is None:
            return
        hold, self._hold = self._hold, None
        with _exclusively(self._site.home):
            os.close(hold)
            if not _is_used(self._site.home):
                postmaster.stop(self._site)


def leftover(data_dir: Path) -> str | None:
    """A sentence about a server that runs on this folder though no Zekt process uses it; None when there is none."""
    site = _existing(data_dir)
    if site is None:
        return None
    with _exclusively(site.home):
        pids = postmaster.processes(site)
        if not pids or _is_used(site.home):
            return None
    return (
        f"A PostgreSQL {machine.MAJOR} (process ids {', '.join(map(str, sorted(pids)))}) still runs on {site.cluster},"
        " and no Zekt process uses it: the last one was killed. The next `zekt serve` will use it again."
    )


def stop_leftover(data_dir: Path) -> None:
    """Stop such a server. None there is fine.

    Raises:
        ZektError: `embedded_refused`, when a living Zekt process uses it.
    """
    site = _existing(data_dir)
    if site is None:
        return
    with _exclusively(site.home):
        if _is_used(site.home):
            raise ZektError(
                "embedded_refused", f"A running Zekt process uses the server on {site.cluster}: stop that process."
            )
        postmaster.stop(site)


def _existing(data_dir: Path) -> Site | None:
    """The site of a folder that has a server's data; None when it has none, or none of ours can run here."""
    home = data_dir.expanduser().resolve()
    if not (home / "postgres" / "PG_VERSION").exists():
        return None
    me, binaries = machine.usable(machine.look())
    return Site(home, binaries, machine.server_account(me, home / "postgres", home))


def _home(data_dir: Path, me: machine.Account) -> Path:
    """The folder of our data, made if need be: private, or as root passable for the server's user."""
    home = data_dir.expanduser().resolve()
    # Another process may make it at this same moment, and its folders above too.
    home.mkdir(parents=True, exist_ok=True, mode=0o711 if me.uid == 0 else 0o700)
    return home


@contextmanager
def _exclusively(home: Path) -> Iterator[None]:
    """One process at a time; waits for the others, whose every step has a time-out of its own."""
    # A lock needs no more than a descriptor for reading, so a file that root made serves other users too.
    try:
        gate = os.open(home / _GATE, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise refused(f"The data folder {home} cannot be used: {error}.") from error
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def _is_used(home: Path) -> bool:
    """Whether any living process holds the server. Asked under the exclusive lock, so the answer stays true."""
    users = os.open(home / _USERS, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(users)
    return False
