"""docs/metrics.md has what /metrics has, and the other way round."""

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
_ROW = re.compile(r"^\| `(zekt_\w+)` \| (\w+)((?:, `\w+`)*) \|", re.MULTILINE)


def test_the_page_of_metrics_is_what_is_told(whole: Any) -> None:
    told = {}
    for family in whole.families.values():
        if family.name.startswith("zekt_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            told[name] = (family.type, labels)
    rows = _ROW.findall((DOCS / "metrics.md").read_text("utf-8"))
    assert {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows} == told
