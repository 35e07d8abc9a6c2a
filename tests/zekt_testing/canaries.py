"""Secrets that are easy to know again, and the search for them in whatever is written down."""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Iterable
from urllib.parse import quote

SHORTEST = 16
"""Characters of a secret that must not stand anywhere; fewer may by chance."""


def canary(name: str) -> str:
    """A fresh secret. Its name alone is no leak."""
    return f"{name}-{secrets.token_hex(24)}"


def forms(secret: str) -> set[str]:
    """The ways in which a program might write a secret down, beside the secret itself."""
    raw = secret.encode()
    found = {secret, secret[::-1], quote(secret, safe=""), json.dumps(secret)[1:-1], binascii.hexlify(raw).decode()}
    for skipped in range(3):  # base64 looks different wherever in a longer text the secret begins
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"x" * skipped + raw).decode()[4:-4])
    return found


def mentions(text: str, name: str) -> bool:
    """Whether it stands there. Digits do by chance: within a digest, a UUID or a decimal they are no mention."""
    if not name.isdigit():
        return name in text
    before = r"(?<![0-9a-fA-F])(?<!\d\.)(?<![0-9a-fA-F]{4}-)"
    return re.search(rf"{before}{name}(?![0-9a-fA-F])(?!\.\d)", text) is not None


def _pieces(text: str) -> Iterable[str]:
    return (text[start : start + SHORTEST] for start in range(len(text) - SHORTEST + 1))


class Canaries:
    """Named secrets; `found_in` tells which of them a text gives away."""

    def __init__(self) -> None:
        self._pieces: dict[str, str] = {}

    def add(self, name: str, secret: str) -> str:
        # The random part alone: names, and the headers of a key file, are no secrets.
        hidden = secret.removeprefix(f"{name}-")
        for form in forms(hidden):
            for piece in _pieces(form):
                self._pieces[piece.lower()] = name
        return secret

    def found_in(self, text: str) -> set[str]:
        """The names of all secrets of which any 16 characters stand there, in any of their forms."""
        return {self._pieces[piece] for piece in _pieces(text.lower()) if piece in self._pieces}
