"""Bodies are limited before they are read, and read before they are parsed."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from zekt_backend.errors import ZektError

MAX_MESSAGE_BODY = 1_048_576
"""Bytes: a payload of 524,288 with room for the head and for clients that write it less tightly."""
MAX_WEBHOOK_BODY = 26_214_400
"""Bytes: GitHub's own cap, https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap."""
MAX_SMALL_BODY = 131_072
"""Bytes: everything else."""

PATIENCE_SECONDS = 30.0
"""How long a body may take to arrive."""
_LARGE = asyncio.Semaphore(4)
"""How many bodies beyond `MAX_MESSAGE_BODY` are held at a time."""

Model = TypeVar("Model", bound=BaseModel)


async def read(request: Request, limit: int) -> bytes:
    """The raw body.

    Raises:
        ZektError: `body_too_large`, before more than `limit` bytes are held; `body_too_slow`.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _read(request, limit)
    except TimeoutError:
        text = f"It was not all here after {PATIENCE_SECONDS:.0f} seconds; send it again."
        raise ZektError("body_too_slow", text) from None


async def _read(request: Request, limit: int) -> bytes:
    """Most bodies are small; the few that may be large take turns, so that strangers cannot fill the memory."""
    body = bytearray()
    async with AsyncExitStack() as turn:
        waiting = limit > MAX_MESSAGE_BODY
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
            if waiting and len(body) > MAX_MESSAGE_BODY:
                await turn.enter_async_context(_LARGE)
                waiting = False
    return bytes(body)


def _too_large(limit: int) -> ZektError:
    return ZektError("body_too_large", f"At most {limit:,} bytes are read here.")


def parse(model: type[Model], body: bytes) -> Model:
    """The body as a model.

    Raises:
        ZektError: `body_invalid`, naming the field and the reason, never the value.
    """
    try:
        return model.model_validate(decode(body))
    except ValidationError as error:
        raise invalid(error) from None


def decode(body: bytes) -> Any:
    """JSON to plain values; recursion, encoding and syntax errors all become `body_invalid`."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ZektError("body_invalid", f"The body is not JSON: {str(error)[:200]}") from None


def invalid(error: ValidationError) -> ZektError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return ZektError("body_invalid", f"{where}: {first['msg']}")
