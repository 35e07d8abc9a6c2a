"""Servers that are rude, or only listen: what they say is bytes on a socket."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

Speak = Callable[[socket.socket], None]
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def say(text: bytes) -> Speak:
    return lambda connection: connection.sendall(text)


def drip(piece: bytes, opening: bytes = b"") -> Speak:
    """A byte or so at a time, without end."""

    def speak(connection: socket.socket) -> None:
        connection.sendall(opening)
        while True:
            connection.sendall(piece)
            threading.Event().wait(0.05)

    return speak


@pytest.fixture
def listening() -> Iterator[Callable[..., Any]]:
    """`listening(speak, context)`: a port on loopback; what came in, whole, of every connection."""
    sockets: list[socket.socket] = []

    def make(speak: Speak, tls: ssl.SSLContext | None = None) -> tuple[int, list[bytes]]:
        server = socket.create_server(("127.0.0.1", 0))
        sockets.append(server)
        heard: list[bytes] = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with suppress(OSError), closing(connection):
                        spoken = tls.wrap_socket(connection, server_side=True) if tls else connection
                        heard.append(spoken.recv(65_536))
                        speak(spoken)
                        spoken.close()

        threading.Thread(target=serve, daemon=True).start()
        return server.getsockname()[1], heard

    yield make
    for server in sockets:
        server.close()
