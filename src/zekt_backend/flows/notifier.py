"""Whoever tells notices: made once per process, with threads of its own, so that no dispatch waits for a receiver."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self

import structlog

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows import notices as flow
from zekt_backend.flows.change import Change
from zekt_backend.flows.gather_notices import gather
from zekt_backend.flows.notices import Terms, letter
from zekt_backend.flows.notify import Means, notify
from zekt_backend.flows.tell_critical import tell_critical
from zekt_backend.github import issues
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.issues import Issue
from zekt_backend.github.stand_in import StandIn
from zekt_backend.github.turnstile import Turnstile
from zekt_backend.log import milliseconds
from zekt_backend.outside.post import Post
from zekt_backend.rules import notices as rules
from zekt_backend.rules.addresses import origin
from zekt_backend.rules.notices import Answered
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import Answer
from zekt_backend.settings import Settings
from zekt_backend.store.database import Database

log = structlog.get_logger()

_TESTS = 2
"""That are under way at a time."""


@dataclass(frozen=True, slots=True)
class Notifier:
    means: Means
    send: Post
    threads: ThreadPoolExecutor
    trying: Turnstile
    slots: int
    """How many jobs may send at a time, of all processes together: a small part of what one may have under way."""

    @classmethod
    def build(
        cls,
        settings: Settings,
        db: Database,
        clock: Clock,
        github: GitHubApp,
        stand_in: StandIn | None,
        *,
        pace: Pace,
        dice: Callable[[], float],
    ) -> Self:
        slots = max(1, settings.worker_threads // 4)
        threads = ThreadPoolExecutor(slots + _TESTS, thread_name_prefix="notices")
        send = post(settings, stand_in)

        async def sent(url: str, headers: Mapping[str, str], body: bytes) -> Answered:
            began = time.perf_counter()
            answered = await asyncio.get_running_loop().run_in_executor(threads, partial(send, url, headers, body))
            log.info(
                "notice_answered",
                notice_id=headers["webhook-id"],
                to=origin(url),
                http_status=answered.status,
                answer=answered.text,
                duration_ms=milliseconds(began),
            )
            return answered

        async def opened(issue: Issue, since: datetime | None) -> tuple[Answer, str | None]:
            work = partial(issues.open_once, github, issue, since=since)
            began = time.perf_counter()
            answer, link = await asyncio.get_running_loop().run_in_executor(threads, work)
            log.info(
                "notice_issue_answered",
                repository=issue.repository,
                http_status=answer.http_status,
                category=answer.category,
                link=link,
                duration_ms=milliseconds(began),
            )
            return answer, link

        means = Means(db, clock, sent, opened, terms(settings), pace, dice)
        return cls(means, send, threads, Turnstile(threads, _TESTS, "tests of notices are under way"), slots)

    async def gather(self) -> int:
        """Make notices of what has failed, and wake whoever sends them."""
        means = self.means
        return await gather(db=means.db, now=means.clock.now, base_url=means.terms.base_url, slots=self.slots)

    async def tell_critical(self) -> int:
        """Tell owners of connections that have turned Critical."""
        means = self.means
        return await tell_critical(db=means.db, now=means.clock.now(), base_url=means.terms.base_url, dice=means.dice())

    async def notify(self) -> timedelta | None:
        """Tell what is due longest."""
        return await notify(self.means)

    async def is_development(self) -> bool:
        """Whether notices may go to this very machine."""
        return await asyncio.to_thread(self.send.is_development)

    async def test(self, account_id: int, change: Change, db: Database) -> dict[str, Any]:
        """Send a notice that tells nothing, and say how it was answered.

        Raises:
            ZektError: `not_yours`; `webhooks_off`; `conflict` when there is no url, or too much is under way.
        """
        return await test(account_id, change, db=db, clock=self.means.clock, terms=self.means.terms, post=self._try)

    async def _try(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        try:
            return await self.trying(partial(self.send, url, headers, body))
        except ZektError as busy:
            raise ZektError("conflict", busy.detail) from None

    def close(self) -> None:
        """What is being sent is waited for."""
        self.threads.shutdown(wait=True, cancel_futures=True)


async def test(
    account_id: int,
    change: Change,
    *,
    db: Database,
    clock: Clock,
    terms: Terms,
    post: Callable[..., Any],
) -> dict[str, Any]:
    """The same, for whoever has no notifier."""
    master = flow.require_master(terms)
    chosen, until = await flow.begin_test(account_id, change, db=db)
    try:
        body = rules.of_test(chosen.account, clock.now())
        answered: Answered = await post(
            chosen.url, *letter(chosen, f"notice-{uuid.uuid4()}", body, clock.now(), master)
        )
    finally:
        await flow.end_test(account_id, until, now=clock.now(), db=db)
    return flow.told(answered)


def terms(settings: Settings) -> Terms:
    secret = settings.webhook_secret
    master = secret.get_secret_value().encode() if secret else None
    return Terms(master, settings.notice_allowed_networks, settings.base_url)


def post(settings: Settings, stand_in: StandIn | None) -> Post:
    """Whoever sends to the addresses that owners choose."""
    networks = settings.notice_allowed_networks
    return Post(networks) if stand_in is None else Post(networks, stand_in.is_sandbox)
