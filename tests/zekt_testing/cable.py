"""A cable to PostgreSQL that can be cut: at the n-th statement, before the server has it or after it has done it."""

import ctypes
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any

import psycopg

_EXECUTES, _ENDS = b"QE", b"QS"
"""A statement is a Query, or all up to a Sync that Executes something: the server answers it with one ReadyForQuery
('Z'). https://www.postgresql.org/docs/current/protocol-flow.html"""

_SO_ATTACH_FILTER = 26
_RETURN_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
_DROP_ALL = struct.pack("HL", 1, ctypes.addressof(_RETURN_NOTHING))
"""One instruction: the kernel drops what comes in before TCP sees it. Linux only; anybody may do so to an own socket.
https://www.kernel.org/doc/html/latest/networking/filter.html"""


class Cut(StrEnum):
    BEFORE = "before the server has it"
    AFTER = "after the server has done it, before its answer"


class Cable:
    """Listens on loopback and carries PostgreSQL's protocol to the server of `url`, for as long as it is whole."""

    def __init__(self, url: str) -> None:
        parts = psycopg.conninfo.conninfo_to_dict(url)
        self._socket_path = f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = psycopg.conninfo.make_conninfo(
            url, host="127.0.0.1", port=self._listening.getsockname()[1], sslmode="disable", gssencmode="disable"
        )
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._unplugged = False
        self._left, self._cut = 0, Cut.BEFORE
        self.statements = 0
        """How many have come since the cable was armed; a connection's first, which sets it up, is none."""
        self.executions = 0
        """How many the server has executed for them: more than `statements` where several go in one round trip."""
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, at: int, cut: Cut) -> None:
        """Cut the connection that sends the `at`-th statement from now on; the next ones get through."""
        with self._lock:
            self._left, self._cut, self.statements, self.executions = at, cut, 0, 0

    @property
    def is_armed(self) -> bool:
        """Whether the cut is still to come."""
        return self._left > 0

    def disarm(self) -> None:
        self._left = 0

    def unplug(self) -> None:
        """Cut every connection, and end each new one at once."""
        with self._lock:
            self._unplugged = True
            for end in self._open:
                _shut(end)

    def plug_in(self) -> None:
        self._unplugged = False

    def lose(self) -> None:
        """The server's machine vanishes: nothing that is sent to it on today's connections is ever acknowledged."""
        with self._lock:
            for end in self._open:
                if end.family == socket.AF_INET:
                    end.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, _DROP_ALL)

    def close(self) -> None:
        self.unplug()
        _shut(self._listening)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.socket(socket.AF_UNIX)
            with self._lock:
                refused = self._unplugged
                self._open |= set() if refused else {client, server}
            try:
                if refused:
                    raise ConnectionRefusedError
                server.connect(self._socket_path)
            except OSError:
                self._end(client, server)
                continue
            _Wire(client, server, self._executed, self._verdict, self._end).start()

    def _executed(self) -> None:
        with self._lock:
            self.executions += 1

    def _verdict(self) -> Cut | None:
        """Called for each statement: whether it is the one."""
        with self._lock:
            self.statements += 1
            if self._left == 0:
                return None
            self._left -= 1
            return self._cut if self._left == 0 else None

    def _end(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open -= set(ends)
        for end in ends:
            _shut(end)
            end.close()


class _Wire:
    """One connection: a thread for each direction."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        executed: Callable[[], None],
        verdict: Callable[[], Cut | None],
        end: Callable[..., None],
    ) -> None:
        self._client, self._server, self._end = client, server, end
        self._executed, self._verdict = executed, verdict
        self._muted = threading.Event()

    def start(self) -> None:
        down = threading.Thread(target=self._down, daemon=True)
        threading.Thread(target=self._up, args=(down,), daemon=True).start()

    def _up(self, down: threading.Thread) -> None:
        """Client to server."""
        with suppress(OSError, EOFError):
            # The first message has no type: https://www.postgresql.org/docs/current/protocol-message-formats.html
            length = _exactly(self._client, 4)
            self._server.sendall(length + _exactly(self._client, struct.unpack("!I", length)[0] - 4))
            down.start()
            self._carry_up()
        _shut(self._server)
        _shut(self._client)
        if down.ident is not None:
            down.join()
        self._end(self._client, self._server)

    def _carry_up(self) -> None:
        # A pool sets a new connection up when it likes, and psycopg prepares what comes often: to count these, too,
        # would make each trial another one.
        fresh, executed = True, False
        while True:
            kind, message = _message(self._client)
            executed = executed or kind in _EXECUTES
            if kind in _EXECUTES and not fresh:
                self._executed()
            ends = executed and kind in _ENDS
            cut = self._verdict() if ends and not fresh else None
            fresh, executed = fresh and not ends, executed and not ends
            if cut is Cut.BEFORE:
                return
            if cut is Cut.AFTER:
                self._muted.set()
            self._server.sendall(message)

    def _down(self) -> None:
        """Server to client; muted, it only waits for the server to be done."""
        with suppress(OSError, EOFError):
            while True:
                kind, message = _message(self._server)
                if not self._muted.is_set():
                    self._client.sendall(message)
                elif kind == b"Z":
                    break
        _shut(self._client)
        _shut(self._server)


def _exactly(source: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        chunk = source.recv(count - len(found))
        if not chunk:
            raise EOFError
        found += chunk
    return found


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(source, 5)
    return head[:1], head + _exactly(source, struct.unpack("!I", head[1:])[0] - 4)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable_to(url: str) -> Iterator[Any]:
    cable = Cable(url)
    try:
        yield cable
    finally:
        cable.close()
