"""The stand-in GitHub on a real socket: in a thread for tests and the demo, or as a program of its own."""

import ipaddress
import logging
import socket
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from zekt_sandbox.app import create_app
from zekt_sandbox.edge import CUT
from zekt_sandbox.local.room import LocalRoom
from zekt_sandbox.signals import ended_by_signals, until
from zekt_sandbox.stage import Stage
from zekt_sandbox.world import World

DEFAULT_PORT = 8760
_STOP_SECONDS = 15.0
_BACKLOG = 2048


class CannotListen(RuntimeError):  # noqa: N818 - it reads as what happened
    """The address cannot be had; the text names it and says what to do."""


class _CuttingProtocol(HttpToolsProtocol):
    """Hands each request the means to close its own connection, for the fault that does so."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CUT: self.transport.abort}  # type: ignore[dict-item] # uvicorn's own type is narrower than ASGI's


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket on this machine alone.

    Raises:
        ValueError: the host is another one than this machine's loopback.
        CannotListen: the port is taken, not allowed, or no port at all.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        local = ipaddress.ip_address(address).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ValueError(f"the sandbox listens on loopback only (127.0.0.1, ::1 or localhost), not on {host!r}")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotListen(
            f"The sandbox cannot listen on {host}, port {port}: {_reason(error)}."
            " End what listens there, or take another port from 1 to 65535; port 0 takes a free one."
        ) from error
    return listener


def _reason(error: OSError | OverflowError) -> str:
    """The system's own words; a number that is no port comes from Python and has others."""
    return error.strerror or str(error) if isinstance(error, OSError) else "there is no such port"


class SandboxServer(Stage):
    """A stand-in GitHub: bound from the first moment, serving between `start` and `stop` (or in `with`).

    Args:
        port: 0 for a free one.
        host: loopback only.
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._listener = _bind(host, port)
        bound = self._listener.getsockname()
        named = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        super().__init__(World(f"http://{named}:{bound[1]}"))
        config = uvicorn.Config(
            create_app(self.world),
            http=_CuttingProtocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name="zekt-sandbox", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        if not self._server.listening.wait(_STOP_SECONDS):
            raise RuntimeError("the sandbox did not start; its thread's own error stands above")
        return self

    def local(self, root: Path | str, **how: Any) -> LocalRoom:
        """From now on `owner/name/` in this folder are repositories, and act runs their workflows; once for a server.

        Args:
            root: the folder.
            how: `api_url`, `images`, `state`, `checkout`, as `LocalRoom` takes them.

        Raises:
            LocalError: act, Docker, git or a repository is missing; its text says what to do.
        """
        if self.world.local is not None:
            raise RuntimeError("this sandbox has a local room already")
        self.world.local = LocalRoom(self, Path(root), **how)
        return self.world.local

    def stop(self) -> None:
        """End every run, close every connection, and wait until the thread has ended."""
        self.world.closing.set()
        if self.world.local is not None:
            self.world.local.stop()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
        self._listener.close()
        self.world.dispatches.join(_STOP_SECONDS)

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> None:
    """Run until SIGINT or SIGTERM, telling on stdout how to point a broker at it.

    Raises:
        CannotListen: as its text says.
    """
    logging.basicConfig(level=logging.WARNING)
    try:
        with ended_by_signals(), SandboxServer(port=port, host=host) as github:
            _say(
                f"The sandbox plays GitHub at {github.url} (loopback only). For the broker's settings:",
                f"  {github.url}/_sandbox/info",
                f"What else it can do: {github.url}/_sandbox/ . Ctrl-C ends it.",
            )
            until(Future[None]())
    except KeyboardInterrupt:
        _say("The sandbox has stopped.")


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
