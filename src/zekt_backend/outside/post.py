"""One POST to an address that an account's owner chose: checked where it leads, bounded in time and size. Blocking.

Written on sockets, because no client of ours lets one look at who has answered the call before anything is said: a name
may lead to one address when it is checked and to another when it is used. Here it is looked up once, each address is
checked before it is called, and the peer once more before it is told anything. No redirect is followed, no proxy of the
environment is used (it would be the one to look the name up), and of the answer nothing but its head is read.
"""

import contextlib
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from zekt_backend.rules.addresses import Network, Target, only_in_development, refusal, target
from zekt_backend.rules.notices import Answered

SECONDS = 10.0
"""For all of it, but the look-up of the name, which the system's resolver bounds (mostly by 30 seconds)."""
_MOST_HEAD = 65_536
_MOST_ADDRESSES = 4
"""Of one name, that are tried."""
_NOWHERE = "The name leads to no address on the public internet, or to none at all."


class _NowhereError(Exception):
    """Refused before anything was sent."""


def _nobody() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Post:
    """Belongs to no thread: every POST has a connection of its own."""

    allowed: Sequence[Network] = ()
    """Networks that are no part of the public internet, and may be sent to all the same."""
    is_development: Callable[[], bool] = _nobody
    """Whether this broker's GitHub is the sandbox: it may send to its own machine, in the open too. Asked each time."""
    seconds: float = SECONDS
    agent: str = field(default="zekt")

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Send it once. Never raises for what the address is, leads to, or answers."""
        try:
            to = target(url, self.allowed)
            if only_in_development(to, self.allowed) and not self.is_development():
                return Answered(None, _NOWHERE)
            return self._exchange(to, headers, body)
        except (_NowhereError, OSError, HTTPException, ValueError) as error:
            return Answered(None, self._why(error))

    def _why(self, error: Exception) -> str:
        if isinstance(error, _NowhereError | socket.gaierror):
            return _NOWHERE
        if isinstance(error, TimeoutError):
            return f"There was no whole answer within {self.seconds:g} seconds."
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"Its certificate is not good: {error.verify_message}."
        if isinstance(error, ssl.SSLError):
            return "It does not speak TLS as we do."
        return f"There was no connection, or no answer in HTTP ({type(error).__name__})."

    def _exchange(self, to: Target, headers: Mapping[str, str], body: bytes) -> Answered:
        with contextlib.ExitStack() as held:
            connection = self._connected(to)
            held.callback(connection.close)
            if to.secure:
                connection.secure(to.host)
            connection.send(_request(to, {**headers, "user-agent": self.agent}, body) + body)
            return connection.answer()

    def _connected(self, to: Target) -> "_Connection":
        """To the first of its addresses that may be called and takes the call."""
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
        usable = [info for info in found if self._may(to, str(info[4][0]))][:_MOST_ADDRESSES]
        deadline = time.monotonic() + self.seconds
        failure: Exception = _NowhereError()
        for number, info in enumerate(usable):
            try:
                return self._called(to, info, deadline, share=len(usable) - number)
            except OSError as error:
                failure = error
        raise failure

    def _called(self, to: Target, info: Any, deadline: float, *, share: int) -> "_Connection":
        family, kind, protocol, _, address = info
        connection = _Connection(socket.socket(family, kind, protocol), deadline)
        try:
            connection.open(address, share=share)
            # Who has really taken it: whatever was believed before, nothing is said to anybody else.
            self._require(to, connection.peer)
        except BaseException:
            connection.close()
            raise
        return connection

    def _require(self, to: Target, peer: str) -> None:
        if not self._may(to, peer):
            raise _NowhereError

    def _may(self, to: Target, address: str) -> bool:
        # Whether this is development was asked before, where nothing else lets a local one pass.
        return refusal(address, self.allowed, local=only_in_development(to, self.allowed)) is None


class _Connection:
    """A socket of which every call ends at the deadline: one byte at a time keeps nobody here."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._socket = connection
        self._deadline = deadline

    @property
    def peer(self) -> str:
        return str(self._socket.getpeername()[0])

    def open(self, address: Any, *, share: int) -> None:
        """Connect, in a fair share of the time that is left: the next address may answer."""
        self._socket.settimeout(self._left() / share)
        self._socket.connect(address)

    def secure(self, host: str) -> None:
        self._socket.settimeout(self._left())
        self._socket = _context().wrap_socket(self._socket, server_hostname=host)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._socket.settimeout(self._left())
            view = view[self._socket.send(view) :]

    def receive(self, buffer: Any) -> int:
        self._socket.settimeout(self._left())
        return self._socket.recv_into(buffer)

    def answer(self) -> Answered:
        """The head of the answer. Its body is nothing to us."""
        # HTTPResponse asks a socket for nothing but `makefile`.
        with contextlib.closing(HTTPResponse(_Makefile(self), method="POST")) as response:  # type: ignore[arg-type]
            response.begin()
            return Answered(response.status, f"HTTP {response.status}", _seconds(response.headers.get("retry-after")))

    def close(self) -> None:
        self._socket.close()

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass(frozen=True, slots=True)
class _Makefile:
    connection: _Connection

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Head(self.connection))


class _Head(io.RawIOBase):
    """What comes in, up to `_MOST_HEAD` bytes."""

    def __init__(self, connection: _Connection) -> None:
        super().__init__()
        self._connection = connection
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._count > _MOST_HEAD:
            raise HTTPException("the head of the answer is too large")
        came = self._connection.receive(buffer)
        self._count += came
        return came


@cache
def _context() -> ssl.SSLContext:
    """The machine's authorities, and those that come with requests, since a small image has none of its own."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


def _request(to: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    host = f"[{to.host}]" if ":" in to.host else to.host
    default = to.port == (443 if to.secure else 80)
    told = {
        "host": host if default else f"{host}:{to.port}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **headers,
    }
    lines = [f"POST {to.path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


def _seconds(text: str | None) -> float | None:
    """Of `Retry-After` only the plain number is read."""
    given = (text or "").strip()
    return float(given) if given.isascii() and given.isdecimal() and len(given) < 8 else None  # noqa: PLR2004
