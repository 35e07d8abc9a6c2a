"""Hooks and their delivery logs: a repository's, and the app's own. Blocking; belongs in a worker thread.

https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/apps/webhooks
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
import requests
from requests.utils import parse_header_links

from zekt_backend.github import webhook
from zekt_backend.github.budget import APP
from zekt_backend.github.connection import Reply
from zekt_backend.github.lookup import read
from zekt_backend.github.metered import Metered
from zekt_backend.rules.reconciliation import LogLine
from zekt_backend.rules.records import Ignored, RunEvent

APP_HOOK = 0
"""The app's own hook has no id in GitHub's API."""

_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class HookLog:
    """Whose log: the app's own, or one hook's of a repository (`owner/name`)."""

    hook_id: int = APP_HOOK
    owner: int = APP
    repository: str | None = None

    @property
    def path(self) -> str:
        return "/app/hook" if self.repository is None else f"/repos/{self.repository}/hooks/{self.hook_id}"

    @property
    def name(self) -> str:
        return "the app's hook" if self.repository is None else f"hook {self.hook_id} of {self.repository}"


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `following` is the cursor of the next page; None at the end of the log."""

    lines: list[LogLine]
    following: str | None


class _Config(msgspec.Struct):
    url: str = ""


class _Hook(msgspec.Struct):
    id: int
    config: _Config


class _Line(msgspec.Struct):
    id: int
    guid: str
    delivered_at: datetime
    status: str
    event: str
    redelivery: bool = False
    action: str | None = None
    repository_id: int | None = None


class _Request(msgspec.Struct):
    payload: msgspec.Raw


class _Detail(msgspec.Struct):
    guid: str
    event: str
    request: _Request


def app_hook_url(github: Metered) -> str | None:
    """Where the app's own hook sends to; None where it has none."""
    reply = github.ask(APP, "/app/hook/config")
    if reply.status == requests.codes.not_found:
        return None
    return read(reply, _Config, github.app, "the app's hook", advice=_ADVICE_APP).url or None


def repository_hooks(github: Metered, owner: int, repository: str, ours: str) -> list[int]:
    """The ids of the repository's hooks that send to `ours`.

    Raises:
        ZektError: `github_refused`, with the permission that is missing; `github_unavailable`.
    """
    reply = github.ask(owner, f"/repos/{repository}/hooks?per_page={_PER_PAGE}")
    found = read(reply, list[_Hook], github.app, f"the hooks of {repository}", advice=_ADVICE)
    return [hook.id for hook in found if same_address(hook.config.url, ours)]


def page(github: Metered, log: HookLog, cursor: str | None) -> Page:
    """One page of a log; from the newest line on without a cursor."""
    where = f"&cursor={quote(cursor, safe='')}" if cursor else ""
    reply = github.ask(log.owner, f"{log.path}/deliveries?per_page={_PER_PAGE}{where}")
    found = read(reply, list[_Line], github.app, log.name, advice=_ADVICE_APP if log.owner == APP else _ADVICE)
    return Page([_line(told) for told in found], _following(reply))


def redeliver(github: Metered, log: HookLog, delivery_id: int) -> bool:
    """Ask GitHub to send this one again; it answers before it has done so. False: it has forgotten this one.

    Raises:
        ZektError: `github_refused`, with the permission that is missing; `github_unavailable`.
    """
    reply = github.ask(log.owner, f"{log.path}/deliveries/{delivery_id}/attempts", verb="POST")
    if reply.status in _FORGOTTEN:
        return False
    if reply.status != requests.codes.accepted:
        read(reply, dict, github.app, f"redeliveries of {log.name}", advice=_ADVICE)
    return True


def event_of(github: Metered, log: HookLog, delivery_id: int) -> RunEvent | Ignored:
    """What a logged webhook said: the log keeps its body.

    Raises:
        ZektError: `github_refused` or `github_unavailable`; `webhook_malformed`.
    """
    about = f"delivery {delivery_id} of {log.name}"
    reply = github.ask(log.owner, f"{log.path}/deliveries/{delivery_id}")
    told = read(reply, _Detail, github.app, about, advice=_ADVICE_APP if log.owner == APP else _ADVICE)
    return webhook.parse(told.event, told.guid, bytes(told.request.payload))


def same_address(one: str, other: str) -> bool:
    """Whether two web addresses are one: host and scheme in any case, with or without the usual port or a last `/`."""
    known = _address(one)
    return known is not None and known == _address(other)


def _address(url: str) -> tuple[str, str, int | None, str, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port, parts.path.rstrip("/"), parts.query


def _line(told: _Line) -> LogLine:
    return LogLine(
        id=told.id,
        guid=told.guid,
        delivered_at=told.delivered_at,
        redelivery=told.redelivery,
        # The filter `status=failure` would miss what got no answer at all.
        ok=told.status == "OK",
        event=told.event,
        action=told.action,
        repository_id=told.repository_id,
    )


def _following(reply: Reply) -> str | None:
    """The next page's cursor. Nothing but the cursor is taken from the link: where we ask is ours to say."""
    for link in parse_header_links(reply.headers.get("link", "")):
        if link.get("rel") == "next":
            cursors = parse_qs(urlsplit(link["url"]).query).get("cursor")
            return cursors[0] if cursors else None
    return None


_FORGOTTEN = frozenset({requests.codes.not_found, requests.codes.gone, requests.codes.unprocessable_entity})

_ADVICE = {
    403: "The app needs the repository permission 'Webhooks: Read and write' to see what GitHub could not deliver, and"
    " to ask for it again; after it was added, an owner clicks Settings > GitHub Apps > Configure > 'Review request'"
    " and accepts. Until then, the hook's own page (Settings > Webhooks > Recent deliveries) has the button"
    " 'Redeliver'.",
}
_ADVICE_APP = {
    404: "GitHub does not know it any more. The app's page (Settings > Developer settings > GitHub Apps > the app >"
    " Advanced) lists what there is.",
}
