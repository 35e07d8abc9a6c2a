"""docs/metrics.md has what /metrics has, and the other way round."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zekt_backend import worker
from zekt_backend.store import jobs

Start = Callable[..., Any]
DOCS = Path(__file__).resolve().parents[2] / "docs"
_ROW = re.compile(r"^\| `(zekt_\w+)` \| (\w+)((?:, `\w+`)*) \|", re.MULTILINE)


@pytest.fixture
def page(start: Start, scrape: Any, deliver: Any) -> Any:
    """After at least one of everything: what has labels is absent before."""
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


def test_the_page_of_metrics_is_what_is_told(page: Any) -> None:
    told = {}
    for family in page.families.values():
        if family.name.startswith("zekt_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            told[name] = (family.type, labels)
    rows = _ROW.findall((DOCS / "metrics.md").read_text("utf-8"))
    assert {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows} == told


def test_the_jobs_of_every_entrypoint_are_counted() -> None:
    """Of all that the queue's rows may be for."""
    installed = re.findall(r"engine\.entrypoint\(jobs\.(\w+)\)", Path(worker.__file__).read_text("utf-8"))
    assert {getattr(jobs, name) for name in installed} == set(jobs.ENTRYPOINTS)
