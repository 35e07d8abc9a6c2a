"""docs/migrating.md: all that the hosted action has, as it has it, and examples that are what they say."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from zekt_action.inputs import OLD_INPUTS
from zekt_workflows.checks import inputs
from zekt_workflows.ours import Part

# As its action.yml has them in releases 1.0.0 and 3.0.7, and README's `step_{step_id}_outputs_{field}`.
INPUTS = {
    "event-type", "payload", "zekt-api-url", "shield", "orchestration-api-url", "orchestrate", "execution_mode", "wait",
    *OLD_INPUTS,
}  # fmt: skip
OUTPUTS = {
    "event-id", "status", "consumers-notified", "execution_id", "execution_status", "step_{step_id}_outputs_{field}",
    "success", "run_id", "step_id", "error_message",
}  # fmt: skip


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs/migrating.md").read_text("utf-8")


@pytest.fixture(scope="module")
def action(root: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((root / "action.yml").read_text("utf-8"))
    return parsed


@pytest.fixture(scope="module")
def examples(page: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def section(page: str, name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize(("kind", "theirs"), [("Inputs", INPUTS), ("Outputs", OUTPUTS)])
def test_every_input_and_output_of_the_hosted_action_has_its_row(page: str, kind: str, theirs: set[str]) -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", section(page, kind), re.MULTILINE)
    assert sorted(rows) == sorted(theirs)


@pytest.mark.parametrize("kind", ["Inputs", "Outputs"])
def test_what_is_said_to_be_new_is_all_that_is_new(page: str, action: dict[str, Any], kind: str) -> None:
    found = re.search(r"^New here: ([^(\n]+)", section(page, kind), re.MULTILINE)
    assert found
    theirs = INPUTS if kind == "Inputs" else OUTPUTS
    assert set(re.findall(r"`([^`]+)`", found[1])) == set(action[kind.lower()]) - theirs


@pytest.mark.parametrize("kind", ["Inputs", "Outputs"])
def test_what_is_said_to_be_the_same_is_here_by_that_name(page: str, action: dict[str, Any], kind: str) -> None:
    same = re.findall(r"^\| `([^`]+)` \| [^|]+ \| the same", section(page, kind), re.MULTILINE)
    assert len(same) == 3
    assert set(same) <= set(action[kind.lower()])


def test_before_is_the_first_version_and_after_is_this_one(examples: list[str], action: dict[str, Any]) -> None:
    before, after = (yaml.safe_load(text) for text in examples)
    (old,), (new,) = (flow["jobs"]["order"]["steps"] for flow in (before, after))
    assert set(old["with"]) <= set(OLD_INPUTS)
    assert set(new["with"]) <= set(action["inputs"])
    assert {name for name, spec in action["inputs"].items() if spec.get("required")} <= set(new["with"])
    assert after["permissions"]["id-token"] == "write"
    assert old["with"]["zekt_payload"] == new["with"]["payload"]


def test_both_examples_are_workflows(examples: list[str], tmp_path: Path) -> None:
    for number, text in enumerate(examples):
        (tmp_path / f"{number}.yml").write_text(text, encoding="utf-8")
    checker = Path(sys.executable).with_name("check-jsonschema")
    schema = [str(checker), "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run(
        [*schema, *map(str, sorted(tmp_path.iterdir()))], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout


def test_the_linter_and_the_action_say_the_same_of_old_inputs() -> None:
    """In two places, because neither package knows the other."""
    assert inputs.OLD == OLD_INPUTS


@pytest.mark.parametrize(
    ("part", "name"),
    [(Part.SEND, "action.yml"), (Part.SEND, "send/action.yml")]
    + [(part, f"{part}/action.yml") for part in (Part.CONFIRM, Part.COMPLETE)],
)
def test_the_linter_knows_each_actions_inputs(root: Path, part: Part, name: str) -> None:
    assert sorted(inputs.TAKES[part]) == sorted(yaml.safe_load((root / name).read_text("utf-8"))["inputs"])
