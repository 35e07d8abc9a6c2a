"""No workflow file makes the linter stumble, and none makes it work for ever."""

import contextlib
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.cases import COMPLETE, CONFIRM, FLOWS, ZEKT
from workflows.more_cases import RULES
from zekt_workflows import rules
from zekt_workflows.errors import WorkflowFileError
from zekt_workflows.lint import lint
from zekt_workflows.reader import read

_TEXTS = st.sampled_from(
    [
        "", "push", "repository_dispatch", "pull_request_target", "${{ github.event.client_payload.x }}", "${{", "}}",
        "${{ toJSON(steps) }}", "${{ needs.a.outputs.x }}", "${{ env.x || matrix.x }} y", "always()", "!cancelled()",
        ZEKT, CONFIRM, CONFIRM.replace("confirm", "complete"), f"{FLOWS}/zekt-send.yml@v0",
        "actions/github-script@v8", "./x", "a", "confirm", "read-all", '{"a": 1}', "echo x=$x >> $GITHUB_OUTPUT",
    ]
)  # fmt: skip
_LEAVES = _TEXTS | st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8)
_KEYS = st.sampled_from(
    ["on", "jobs", "steps", "uses", "with", "run", "if", "env", "id", "needs", "outputs", "permissions", "types",
     "payload", "status", "event-type", "script", "container", "services", "image", "strategy", "matrix", "a", "x"]
)  # fmt: skip
_ANY = st.recursive(
    _LEAVES, lambda within: st.lists(within, max_size=3) | st.dictionaries(_KEYS, within, max_size=4), max_leaves=12
)
_STEP = st.fixed_dictionaries(
    {},
    optional={
        "uses": _TEXTS, "run": _TEXTS, "if": _TEXTS, "id": _TEXTS, "shell": _TEXTS,
        "with": st.dictionaries(_KEYS, _TEXTS, max_size=3), "env": st.dictionaries(_KEYS, _TEXTS, max_size=3),
    },
)  # fmt: skip
_JOB = st.fixed_dictionaries(
    {"steps": st.lists(_STEP, max_size=4)},
    optional={
        "needs": st.sampled_from(["a", "x", ["a", "x"]]), "outputs": st.dictionaries(_KEYS, _TEXTS, max_size=2),
        "strategy": st.fixed_dictionaries({"matrix": _ANY}), "container": _ANY, "services": _ANY, "uses": _TEXTS,
        "permissions": st.sampled_from(["read-all", {"id-token": "write"}, {}, None]),
    },
)  # fmt: skip
_WORKFLOW = st.fixed_dictionaries(
    {"on": st.sampled_from(["push", ["repository_dispatch"], {"repository_dispatch": {"types": ["x"]}}]),
     "jobs": st.dictionaries(st.sampled_from(["a", "x"]), _JOB, max_size=2)},
    optional={"env": st.dictionaries(_KEYS, _TEXTS, max_size=2)},
)  # fmt: skip


def check(text: str) -> None:
    with contextlib.suppress(WorkflowFileError):
        flow = read(text, "f.yml")
        lines = text.count("\n") + 1
        for found in lint([flow], {"a"}):
            assert found.rule in rules.RULES
            assert 1 <= found.place.line <= lines
            assert found.place.column <= len(flow.source.line(found.place.line)) + 1


@settings(max_examples=200)
@given(_WORKFLOW)
def test_nothing_that_is_shaped_as_a_workflow_makes_it_stumble(flow: dict[str, Any]) -> None:
    check(yaml.safe_dump(flow))


@given(_ANY)
def test_no_yaml_makes_it_stumble(anything: Any) -> None:
    check(yaml.safe_dump(anything))


@given(st.sampled_from([text for texts in RULES.values() for text in texts]), st.data())
def test_no_damage_makes_it_stumble(text: str, data: st.DataObject) -> None:
    """A piece cut out of a file that has everything."""
    start = data.draw(st.integers(0, len(text)))
    check(text[:start] + text[data.draw(st.integers(start, len(text))) :])


