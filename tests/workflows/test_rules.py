"""Every rule fires where it must and nowhere else, says what to paste, and is silent where it was told to be."""

import pytest

from workflows.cases import COMPLETE, FIRST, ZEKT, consumer, steps
from workflows.more_cases import RULES
from zekt_workflows import rules
from zekt_workflows.lint import lint
from zekt_workflows.model import Workflow
from zekt_workflows.reader import read

CASES = [(rule, text) for rule, texts in RULES.items() for text in texts]


def places(text: str) -> list[tuple[int, int]]:
    """Line and column of each mark, as if it were not there."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        pieces = line.split("¦")[:-1]
        found += [(number, len("".join(pieces[: count + 1])) + 1) for count in range(len(pieces))]
    return found


@pytest.mark.parametrize(("rule", "text"), CASES)
def test_a_rule_fires_at_the_marks_and_nowhere_else(rule: str, text: str) -> None:
    found = [each for each in lint([read(text.replace("¦", ""), "f.yml")]) if each.rule.id == rule]
    assert [(each.place.line, each.place.column) for each in found] == places(text)
    assert all(each.what.endswith(".") and each.fix and "\n\n" not in each.fix for each in found)


def test_every_rule_has_a_case_that_fires_and_one_that_does_not() -> None:
    assert {rule.id for rule in rules.RULES} - set(RULES) == {"event-type-unsent"}
    for rule, texts in RULES.items():
        assert {bool(places(text)) for text in texts} == {True, False}, rule


SENDER = read(steps(f"uses: {ZEKT}\nwith: {{event-type: order-placed}}"), "send.yml")
UNKNOWN = read(steps(f"uses: {ZEKT}\nwith: {{event-type: '${{{{ inputs.type }}}}'}}"), "any.yml")


def listener(*types: str) -> str:
    return steps(FIRST, on=f"{{repository_dispatch: {{types: [{', '.join(types)}]}}}}")


def test_an_event_type_that_nobody_sends_is_told_of_with_the_nearest_that_somebody_does() -> None:
    hears = read(listener("order-placed", "order-ready", "order_placed"), "hear.yml")
    found = [each for each in lint([hears, SENDER], {"order-ready"}) if each.rule is rules.EVENT_TYPE_UNSENT]
    assert [(each.place.line, each.place.column, each.fix) for each in found] == [(1, 63, "types: [order-placed]")]
    assert "`order_placed`" in found[0].what


@pytest.mark.parametrize(
    ("others", "services"),
    [
        ([SENDER], None),  # without a setup file nobody here knows who else sends
        ([SENDER, UNKNOWN], {"order-ready"}),  # this one may send it
    ],
)
def test_nothing_is_said_of_event_types_where_not_all_senders_are_known(
    others: list[Workflow], services: set[str] | None
) -> None:
    hears = read(listener("something"), "hear.yml")
    assert rules.EVENT_TYPE_UNSENT not in [each.rule for each in lint([hears, *others], services)]


def test_a_listener_for_others_is_left_alone() -> None:
    other = read(steps("run: x", on="{repository_dispatch: {types: [x]}}"), "other.yml")
    assert lint([other], {"order"}) == []


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# zekt: ignore[unpinned]", True),
        ("#zekt:ignore[run-name, unpinned] it is an example", True),
        ("# zizmor: ignore[unpinned-uses] # zekt: ignore[unpinned]", True),
        ("# zekt: ignore[run-name]", False),
        ("# zekt: ignore", False),
        ("# zekt: ignore[]", False),
    ],
)
def test_a_comment_on_the_line_silences_the_rules_that_it_names(comment: str, silent: bool) -> None:
    text = steps(f"uses: zekt-dev-org/zekt-action@v0 {comment}", top="permissions: {id-token: write}")
    assert (lint([read(text, "f.yml")]) == []) is silent


def test_in_a_script_the_comment_stands_on_the_line_or_where_the_script_begins() -> None:
    paste = "echo ${{ github.event.client_payload.x }}"
    ignore = "# zekt: ignore[payload-in-code]"
    for script in (f"run: | {ignore}\n  true\n  {paste}", f"run: |\n  {paste} {ignore}"):
        assert lint([read(steps(script), "f.yml")]) == []
    elsewhere = steps(f"run: |\n  true {ignore}\n  {paste}")
    assert [each.place.line for each in lint([read(elsewhere, "f.yml")])] == [8]


def test_findings_come_file_by_file_and_line_by_line() -> None:
    first = read(consumer("uses: zekt-dev-org/zekt-action/confirm@v0"), "b.yml")
    second = read(steps("run: ${{ github.event.client_payload.x }}"), "a.yml")
    found = [(each.path, each.place.line, each.rule.id) for each in lint([first, second])]
    assert found == [
        ("b.yml", 1, "run-name"),
        ("b.yml", 7, "duplicate-unread"),
        ("b.yml", 7, "unpinned"),
        ("a.yml", 6, "payload-in-code"),
    ]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        (steps("run: echo ${{ github.event.client_payload.zekt.payload.vm-size }}"),
         'env:\n  VM_SIZE: ${{ github.event.client_payload.zekt.payload.vm-size }}\n# and inside the code: "$VM_SIZE"'),
        (steps("uses: actions/github-script@v8\nwith: {script: '${{ github.event.client_payload[0] }}'}"),
         "env:\n  MESSAGE: ${{ github.event.client_payload[0] }}\n# and inside the code: process.env.MESSAGE"),
        (steps("if: \"'${{ github.event.client_payload.x }}' == 'a'\"\nrun: x"),
         "if: github.event.client_payload.x == 'a'"),
        (consumer(f"uses: {COMPLETE}\nif: steps.a.outputs.b"),
         "if: always() && (steps.a.outputs.b)"),
        (steps(f"uses: {ZEKT}", job="permissions: {contents: write, id-token: read}"),
         "permissions:\n  contents: write\n  id-token: write"),
    ],
)  # fmt: skip
def test_the_fix_is_what_is_to_be_pasted(text: str, fix: str) -> None:
    assert fix in [each.fix for each in lint([read(text, "f.yml")])]
