"""Open an issue once: exactly one POST, and before it a look for the one of a try that nobody heard of. Blocking.

https://docs.github.com/en/rest/issues/issues
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec
import requests

from zekt_backend.github.client import GitHubApp, TokenRefusedError
from zekt_backend.github.connection import Reply, ask
from zekt_backend.github.failures import FAILURES, failed, not_minted
from zekt_backend.rules import answers
from zekt_backend.rules.paths import is_repository_name
from zekt_backend.rules.records import Answer

_PER_PAGE = 100
_MOST_PAGES = 5


@dataclass(frozen=True, slots=True)
class Issue:
    """What is to be opened, and where. The text holds `marker`, by which it is known."""

    installation_id: int
    repository: str
    title: str
    text: str
    marker: str


class _Listed(msgspec.Struct):
    html_url: str = ""
    body: str | None = None


class _App(msgspec.Struct):
    slug: str


def open_once(app: GitHubApp, issue: Issue, *, since: datetime | None) -> tuple[Answer, str | None]:
    """GitHub's answer, and where the issue is when there is one.

    Never raises for what GitHub or the network does, and never opens two by itself.

    Args:
        app: speaks as the installation.
        issue: what is to be opened.
        since: a try before may have opened it, not earlier than then: it is looked for first. None: none was made.
    """
    if not is_repository_name(issue.repository):
        nowhere = answers.from_response(404, {}, f"{issue.repository} is not owner/name.", now=app.now())
        return replace(nowhere, http_status=None), None
    try:
        if since is not None and (known := _known(app, issue, since)) is not None:
            return known
        requester = app.requester(issue.installation_id)
    except TokenRefusedError as refused:
        return not_minted(app, refused), None
    except (*FAILURES, msgspec.DecodeError) as error:
        return replace(failed(error), ambiguous=since is not None), None
    try:
        body = {"title": issue.title, "body": issue.text}
        reply = ask(requester, "POST", f"/repos/{issue.repository}/issues", body)
    except FAILURES as error:
        return failed(error), None
    return _opened(app, issue, reply)


def _opened(app: GitHubApp, issue: Issue, reply: Reply) -> tuple[Answer, str | None]:
    if reply.status == requests.codes.created:
        try:
            return _taken(app, reply), _link(msgspec.json.decode(reply.text, type=_Listed))
        except (msgspec.DecodeError, RecursionError):
            return _taken(app, reply), None
    answer = _refused(app, reply)
    if reply.status == requests.codes.unauthorized and app.forget(issue.installation_id):
        return replace(answer, permanent=False), None
    return answer, None


def _known(app: GitHubApp, issue: Issue, since: datetime) -> tuple[Answer, str | None] | None:
    """The one that is open already, or the answer of a GitHub that does not tell; None: there is none."""
    reply = ask(app.as_app(), "GET", "/app")
    if reply.status != requests.codes.ok:
        return _unsure(app, reply), None
    creator = quote(f"{msgspec.json.decode(reply.text, type=_App).slug}[bot]")
    start = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for page in range(1, _MOST_PAGES + 1):
        query = f"state=all&creator={creator}&since={start}&sort=created&per_page={_PER_PAGE}&page={page}"
        reply = ask(app.requester(issue.installation_id), "GET", f"/repos/{issue.repository}/issues?{query}")
        if reply.status != requests.codes.ok:
            return _unsure(app, reply), None
        listed = msgspec.json.decode(reply.text, type=list[_Listed])
        for one in listed:
            if issue.marker in (one.body or ""):
                return _taken(app, reply), _link(one)
        if len(listed) < _PER_PAGE:
            break
    return None


def _link(issue: _Listed) -> str | None:
    """It is shown as a link, so nothing but a web address is kept."""
    return issue.html_url if issue.html_url.startswith(("https://", "http://")) else None


def _taken(app: GitHubApp, reply: Reply) -> Answer:
    told = answers.from_response(requests.codes.no_content, reply.headers, "", now=app.now())
    return replace(told, http_status=reply.status, text="The issue is open.")


def _unsure(app: GitHubApp, reply: Reply) -> Answer:
    """The try before is still neither known nor unknown."""
    answer = _refused(app, reply)
    return answer if answer.permanent else replace(answer, ambiguous=True)


def _refused(app: GitHubApp, reply: Reply) -> Answer:
    answer = answers.from_response(reply.status, reply.headers, reply.text, now=app.now(), advice=_ADVICE)
    if reply.status == requests.codes.gone:
        return replace(answer, permanent=True, ambiguous=False, category="permission", advice=_ADVICE[410])
    if answer.accepted:
        return replace(answer, accepted=False, ambiguous=True, category="unexpected")
    return answer


_ADVICE = {
    403: "The app may not open issues there: it needs the repository permission 'Issues: Read and write'. Whoever runs"
    " the broker adds it on the app's page (docs/github-app.md); then an owner clicks Settings > GitHub Apps >"
    " Configure > 'Review request' and accepts. An archived repository takes none.",
    404: "The app does not see the repository: an owner looks at Settings > GitHub Apps > Configure, at Repository"
    " access and at Permissions ('Issues: Read and write').",
    410: "Issues are switched off in this repository: switch them on (Settings > General > Features), or choose another"
    " repository with `zekt notices set`.",
    422: "GitHub does not take the issue as it is; its own words say why.",
}
