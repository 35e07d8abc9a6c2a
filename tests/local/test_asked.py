"""What starts a workflow, and with which inputs, as GitHub has it."""

from typing import Any

import pytest

from zekt_sandbox.local.asked import event_of, hears, inputs_of
from zekt_sandbox.local.errors import LocalError
from zekt_workflows.reader import read

DISPATCHED = """
on:
  workflow_dispatch:
    inputs:
      size: {type: choice, options: [small, large], default: small}
      region: {required: true}
      quick: {type: boolean}
      count: {type: number, default: 3}
      note: {}
jobs: {}
"""


@pytest.mark.parametrize(
    ("on", "kind", "true"),
    [
        ("{repository_dispatch: {types: [order, ready]}}", "ready", True),
        ("{repository_dispatch: {types: order}}", "order", True),
        ("{repository_dispatch: {types: [order]}}", "Order", False),
        ("repository_dispatch", "anything", True),
        ("[push, repository_dispatch]", "anything", True),
        ("push", "order", False),
    ],
)
def test_a_dispatch_starts_what_listens_for_its_type(on: str, kind: str, true: bool) -> None:
    assert hears(read(f"on: {on}\njobs: {{}}\n"), "repository_dispatch", kind) is true


def test_every_input_is_a_string_and_defaults_are_filled_in() -> None:
    assert inputs_of(read(DISPATCHED), {"region": "west", "quick": True, "count": 4}) == {
        "size": "small", "region": "west", "quick": "true", "count": "4", "note": "",
    }  # fmt: skip
    assert inputs_of(read(DISPATCHED), {"region": "west"})["quick"] == "false"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Required input 'region' not provided"),
        ({"region": "x", "colour": "red"}, r"Unexpected inputs provided: \['colour'\].*size, region"),
        ({"region": "x", "size": "huge"}, "'huge' for input 'size' not in the list of allowed values"),
        ({"region": "x", "quick": "yes"}, "'yes' for input 'quick' is not a boolean"),
        ({"region": "x", "count": "many"}, "'many' for input 'count' is not a number"),
        ({"region": "x" * 70_000}, "inputs are too large"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(LocalError, match=said):
        inputs_of(read(DISPATCHED), given)


@pytest.mark.parametrize(
    ("on", "wanted", "event"),
    [
        ("[push, workflow_dispatch]", None, "workflow_dispatch"),
        ("[push, pull_request]", None, "push"),
        ("[pull_request]", "pull_request", "pull_request"),
    ],
)
def test_a_person_starts_it_by_what_it_listens_for(on: str, wanted: str | None, event: str) -> None:
    assert event_of(read(f"on: {on}\njobs: {{}}\n"), wanted) == event


@pytest.mark.parametrize(("on", "wanted"), [("[pull_request]", None), ("push", "workflow_dispatch")])
def test_what_it_does_not_listen_for_is_refused_with_what_it_does(on: str, wanted: str | None) -> None:
    with pytest.raises(LocalError, match="listens for p"):
        event_of(read(f"on: {on}\njobs: {{}}\n", "order.yml"), wanted)
