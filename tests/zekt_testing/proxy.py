"""A proxy that connects whoever asks, and keeps what it was asked with."""

import contextlib
import select
import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest


class Proxy(socketserver.ThreadingTCPServer):
    """Speaks CONNECT alone."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.asked: list[str] = []


class Tunnel(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.request.recv(1)
        self.server.asked.append(head.decode())
        host, _, port = head.split()[1].decode().rpartition(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port))) as there:
            self.request.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            ends = {self.request: there, there: self.request}
            while True:
                for end in select.select(list(ends), [], [], 30)[0]:
                    if not (said := end.recv(65_536)):
                        return
                    ends[end].sendall(said)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join(10)
