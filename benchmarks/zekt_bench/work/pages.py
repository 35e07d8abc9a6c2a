"""Lists and health pages, at the size that the database has: asked one after the other, as one person reads them."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import psycopg
import requests

from zekt_bench import directory
from zekt_bench.figures import Row
from zekt_bench.ground import EMPTY, PAST, SUBSCRIBED, WAITING, Ground
from zekt_bench.house import OPERATOR, House, Zekt
from zekt_bench.size import Size
from zekt_bench.wire import request
from zekt_bench.work import ingest

_READER = "reader"
"""Who owns the busiest seller and the busiest buyer."""
_PATIENCE = 60


class _WithSandbox(Zekt):
    """Its GitHub is the sandbox: a person can sign in."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.github.broker_environment()}


@dataclass(frozen=True, slots=True)
class Pages:
    ground: Ground

    def __call__(self, size: Size) -> Iterator[Row]:
        for kind in (EMPTY, PAST, WAITING, SUBSCRIBED):
            with self.ground.copy(kind, _WithSandbox) as here, here.serving():
                for row in _read(here, size):
                    how = f"{row.how}, {self.ground.called(kind)}"
                    than = "" if kind == EMPTY else f"{row.how}, {self.ground.called(EMPTY)}"
                    yield msgspec.structs.replace(row, how=how, than=than)


def _read(here: House, size: Size) -> Iterator[Row]:
    operator, reader = {"authorization": f"Bearer {OPERATOR}"}, {"cookie": _signed_in(here)}
    for name, path in _addresses(here).items():
        headers = operator if path.startswith(("/api/", "/metrics")) else reader
        # What is read at the first time only, templates for one, is read before.
        answer = requests.get(here.url + path, headers=headers, timeout=_PATIENCE, allow_redirects=False)
        if answer.status_code != requests.codes.ok:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:1000]}")
        asked = request(path, f"127.0.0.1:{here.port}", headers, method="GET")
        row = ingest.measured(here, "page", "request", [asked] * size.page_reads, 1, answer=requests.codes.ok)
        yield msgspec.structs.replace(row, how=name, rate=None)


def _signed_in(here: House) -> str:
    """The cookie of a session."""
    owned = (directory.seller(1).partition("/")[0], directory.buyer(0).partition("/")[0])
    here.github.set_person(_READER, organizations=dict.fromkeys(owned, "admin"))
    session = requests.Session()
    session.post(f"{here.url}/auth/development", json={"login": _READER}, timeout=_PATIENCE).raise_for_status()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def _addresses(here: House) -> dict[str, str]:
    """By the name that stands in the table. Console pages are the reader's, everything else is the operator's."""
    with psycopg.connect(here.database_url) as connection:
        found = connection.execute(
            """SELECT d.id, d.correlation_id, d.subscription_id, (SELECT max(seq) / 2 + 1 FROM deliveries),
                      (SELECT max(id) / 2 + 1 FROM decisions)
               FROM deliveries d JOIN subscriptions s ON s.id = d.subscription_id JOIN services v ON v.id = s.service_id
               WHERE v.slug = 'to-1' ORDER BY d.seq DESC LIMIT 1"""
        ).fetchone()
    if found is None:
        raise AssertionError("there is a delivery of the first service")
    delivery, run, connection_id, half, event = found
    return {
        "/api/deliveries": "/api/deliveries",
        "the same, failed": "/api/deliveries?status=failed",
        "the same, from the middle on": f"/api/deliveries?before={half}",
        "the same, failed, from the middle on": f"/api/deliveries?status=failed&before={half}",
        "/api/deliveries/counts": "/api/deliveries/counts",
        "/api/deliveries/ID": f"/api/deliveries/{delivery}",
        "/api/events": "/api/events",
        "the same of events, from the middle on": f"/api/events?before={event}",
        "/api/connections": "/api/connections",
        "/api/connections/ID/diagnostics": f"/api/connections/{connection_id}/diagnostics",
        "/api/health": "/api/health",
        "/api/usage": "/api/usage",
        "/api/traces/ID": f"/api/traces/{run}",
        "/metrics": "/metrics",
        "console: overview": "/",
        "console: deliveries of the provider": "/provider/deliveries",
        "console: of the consumer": "/consumer/deliveries",
        "console: delivery": f"/deliveries/{delivery}",
        "console: health": "/health",
        "console: connections": "/connections",
        "console: connection": f"/connections/{connection_id}",
        "console: directory": "/directory",
        "console: trace": f"/traces/{run}",
        "console: usage": "/usage",
    }
