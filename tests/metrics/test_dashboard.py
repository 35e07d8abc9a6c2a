"""The example dashboard and the alert rules ask for nothing but what /metrics tells."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

DOCS = Path(__file__).resolve().parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "grafana/zekt.json").read_text("utf-8"))
RULES = [
    rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]

NAME = re.compile(r"\b(?:zekt|process)_\w+")
SELECTOR = re.compile(r"\b((?:zekt|process)_\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')
CLOSED = ("status", "outcome", "code", "state", "pool")
"""Labels whose every value is there from the start."""


def test_there_are_expressions_to_look_at() -> None:
    assert len(PANELS) > 20
    assert len(RULES) > 15


def test_every_figure_that_is_asked_for_is_told(whole: Any) -> None:
    told = {sample.name for sample in whole.samples}
    assert {name for expression in EXPRESSIONS for name in NAME.findall(expression)} - told == set()


def test_every_label_and_value_that_is_asked_for_is_told(whole: Any) -> None:
    wrong = []
    for expression in EXPRESSIONS:
        for name, matchers in SELECTOR.findall(expression):
            for label, _, value in MATCHER.findall(matchers):
                told = {sample.labels.get(label) for sample in whole.samples if sample.name == name}
                if told == {None} or (label in CLOSED and set(value.split("|")) - told):
                    wrong.append((expression, label, value))
    assert wrong == []


def test_what_is_grouped_by_is_a_label_of_what_is_grouped(whole: Any) -> None:
    for expression in EXPRESSIONS:
        names = set(NAME.findall(expression))
        labels = {label for sample in whole.samples if sample.name in names for label in sample.labels} | {"instance"}
        asked = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")}
        assert asked <= labels, expression


def test_counters_are_read_as_rates_and_figures_of_all_are_never_added_up(whole: Any) -> None:
    counters = {f.name + "_total" for f in whole.families.values() if f.type == "counter"}
    counters |= {
        f"{f.name}_{part}" for f in whole.families.values() if f.type == "histogram" for part in ("bucket", "count")
    }
    rows = re.findall(r"^\| `(zekt_\w+)` \| [^|]+ \| all \|", (DOCS / "metrics.md").read_text("utf-8"), re.MULTILINE)
    for expression in EXPRESSIONS:
        rated = set(re.findall(r"\b(?:rate|increase)\(((?:zekt|process)_\w+)", expression))
        assert rated == set(NAME.findall(expression)) & counters, expression
        for name in set(rows) & set(NAME.findall(expression)):
            assert re.search(rf"\b(?:max|min)(?: by \([^)]*\))? ?\({name}", expression), expression


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_a_rule_says_how_urgent_it_is_what_is_the_matter_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}


def test_no_two_rules_have_a_name() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_the_dashboard_can_be_imported_wherever_prometheus_is_called_what() -> None:
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    for panel in PANELS:
        assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{variable['name']}}}"}
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    assert "id" not in DASHBOARD


def test_the_panels_lie_beside_each_other_and_each_has_a_name() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["title"]
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in PANELS:
        assert all(a < b for a, b in pairwise(target["refId"] for target in panel["targets"]))
