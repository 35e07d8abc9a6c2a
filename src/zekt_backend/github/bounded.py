"""Read an HTTP answer's body, but not more than so much of it, and not longer than so long."""

import time

import requests
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

_PIECE = 65_536


class TooLargeError(requests.RequestException):
    """The same question would get the same answer; a smaller one may do."""


def read(response: requests.Response, *, most: int, deadline: float) -> bytes:
    """The body of a response that was asked for with `stream=True`.

    A server that sends one byte at a time resets every socket time-out; so the whole is held to a deadline.

    Args:
        response: closed by the caller.
        most: bytes, counted after decompression.
        deadline: on `time.monotonic()`'s scale.

    Raises:
        TooLargeError: more than `most`.
        requests.RequestException: too late, or broken off.
    """
    body = bytearray()
    try:
        while piece := response.raw.read1(_PIECE, decode_content=True):
            body += piece
            if len(body) > most:
                raise TooLargeError(f"the answer is larger than {most:,} bytes")
            if time.monotonic() > deadline:
                raise requests.ReadTimeout("the answer did not arrive in time")
    except ReadTimeoutError as error:
        raise requests.ReadTimeout(error) from error
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    return bytes(body)
