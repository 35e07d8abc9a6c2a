"""What a connection may cost before there is a request: bytes of its head, and time. Bodies: `bodies.py`."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_OVERHEAD = 65_536
"""Bytes of a request that are no body: its head, the sizes of its chunks, its trailers. GitHub's have about 2,000.

Counted by what one read from the socket brings, which is at most 256 KiB.
"""

PATIENCE_SECONDS = 10.0
"""How long a head may take, and what is left of a body that nobody reads any more."""


class Connection(HttpToolsProtocol):
    """uvicorn's own, which holds a head of any length, and waits for one for ever."""

    _overhead = 0
    _whole = True
    """No request is half here."""
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._go_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._overhead += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._overhead > MAX_OVERHEAD:
            self.send_400_response("The head of the request is too large.")
        elif self._whole and self._waiting is None and (self.cycle is None or self.cycle.response_complete):
            self._wait()  # What came was no beginning of a request, and has stopped the keep-alive timer.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._whole = False
        self._wait()

    def on_headers_complete(self) -> None:
        self._go_on()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        # Twice: a body in chunks so small that they cost more than they carry is none.
        self._overhead -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._whole, self._overhead = True, 0
        super().on_message_complete()
        if self.cycle.response_complete:
            self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._whole:
            self._wait()

    def _wait(self) -> None:
        """Hang up unless it goes on soon."""
        self._go_on()
        self._waiting = self.loop.call_later(PATIENCE_SECONDS, self.transport.close)

    def _go_on(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
