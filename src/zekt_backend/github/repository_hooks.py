"""Place our webhook on a repository, or take it away. Blocking; belongs in a worker thread.

https://docs.github.com/en/rest/repos/webhooks
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import requests

from zekt_backend.github import told
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.connection import Reply
from zekt_backend.github.hook_log import same_address
from zekt_backend.github.lookup import get, read
from zekt_backend.github.standing import check_name

EVENTS = ("workflow_run",)
"""What our webhook tells of: when a run is requested, begins and ends."""

_PER_PAGE = 100
_MOST_PAGES = 5
"""GitHub allows 20 hooks for each of its events; nobody has more pages than this."""


@dataclass(frozen=True, slots=True)
class Place:
    """A repository, and the installation that may write there."""

    installation_id: int
    full_name: str


def place(app: GitHubApp, at: Place, *, url: str, secret: str, known: int | None) -> int:
    """Make sure of one webhook of ours that tells of workflow runs; gives its id.

    What is there is taken over, the one we know (`known`) or one that sends to `url`, so that repeating this after a
    crash or a lost answer makes no second one. Its secret cannot be read, so it is always set.

    Raises:
        ZektError: `github_refused`, with what to do; `github_unavailable`.
    """
    check_name(at.full_name)
    wanted = {
        "config": {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret},
        "events": list(EVENTS),
        "active": True,
    }
    if (found := _find(app, at, url, known)) is not None:
        return _told(app, at, _ask(app, at, f"/{found}", "PATCH", wanted)).id
    answer = _ask(app, at, "", "POST", {"name": "web", **wanted})
    if answer.status == requests.codes.unprocessable and (found := _find(app, at, url, known)) is not None:
        # Somebody has placed it since we looked.
        answer = _ask(app, at, f"/{found}", "PATCH", wanted)
    return _told(app, at, answer).id


def remove(app: GitHubApp, at: Place, hook_id: int) -> None:
    """Take it away; one that is gone already is as good.

    Raises:
        ZektError: `github_refused`, with what to do; `github_unavailable`.
    """
    check_name(at.full_name)
    answer = _ask(app, at, f"/{hook_id}", "DELETE")
    if answer.status not in (requests.codes.no_content, requests.codes.not_found):
        read(answer, dict, app, f"webhook {hook_id} of {at.full_name}", advice=_ADVICE)


def _find(app: GitHubApp, at: Place, url: str, known: int | None) -> int | None:
    """The one we know, wherever it sends to; else the oldest that sends to us."""
    ours = []
    for page in range(1, _MOST_PAGES + 1):
        answer = _ask(app, at, f"?per_page={_PER_PAGE}&page={page}")
        hooks = read(answer, list[told.Hook], app, f"the webhooks of {at.full_name}", advice=_ADVICE)
        if any(hook.id == known for hook in hooks):
            return known
        ours += [hook.id for hook in hooks if same_address(hook.config.url, url)]
        if len(hooks) < _PER_PAGE:
            break
    return min(ours, default=None)


def _ask(app: GitHubApp, at: Place, path: str, verb: str = "GET", body: Mapping[str, Any] | None = None) -> Reply:
    where = f"/repos/{at.full_name}/hooks{path}"
    return get(lambda: app.requester(at.installation_id), where, verb=verb, body=body)


def _told(app: GitHubApp, at: Place, answer: Reply) -> told.Hook:
    if answer.status == requests.codes.created:
        answer = replace(answer, status=requests.codes.ok)
    return read(answer, told.Hook, app, f"the webhook on {at.full_name}", advice=_ADVICE)


_ADVICE = {
    403: "The app needs the repository permission 'Webhooks: Read and write'; after it was added, an owner clicks"
    " Settings > GitHub Apps > Configure > 'Review request' and accepts. An archived repository takes none.",
    404: "The app does not see the repository, or may not see its webhooks: an owner looks at Settings > GitHub Apps >"
    " Configure, at Repository access and at Permissions ('Webhooks: Read and write').",
    422: "GitHub does not take the webhook as it is. ZEKT_PUBLIC_URL must be an address that GitHub reaches; and a"
    " repository has at most 20 webhooks for one event: Settings > Webhooks lists them.",
}
