"""Durable ingest: how fast webhooks and messages are answered with 202, which is after their commit.

The first requests do not count: connections, prepared statements and caches are there from the second on.
"""

from collections.abc import Iterator
from http import HTTPStatus

from zekt_bench import letters
from zekt_bench.figures import Row, row, spread_of
from zekt_bench.house import House, Zekt, accepted, answers, house, problems
from zekt_bench.size import Size

_KILO = 1024
_LARGEST = 524_288
_MESSAGES = {"1 KB": _KILO, "60 KB": 60 * _KILO, "512 KB": _LARGEST}
_CONCURRENCY = 16
_CONCURRENCIES = (1, _CONCURRENCY, 64)


def webhooks(size: Size, kind: type[House] = Zekt, concurrencies: tuple[int, ...] = _CONCURRENCIES) -> Iterator[Row]:
    """On a database of their own."""
    with house(kind=kind) as here, here.serving():
        yield from webhooks_at(here, size, concurrencies)


def webhooks_at(here: House, size: Size, concurrencies: tuple[int, ...] = _CONCURRENCIES) -> Iterator[Row]:
    """Of runs with one subscriber: event, decision, delivery and job are written; nobody works them off."""
    accepted(here, letters.webhooks(here, 1, size.warm_up), _CONCURRENCY)
    for concurrency in concurrencies:
        requests = letters.webhooks(here, 1, size.webhooks if concurrency > 1 else size.webhooks // 3)
        yield measured(here, "webhook 5 KB", "webhook", requests, concurrency)


def messages(size: Size) -> Iterator[Row]:
    """On a database of their own."""
    with house() as here, here.serving():
        yield from messages_at(here, size)


def messages_at(here: House, size: Size) -> Iterator[Row]:
    """Of runs that have not ended: signature and claims are verified, and the message is stored."""
    accepted(here, _letters(here, "1 KB", size.warm_up), _CONCURRENCY)
    for name, length in _MESSAGES.items():
        requests = _letters(here, name, size.large_messages if length == _LARGEST else size.messages)
        yield measured(here, f"message {name}", "message", requests, _CONCURRENCY)


def _letters(here: House, name: str, count: int) -> list[bytes]:
    body = letters.payload(_MESSAGES[name])
    return [letters.message(here, run, body) for run in letters.runs(here, 1, count)]


def measured(
    here: House, work: str, item: str, requests: list[bytes], concurrency: int, *, answer: int = HTTPStatus.ACCEPTED
) -> Row:
    """Sent by so many connections, each waiting for its answer before it sends the next; `answer` is the right one."""
    with here.loaded(requests, concurrency=concurrency) as load:
        meters = here.meters()
        meters.fresh_start()
        before = meters.read()
        found = answers(load)
        cost = meters.since(before)
        took = max(each.began / 1e9 + each.seconds for each in found) - min(each.began for each in found) / 1e9
        return row(
            work,
            f"c={concurrency}",
            item,
            len(requests),
            cost,
            failed=problems(found, answer),
            rate=len(requests) / took,
            memory=meters.memory(),
            **spread_of([each.seconds for each in found]),
        )