def test_a_chain_of_as_many_jobs_as_a_file_holds_comes_to_an_end() -> None:
    jobs = "".join(
        f"  j{n}: {{needs: [j{n + 1}], outputs: {{x: '${{{{ needs.j{n + 1}.outputs.x }}}}'}}, steps: [run: x]}}\n"
        for n in range(1000)
    )
    check(f"on: push\njobs:\n{jobs}")


_TOP = "on: push\njobs:\n  a:\n    steps:\n"
_FULL = {
    "one long path": _TOP + "      - run: ${{ a" + "[0]" * 40_000 + " }}\n",
    "one long word": _TOP + "      - env: {X: '${{ github.event.client_payload.x }}'}\n        run: GITHUB_OUTPUT echo "
    + "a" * 120_000 + "\n",
    "no end of echo": _TOP + "      - env: {X: '${{ github.event.client_payload.x }}'}\n        run: GITHUB_OUTPUT "
    + "echo a" * 18_000 + "\n",
    "quotes in quotes": _TOP + "      - env: {X: '${{ github.event.client_payload.x }}'}\n        run: GITHUB_OUTPUT X "
    + '"$(' * 40_000 + "\n",
    "no next line": _TOP + "      - env: {X: '${{ github.event.client_payload.x }}'}\n        run: "
    + "GITHUB_OUTPUT; echo a=$X"
    + "\\n" * 60_000 + "\n",
    "pipes without an end": _TOP + "      - env: {X: '${{ github.event.client_payload.x }}'}\n        run: "
    + "GITHUB_OUTPUT; a=$X$("
    + "| wc " * 24_000 + "\n",
    "a variable a line": _TOP + "      - env: {X: '${{ github.event.client_payload.x }}'}\n        run: |\n"
    + "          GITHUB_OUTPUT\n" + "".join(f"          a{n}=$X\n" for n in range(6_000)),
}  # fmt: skip


_LONG = "${{ '" + "x" * 15_000 + "' }}"
_ALIASES = {
    "one value again and again": _TOP + f'      - run: x\n        with: {{x: [&a "{_LONG}"' + ",*a" * 9_000 + "]}\n",
    "the steps of many jobs, each with its neighbour's outputs": "on: push\njobs:\n"
    + "".join(
        f"  j{n}:\n    needs: [j{n + 1}]\n    outputs: {{x: '${{{{ needs.j{n + 1}.outputs.x }}}}'}}\n    steps: "
        + ("*s\n" if n else f'&s [{{run: &r "{_LONG}"}}' + ",{run: *r}" * 100 + "]\n")
        for n in range(60)
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", _ALIASES)
def test_a_file_that_is_short_only_as_it_is_written_is_refused(what: str) -> None:
    with pytest.raises(WorkflowFileError, match="aliases make more than 262,144 characters of it"):
        read(_ALIASES[what], "f.yml")


def test_jobs_in_a_circle_are_linted() -> None:
    check("on: push\njobs:\n  a: {needs: x, steps: [run: x]}\n  x: {needs: a, steps: [run: x]}\n")


@pytest.mark.parametrize("condition", ["${{ always()", "x ${{ always()", "${{", "!${{ 'a }}'"])
@pytest.mark.parametrize("where", ["step", "job"])
def test_a_condition_without_an_end_is_linted(condition: str, where: str) -> None:
    """One such file would lose the findings of all others."""
    step = f"      - uses: {COMPLETE}\n        with: {{status: '${{{{ job.status }}}}'}}\n"
    check(
        f'on: push\njobs:\n  a:\n    needs: b\n    if: "{condition}"\n    steps:\n{step}'
        if where == "job"
        else f'{_TOP}      - run: x\n{step}        if: "{condition}"\n'
    )


@pytest.mark.parametrize("what", _FULL)
def test_a_full_file_of_anything_is_linted_in_time(what: str) -> None:
    """Not a measure of speed: what grows faster than the file would take minutes, and this generous bound none."""
    started = time.process_time()
    check(_FULL[what])
    assert time.process_time() - started < 120
