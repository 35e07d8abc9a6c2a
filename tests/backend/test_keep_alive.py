"""A connection that is kept: what comes after its first answer must not wait for the client's acknowledgement."""

import http.client
import statistics
import time
import urllib.parse
from typing import Any

import pytest

ROUNDS = 30


def _median(url: str, *, kept: bool) -> float:
    """Seconds from asking to the answer's end, on one connection or on a new one each time."""
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        connection.request("GET", address.path)
        assert connection.getresponse().read()
        took.append(time.perf_counter() - began)
        if not kept:
            connection.close()
    connection.close()
    return statistics.median(took)


@pytest.mark.alone
def test_answers_on_a_connection_that_is_kept_are_as_quick_as_on_a_new_one(start: Any) -> None:
    url = f"{start(work=False).url}/healthz"
    assert _median(url, kept=True) < 2 * _median(url, kept=False)
