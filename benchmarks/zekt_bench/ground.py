"""Databases of each kind. Past deliveries, which several works want, are a template: each has a copy of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Self

import psycopg
import requests
from psycopg import sql

from zekt_bench import directory, fill, letters
from zekt_bench.house import House, Zekt, accepted, house
from zekt_bench.size import Size

EMPTY, PAST, WAITING, SUBSCRIBED = "empty", "past", "waiting", "subscribed"
_CONCURRENCY = 4
_PATIENCE = 60


class Ground:
    """One PostgreSQL for all of them; it starts when the first is asked for."""

    def __init__(self, size: Size) -> None:
        self._size, self._held = size, ExitStack()
        self._first: House | None = None
        self._samples: dict[str, list[str]] = {}
        self._has_past = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()

    def called(self, kind: str) -> str:
        """As it stands in the report."""
        rows, subscriptions = f"{self._size.growth:,}", f"{self._size.subscriptions:,}"
        return {
            EMPTY: "empty",
            PAST: f"{rows} in the past",
            WAITING: f"{rows} waiting",
            SUBSCRIBED: f"{subscriptions} subscriptions",
        }[kind]

    @contextmanager
    def copy(self, kind: str, broker: type[House] = Zekt) -> Iterator[House]:
        """A house on a database of that kind, in which nobody has changed anything; it is gone afterwards.

        Of several kinds there may be one each at a time.
        """
        first, name = self._base(), f"{kind}_copy"
        if kind == PAST:
            if not self._has_past:
                self._copied("postgres", PAST)
                self._fill(PAST, first.beside(PAST).database_url)
                self._has_past = True
            self._copied(PAST, name)
        else:
            self._copied("postgres", name)
            self._fill(kind, first.beside(name).database_url)
        try:
            yield first.beside(name, broker)
        finally:
            self._drop(name)

    def _base(self) -> House:
        if self._first is None:
            self._first = self._held.enter_context(house((1, 5)))
            # What one row leaves would fall on the next, or on the other database's: meters do it before each.
            self._server("ALTER SYSTEM SET autovacuum = off")
            self._server("SELECT pg_reload_conf()")
            self._samples = _samples(self._first)
        return self._first

    def _fill(self, kind: str, url: str) -> None:
        size, like = self._size, self._samples
        if kind == EMPTY:
            return
        if kind == SUBSCRIBED:
            fill.subscriptions(url, size.subscriptions)
            return
        # Of a hundred that have ended one has failed, and two fifths were durable.
        past = like["failed"] + 40 * like["completed"] + 59 * like["sent"]
        fill.deliveries(
            url,
            size.growth,
            connections=size.connections,
            samples=past if kind == PAST else like["dispatched"],
            over=timedelta(days=30 if kind == PAST else 1),
        )

    def _copied(self, template: str, name: str) -> None:
        # As files: the other way goes through the write-ahead log, page by page.
        self._server("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)

    def _drop(self, name: str) -> None:
        self._server("DROP DATABASE {} WITH (FORCE)", name)

    def _server(self, statement: str, *names: str) -> None:
        url = self._base().beside("template1").database_url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _samples(here: House) -> dict[str, list[str]]:
    """One delivery of each kind, each with a message, as broker and consumer have made them."""
    with here.serving(), here.working():
        found = {"sent": _dispatched(here, 1)}
        for name in ("dispatched", "completed", "failed"):
            found[name] = _dispatched(here, directory.DURABLE)
        for name in ("completed", "failed"):
            _acknowledge(here, found[name][0], name == "completed")
    # One of them waits for its confirmation: it would be dispatched again in the midst of what is measured.
    with psycopg.connect(here.database_url) as connection:
        connection.execute("UPDATE deliveries SET due_at = due_at + interval '2 days' WHERE due_at IS NOT NULL")
    return found


def _dispatched(here: House, kind: int | str) -> list[str]:
    here.take_dispatches()
    runs = letters.runs(here, kind, 1)
    accepted(here, [letters.message(here, run, letters.payload(letters.KILO)) for run in runs], _CONCURRENCY)
    accepted(here, [letters.webhook(here, run) for run in runs], _CONCURRENCY)
    here.until_dispatched(1, _PATIENCE)
    return [delivery for _, _, delivery in here.take_dispatches()]


def _acknowledge(here: House, delivery: str, success: bool) -> None:
    run = here.github.start_run(directory.buyer(0), event="repository_dispatch")
    with psycopg.connect(here.database_url) as connection:
        row = connection.execute("SELECT correlation_id FROM deliveries WHERE id = %s", (delivery,)).fetchone()
    if row is None:
        raise AssertionError("it was dispatched")
    body = {"correlationId": row[0], "deliveryId": delivery}
    for step, more in (("confirm", {}), ("complete", {"success": success})):
        answer = requests.post(
            f"{here.url}/api/event-delivery/{step}",
            json={**body, **more},
            headers={"Authorization": f"Bearer {run.token()}", "x-github-repository": run.repository.full_name},
            timeout=_PATIENCE,
        )
        answer.raise_for_status()
