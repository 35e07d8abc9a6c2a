"""What tests of figures share: the page of /metrics, read as Prometheus reads it."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from zekt_backend.insight import standing
from zekt_testing.broker import ADMIN_TOKEN, Zekt

Scrape = Callable[..., "Page"]


class Page:
    """`page("zekt_attempts_total", outcome="accepted")` is that sample's value; None where there is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float | None:
        found = [sample.value for sample in self.samples if sample.name == name and sample.labels == labels]
        assert len(found) <= 1
        return found[0] if found else None

    def all(self, name: str, label: str) -> dict[str, float]:
        """What is not nought of it, by that label, which must be the only one."""
        told = [sample for sample in self.samples if sample.name == name and sample.value]
        assert all(set(sample.labels) == {label} for sample in told)
        return {sample.labels[label]: sample.value for sample in told}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the page is a look at the database."""
    monkeypatch.setattr(standing, "KEPT_SECONDS", 0.0)


@pytest.fixture
def scrape() -> Scrape:
    """`scrape(zekt)`, or an address."""

    def get(zekt: Zekt | str, token: str = ADMIN_TOKEN) -> Page:
        url = zekt if isinstance(zekt, str) else zekt.url
        answer = requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    return get


@pytest.fixture
def deliver() -> Callable[[Any], str]:
    """A message, the end of its run, and the id of the delivery that this made."""

    def one(zekt: Any) -> str:
        run = zekt.start_run()
        assert zekt.send(run).status_code == 202
        assert [answer.status_code for answer in zekt.github.finish_run(run)] == [202]
        return str(zekt.sql("SELECT id FROM deliveries ORDER BY seq DESC LIMIT 1")[0][0])

    return one


@pytest.fixture
def whole(start: Callable[..., Zekt], scrape: Scrape, deliver: Callable[[Any], str]) -> Page:
    """The page after at least one of everything: what has labels is absent before."""
    zekt = start()
    zekt.until(deliver(zekt), "dispatched")
    zekt.until_sql("SELECT 1 FROM pgqueuer_schedules WHERE entrypoint = 'sweep' AND last_run IS NOT NULL")
    zekt.github.faults.add(where="dispatch", kind="rate_limit_primary", status=403, seconds=600)
    deliver(zekt)
    zekt.until_sql("SELECT 1 FROM installations WHERE blocked_until > now()")
    zekt.post("/api/github/webhooks", "x", {})
    zekt.github.faults.add(where="dispatch", kind="status", status=404, times=None)
    zekt.sql("UPDATE installations SET blocked_until = '-infinity'")
    zekt.until(deliver(zekt), "failed")
    return scrape(zekt)
