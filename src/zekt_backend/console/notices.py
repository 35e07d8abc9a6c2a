"""What the next page says of what was just done, carried there by a cookie."""

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import Literal

from fastapi import Request
from fastapi.responses import Response

from zekt_backend.rules.people import is_local

_COOKIE = "zekt-said"
_SECONDS = 60
_MOST = 600
"""Characters of a text: a browser keeps 4,096 bytes of a cookie."""


@dataclass(frozen=True, slots=True)
class Undo:
    """A form that takes back what was done: `path` is a page of ours, `fields` what is sent there."""

    path: str
    fields: dict[str, str]
    label: str = "Undo"


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence, or the API's refusal."""

    text: str
    tone: Literal["good", "bad"] = "good"
    code: str = ""
    undo: Undo | None = None


def leave(response: Response, said: Said) -> None:
    cut = {**asdict(said), "text": said.text[:_MOST]}
    value = base64.urlsafe_b64encode(json.dumps(cut).encode()).decode()
    response.set_cookie(_COOKIE, value, max_age=_SECONDS, path="/", httponly=True, samesite="strict")


def take(request: Request) -> Said | None:
    """What was left. A cookie is the browser's to change: what does not fit is nothing."""
    try:
        found = json.loads(base64.urlsafe_b64decode(request.cookies.get(_COOKIE, "")))
        undo = Undo(**found.pop("undo")) if found.get("undo") else found.pop("undo", None)
        said = Said(**found, undo=undo)
        fits = isinstance(said.text, str) and said.tone in ("good", "bad") and (undo is None or is_local(undo.path))
    except (binascii.Error, ValueError, TypeError, AttributeError):
        return None
    return said if fits else None


def forget(request: Request, response: Response) -> None:
    if _COOKIE in request.cookies:
        response.delete_cookie(_COOKIE, path="/", httponly=True, samesite="strict")
