"""GitHub's webhooks about the app and its repositories. No I/O: a verified body in, a record out.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from zekt_backend.errors import ZektError
from zekt_backend.rules.news import AppNews, Stop
from zekt_backend.rules.records import Ignored

EVENTS = frozenset({"ping", "installation", "installation_repositories", "installation_target", "repository"})

MAX_REPOSITORIES = 50_000
"""That one webhook may name."""

_Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
_Action = Annotated[str, Meta(max_length=100)]
_Time = Annotated[str, Meta(max_length=40)] | int | None
"""GitHub writes ISO 8601 in some of its webhooks and seconds since 1970 in others."""


class _Named(msgspec.Struct):
    id: _Id


class _Installation(msgspec.Struct):
    id: _Id
    suspended_at: _Time = None
    updated_at: _Time = None


class _About(msgspec.Struct):
    """`installation`, `installation_target`."""

    action: _Action
    installation: _Installation


class _Selection(msgspec.Struct):
    action: _Action
    installation: _Installation
    repositories_removed: Annotated[list[_Named], Meta(max_length=MAX_REPOSITORIES)] = []


class _Repository(msgspec.Struct):
    action: _Action
    repository: _Named
    installation: _Named | None = None


_Model = TypeVar("_Model", bound=msgspec.Struct)
_ABOUT = msgspec.json.Decoder(_About)
_SELECTION = msgspec.json.Decoder(_Selection)
_REPOSITORY = msgspec.json.Decoder(_Repository)

_STOPS: dict[str, Stop] = {"deleted": "uninstalled", "suspend": "suspended"}


def parse(event: str, guid: str, body: bytes) -> AppNews | Ignored:
    """What a verified webhook of one of `EVENTS` tells.

    Raises:
        ZektError: `webhook_malformed`, and nothing else, whatever the body is.
    """
    if event == "ping":
        return Ignored(guid, "ping: GitHub reaches the broker, and its secret is the right one")
    if event == "repository":
        return _of_repository(guid, _read(_REPOSITORY, event, body))
    if event == "installation_repositories":
        selection = _read(_SELECTION, event, body)
        gone = tuple(repository.id for repository in selection.repositories_removed)
        return AppNews(
            guid,
            event,
            selection.action,
            selection.installation.id,
            stop="deselected" if gone else None,
            repositories=gone,
            as_of=_moment(selection.installation.updated_at),
        )
    about = _read(_ABOUT, event, body)
    stop = _STOPS.get(about.action) if event == "installation" else None
    told = about.installation
    as_of = _moment(told.suspended_at if stop == "suspended" else told.updated_at)
    return AppNews(guid, event, about.action, told.id, stop=stop, as_of=as_of)


def _of_repository(guid: str, told: _Repository) -> AppNews:
    return AppNews(
        guid,
        "repository",
        told.action,
        told.installation.id if told.installation else None,
        repository_id=told.repository.id,
        stop="deleted" if told.action == "deleted" else None,
    )


def _read(decoder: msgspec.json.Decoder[_Model], event: str, body: bytes) -> _Model:
    try:
        return decoder.decode(body)
    except RecursionError:
        why = "it is nested too deeply"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = str(error)[:500]
    # The library's own exception may hold a piece of the body, so it is not kept as the cause.
    raise ZektError("webhook_malformed", f"This is no {event} as GitHub sends it: {why}.") from None


def _moment(told: str | int | None) -> datetime | None:
    """None for what is no time: nothing but the order of news hangs on it."""
    try:
        if isinstance(told, int):
            return datetime.fromtimestamp(told, UTC)
        moment = datetime.fromisoformat(told) if told else None
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
