"""action.yml, confirm and complete, the reusable workflows, the code and README say the same."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ACTIONS = ("action.yml", "send/action.yml", "confirm/action.yml", "complete/action.yml")
COMPOSITES = ACTIONS[1:]
REUSABLE = {"zekt-send.yml": ("send/action.yml",), "zekt-receive.yml": ("confirm/action.yml", "complete/action.yml")}


@pytest.fixture(scope="module")
def actions(root: Path) -> dict[str, dict[str, Any]]:
    return {name: yaml.safe_load((root / name).read_text("utf-8")) for name in ACTIONS}


@pytest.fixture(scope="module")
def tables(root: Path) -> str:
    """README's table rows: `| \\`name\\` | …`."""
    rows = [line for line in (root / "README.md").read_text("utf-8").splitlines() if line.startswith("|")]
    return "\n".join(rows)


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_every_input_and_output_stands_in_a_table_of_readme(
    actions: dict[str, dict[str, Any]], tables: str, name: str, kind: str
) -> None:
    missing = [key for key in actions[name][kind] if not re.search(rf"^\| *`{re.escape(key)}`", tables, re.MULTILINE)]
    assert missing == []


def test_every_first_column_of_readmes_input_and_output_tables_exists(
    actions: dict[str, dict[str, Any]], root: Path
) -> None:
    """A table whose header's first word is Input or Output holds nothing that no action has."""
    known = {kind: {key for action in actions.values() for key in action[kind]} for kind in ("inputs", "outputs")}
    tables = re.findall(
        r"^\| *(Input|Output)\b[^\n]*\n((?:\|[^\n]*\n)+)",
        (root / "README.md").read_text("utf-8"),
        re.MULTILINE | re.IGNORECASE,
    )
    assert {kind.lower() for kind, _ in tables} == {"input", "output"}
    for kind, rows in tables:
        named = set(re.findall(r"^\| *`([^`]+)`", rows, re.MULTILINE))
        assert named - known[f"{kind.lower()}s"] == set()


@pytest.mark.parametrize("name", ACTIONS)
def test_every_input_and_output_is_described(actions: dict[str, dict[str, Any]], name: str) -> None:
    action = actions[name]
    described = {**action["inputs"], **action["outputs"]}
    assert [key for key, spec in described.items() if not spec.get("description")] == []


def test_the_action_reads_every_input_and_no_other(actions: dict[str, dict[str, Any]], root: Path) -> None:
    code = (root / "src/zekt_action/inputs.py").read_text("utf-8")
    read = set(re.findall(r"[\"']([a-z]+(?:-[a-z]+)*)[\"']", code))
    assert set(actions["action.yml"]["inputs"]) - read == set()


def test_the_action_writes_every_output(actions: dict[str, dict[str, Any]], root: Path) -> None:
    code = "\n".join(path.read_text("utf-8") for path in (root / "src/zekt_action").glob("*.py"))
    assert [key for key in actions["action.yml"]["outputs"] if f'"{key}"' not in code] == []


@pytest.mark.parametrize("name", COMPOSITES)
def test_composites_pass_every_input_by_env_and_interpolate_nothing(
    actions: dict[str, dict[str, Any]], name: str
) -> None:
    """Inputs do not become INPUT_* in a composite's `run` steps on GitHub (act sets them, which hides it)."""
    steps = actions[name]["runs"]["steps"]
    env = " ".join(str(value) for step in steps for value in step.get("env", {}).values())
    assert [key for key in actions[name]["inputs"] if f"inputs.{key}" not in env] == []
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_send_is_one_action_with_and_without_docker(actions: dict[str, dict[str, Any]]) -> None:
    """Inputs word for word; outputs but for the expression by which a composite hands them on."""
    docker, composite = actions["action.yml"], actions["send/action.yml"]
    assert composite["inputs"] == docker["inputs"]
    assert list(composite["outputs"]) == list(docker["outputs"])
    described = {name: {"description": spec["description"]} for name, spec in composite["outputs"].items()}
    assert described == docker["outputs"]
    handed_on = {name: spec["value"] for name, spec in composite["outputs"].items()}
    assert handed_on == {name: f"${{{{ steps.send.outputs.{name} }}}}" for name in docker["outputs"]}


@pytest.mark.parametrize(("workflow", "siblings"), REUSABLE.items())
def test_a_reusable_workflow_gives_each_input_of_its_actions_on(
    actions: dict[str, dict[str, Any]], root: Path, workflow: str, siblings: tuple[str, ...]
) -> None:
    """By the same name and with the same default, so that one table in README documents both."""
    parsed = yaml.safe_load((root / ".github/workflows" / workflow).read_text("utf-8"))
    inputs = parsed[True]["workflow_call"]["inputs"]  # YAML 1.1 reads the key `on` as true
    of_actions = {key: spec for name in siblings for key, spec in actions[name]["inputs"].items()}
    shared = {key for key in inputs if key in of_actions and not inputs[key]["required"]}
    assert shared
    different = [key for key in shared if inputs[key].get("default") != of_actions[key].get("default")]
    assert different == []


@pytest.mark.parametrize(("workflow", "siblings"), REUSABLE.items())
def test_a_reusable_workflow_gives_its_actions_what_they_take_and_nothing_else(
    actions: dict[str, dict[str, Any]], root: Path, workflow: str, siblings: tuple[str, ...]
) -> None:
    """A name that an action does not have would be a warning in the log, and the input its default."""
    parsed = yaml.safe_load((root / ".github/workflows" / workflow).read_text("utf-8"))
    steps = [step for job in parsed["jobs"].values() for step in job["steps"] if step.get("uses", "").startswith("$/")]
    assert [f"{step['uses'][2:]}/action.yml" for step in steps] == list(siblings)
    for step, sibling in zip(steps, siblings, strict=True):
        assert set(step["with"]) - set(actions[sibling]["inputs"]) == set()
        required = {name for name, spec in actions[sibling]["inputs"].items() if spec["required"]}
        assert required - set(step["with"]) == set()
