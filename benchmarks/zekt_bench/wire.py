"""HTTP/1.1 of ours, as cheap as Python has it: who measures must cost little beside what is measured."""

import asyncio
from typing import cast

import httptools


class Caller(asyncio.Protocol):
    """One kept connection; one request at a time, written beforehand as bytes."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is no subclass of asyncio's.
        self._transport, self.open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())
        self.open = self.open and self._parser.should_keep_alive()
        self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed before it answered"))

    async def ask(self, request: bytes) -> int:
        """The answer's status, once all of the answer is there."""
        if self._transport is None:
            raise AssertionError("asked before it was connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def connect(host: str, port: int) -> Caller:
    _, caller = await asyncio.get_running_loop().create_connection(Caller, host, port)
    return caller


class Answerer(asyncio.Protocol):
    """The other end: reads requests, and gives each to `answer`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._body = b"", bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path, self._body = b"", bytearray()

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        answer = self.answer(self._parser.get_method().decode(), self._path.decode(), bytes(self._body))
        if self.transport is not None:
            self.transport.write(answer)

    def answer(self, method: str, path: str, body: bytes) -> bytes:
        """The whole answer, head and body, as bytes."""
        raise NotImplementedError


def response(status: str, body: bytes = b"", headers: str = "") -> bytes:
    """`status` as in `200 OK`; `headers` with a line end each."""
    length = "" if status.startswith("204") else f"content-length: {len(body)}\r\n"
    return f"HTTP/1.1 {status}\r\n{headers}{length}\r\n".encode() + body


def request(path: str, host: str, headers: dict[str, str], body: bytes = b"", method: str = "POST") -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in {"host": host, **headers}.items())
    return f"{method} {path} HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body
