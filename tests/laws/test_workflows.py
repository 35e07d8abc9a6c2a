"""What every workflow of ours must have, and what the release's alone may."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

USES = re.compile(r"^\s*(?:- )?uses: *(\S+)(.*)$", re.MULTILINE)
VERSION = re.compile(r" # v\d+\.\d+\.\d+")

Workflows = dict[str, dict[Any, Any]]


@pytest.fixture(scope="module")
def texts(root: Path) -> dict[str, str]:
    folder = root / ".github/workflows"
    return {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def workflows(texts: dict[str, str]) -> Workflows:
    return {name: yaml.safe_load(text) for name, text in texts.items()}


@pytest.fixture(scope="module")
def jobs(workflows: Workflows) -> Callable[[], Iterator[tuple[str, dict[str, Any]]]]:
    def every() -> Iterator[tuple[str, dict[str, Any]]]:
        for name, workflow in workflows.items():
            for key, job in workflow["jobs"].items():
                yield f"{name}: {key}", job

    return every


def test_every_pinned_action_says_which_version_its_commit_is(texts: dict[str, str]) -> None:
    """That it is pinned at all, tests/laws/test_hygiene.py holds."""
    pinned = [(name, *used) for name, text in texts.items() for used in USES.findall(text) if "@" in used[0]]
    assert len(pinned) > 10
    assert [used for used in pinned if not VERSION.fullmatch(used[2])] == []


def test_one_version_of_an_action_is_one_commit_everywhere(texts: dict[str, str]) -> None:
    seen = {(action, rest) for text in texts.values() for action, rest in USES.findall(text) if "@" in action}
    assert len({action.partition("@")[0] for action, _ in seen}) == len(seen)


def test_no_workflow_has_a_permission_that_its_jobs_do_not_name(workflows: Workflows) -> None:
    assert [name for name, workflow in workflows.items() if workflow.get("permissions") != {}] == []


def test_every_job_names_its_permissions_and_ends_in_time(jobs: Callable[..., Any]) -> None:
    found = dict(jobs())
    assert [name for name, job in found.items() if "permissions" not in job] == []
    steps = {name: job for name, job in found.items() if "steps" in job}
    assert [name for name, job in steps.items() if not 1 <= job.get("timeout-minutes", 0) <= 360] == []


def test_no_expression_stands_in_a_script(jobs: Callable[..., Any]) -> None:
    scripts = [step.get("run", "") for _, job in jobs() for step in job.get("steps", [])]
    assert len([script for script in scripts if script]) > 5
    assert [script for script in scripts if "${{" in script] == []


def test_only_the_release_sees_a_secret_and_only_in_its_environment(jobs: Callable[..., Any]) -> None:
    """Until a maintainer says yes, what runs of a tag's commit may push and attest images, and nothing else."""
    sees = {name for name, job in jobs() if "secrets." in str(job)}
    assert sees == {"release.yml: publish"}
    assert {name for name, job in jobs() if job.get("environment") == "release"} == sees
    writes = {
        name: sorted(key for key, value in job["permissions"].items() if value == "write") for name, job in jobs()
    }
    assert {name: keys for name, keys in writes.items() if keys and name.startswith("release.yml")} == {
        "release.yml: build": ["packages"],
        "release.yml: image": ["attestations", "id-token", "packages"],
        "release.yml: publish": ["contents"],
    }


def test_a_release_is_published_only_after_everything_else(workflows: Workflows) -> None:
    release = workflows["release.yml"]["jobs"]

    def before(job: str) -> set[str]:
        needs = release[job].get("needs", [])
        direct = {needs} if isinstance(needs, str) else set(needs)
        return direct.union(*map(before, direct))

    assert before("publish") == set(release) - {"publish"}
    assert before("build") == {"check", "test", "selftest"}
    assert {release[job]["uses"] for job in ("test", "selftest")} == {
        "$/.github/workflows/ci.yml",
        "$/.github/workflows/selftest.yml",
    }


def test_what_a_release_calls_can_be_called(workflows: Workflows) -> None:
    """YAML 1.1 reads the key `on` as true."""
    assert all("workflow_call" in workflows[name][True] for name in ("ci.yml", "selftest.yml"))
