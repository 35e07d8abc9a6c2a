"""What the demo's runner reads from a step's output file."""

import pytest

from zekt_sandbox.demo_runner import outputs


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("a=1\nb=2=3\n", {"a": "1", "b": "2=3"}),
        ("a<<END\none\ntwo\nEND\nb=3\n", {"a": "one\ntwo", "b": "3"}),
        ("a<<END\nb=1\nEND\n", {"a": "b=1"}),
        ("a=x<<y\n", {"a": "x<<y"}),
    ],
)
def test_outputs_are_read_as_a_runner_reads_them(text: str, values: dict[str, str]) -> None:
    assert outputs(text) == values
