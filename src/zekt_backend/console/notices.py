"""What the next page says of what was just done, carried there by a cookie that only this session can have made."""

import base64
import hmac
import json
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from zekt_backend.api import sessions
from zekt_backend.broker import Broker
from zekt_backend.rules.people import is_local, same

_COOKIE = "said"
_SECONDS = 60
_MOST = 3_900
"""Characters before the seal's 64: a browser keeps 4,096 bytes of a cookie, its name among them."""
_MOST_TEXT, _SHORT_TEXT, _MOST_LABEL, _MOST_FIELDS = 600, 300, 60, 10

_Short = Annotated[str, Field(max_length=_MOST_LABEL)]


def _local(path: str) -> str:
    if not is_local(path):
        raise ValueError("leads elsewhere")
    return path


@dataclass(frozen=True, slots=True)
class Undo:
    """A form that takes back what was done: `path` is a page of ours, `fields` what is sent there."""

    path: Annotated[str, AfterValidator(_local)]
    fields: Annotated[dict[_Short, _Short], Field(max_length=_MOST_FIELDS)]
    label: _Short = "Undo"


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence, or the API's refusal."""

    text: Annotated[str, Field(max_length=_MOST_TEXT)]
    tone: Literal["good", "bad"] = "good"
    code: _Short = ""
    undo: Undo | None = None


_SAID = TypeAdapter(Said)


def leave(response: Response, broker: Broker, csrf: str, said: Said) -> None:
    """For the next page of the session whose CSRF token this is."""
    sessions.keep(response, broker, _COOKIE, written(said, csrf), _SECONDS, samesite="strict")


def take(request: Request, broker: Broker, csrf: str) -> Said | None:
    """What was left for this session, if anything."""
    return read(sessions.kept(request, broker, _COOKIE), csrf)


def forget(request: Request, response: Response, broker: Broker) -> None:
    if sessions.kept(request, broker, _COOKIE):
        sessions.keep(response, broker, _COOKIE, "", 0, samesite="strict")


def written(said: Said, csrf: str) -> str:
    """For a cookie, and sealed. What is too long for one loses its undo first, then its end."""
    undo = said.undo if said.undo and is_local(said.undo.path) else None
    said = replace(said, text=said.text[:_MOST_TEXT], undo=undo)
    for fits in (said, replace(said, undo=None), Said(said.text[:_SHORT_TEXT], said.tone)):
        raw = json.dumps(asdict(fits), ensure_ascii=False).encode(errors="replace")
        value = base64.urlsafe_b64encode(raw).decode()
        if len(value) <= _MOST:
            break
    return f"{value}.{_seal(value, csrf)}"


def read(cookie: str, csrf: str) -> Said | None:
    """What was written by this session; anything else is nothing.

    A neighbour on this host, or somebody in between, may plant a cookie.
    """
    value, _, seal = cookie.partition(".")
    if len(value) > _MOST or not same(seal, _seal(value, csrf)):
        return None
    try:
        return _SAID.validate_json(base64.urlsafe_b64decode(value))
    except ValueError:
        return None


def _seal(value: str, csrf: str) -> str:
    """By the session's CSRF token, which nobody but its own pages knows; it seals nothing else."""
    return hmac.new(csrf.encode(), b"zekt-said:" + value.encode(), "sha256").hexdigest()
