"""A receiver is who its certificate says, or is told nothing."""

import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zekt_backend.outside.post import Post
from zekt_testing.certificate import certified
from zekt_testing.tcp import NO_CONTENT, drip, say

SEND = """
import sys
from zekt_backend.outside.post import Post
print(Post(is_development=lambda: True)(sys.argv[1], {}, b"a notice").text)
"""


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for 127.0.0.1, signed by itself, and its file."""
    return certified(tmp_path)


def send(url: str, authorities: Path) -> str:
    """In a process of its own, which trusts these authorities, too: what came of it."""
    done = subprocess.run(
        [sys.executable, "-c", SEND, url],
        env={"SSL_CERT_FILE": str(authorities), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_a_certificate_that_nobody_vouches_for_ends_it_before_the_notice_is_sent(
    listening: Any, certificate: tuple[ssl.SSLContext, Path]
) -> None:
    port, heard = listening(say(NO_CONTENT), certificate[0])
    answered = Post(is_development=lambda: True)(f"https://127.0.0.1:{port}/", {}, b"a notice")
    assert answered.text.startswith("Its certificate is not good")
    assert [raw for raw in heard if b"a notice" in raw] == []


def test_one_that_the_machine_s_authorities_vouch_for_is_told(
    listening: Any, certificate: tuple[ssl.SSLContext, Path]
) -> None:
    context, path = certificate
    port, heard = listening(say(NO_CONTENT), context)
    assert send(f"https://127.0.0.1:{port}/", path) == "HTTP 204"
    assert heard[0].endswith(b"a notice")


def test_one_for_another_name_is_told_nothing(listening: Any, certificate: tuple[ssl.SSLContext, Path]) -> None:
    context, path = certificate
    port, heard = listening(say(NO_CONTENT), context)
    assert send(f"https://localhost:{port}/", path).startswith("Its certificate is not good: Hostname mismatch")
    assert [raw for raw in heard if b"a notice" in raw] == []


def test_whoever_dawdles_over_the_handshake_is_left(listening: Any) -> None:
    port, _ = listening(drip(b"\x16\x03\x03\x40\x00"))
    answered = Post(is_development=lambda: True, seconds=0.5)(f"https://127.0.0.1:{port}/", {}, b"{}")
    assert answered.status is None
