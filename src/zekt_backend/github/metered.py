"""Asking GitHub within a budget: what is left of an hour's requests belongs to the dispatches first."""

from collections.abc import Callable

from github.Requester import Requester

from zekt_backend.github import lookup
from zekt_backend.github.budget import APP
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.connection import Reply
from zekt_backend.rules import answers

_SILENCES = 3
"""Calls in a row without an answer after which GitHub is down, and nobody else's budget is tried."""


class SetAsideError(Exception):
    """This owner is not asked any more in this round; `Metered.aside` says why."""


class Metered:
    """Calls of one round. Belongs to one thread at a time.

    Args:
        app: who asks.
        reserve: requests of an hour that are left alone, or half of the hour's where that is less.
        stopped: whether the process is about to end.
    """

    def __init__(self, app: GitHubApp, *, reserve: int, stopped: Callable[[], bool] = lambda: False) -> None:
        self.app = app
        self.calls = 0
        self.aside: dict[int, str] = {}
        self._reserve = reserve
        self._stopped = stopped
        self._silences = 0

    def ask(self, owner: int, path: str, *, verb: str = "GET") -> Reply:
        """One request, and one answer of any status.

        Raises:
            SetAsideError: the owner's budget is used up, as GitHub told at the last answer or tells now; or the
                process is stopping. Nothing was done then.
            TooLargeError: there was more of an answer than is read.
            ZektError: `github_unavailable`, there was none.
        """
        if self._stopped():
            self.set_aside(owner, "the process is stopping")
        if self._silences >= _SILENCES:
            self.set_aside(owner, "GitHub does not answer")
        if owner in self.aside:
            raise SetAsideError
        self.calls += 1
        self._silences += 1
        try:
            reply = lookup.get(lambda: self._requester(owner), path, verb=verb)
        except lookup.TooLargeError:
            self._silences = 0
            raise
        self._silences = 0
        self._watch(owner, reply)
        return reply

    def set_aside(self, owner: int, why: str) -> None:
        self.aside.setdefault(owner, why)

    def _requester(self, owner: int) -> Requester:
        return self.app.as_app() if owner == APP else self.app.requester(owner)

    def _watch(self, owner: int, reply: Reply) -> None:
        answer = answers.from_response(reply.status, reply.headers, reply.text, now=self.app.now())
        if answer.limited:
            self.set_aside(owner, f"GitHub's limit: {answer.text}")
            raise SetAsideError
        if answer.category == "auth" and owner != APP:
            self.app.forget(owner)
        remaining, limit = (_number(reply, f"x-ratelimit-{name}") for name in ("remaining", "limit"))
        if remaining is not None and remaining <= min(self._reserve, (limit or 0) // 2):
            self.set_aside(owner, f"{remaining} requests are left until GitHub's next hour, kept for dispatches")


def _number(reply: Reply, header: str) -> int | None:
    text = reply.headers.get(header, "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004
