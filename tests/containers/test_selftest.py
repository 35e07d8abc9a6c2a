"""selftest.yml's own jobs: what GitHub's runners are asked to show is shown here first, with a runner of ours."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from zekt_testing.job import Job

pytestmark = [pytest.mark.docker, pytest.mark.long]

RUN = {
    "GITHUB_REPOSITORY": "zekt-dev-org/zekt-action",
    "GITHUB_REPOSITORY_ID": "4242",
    "GITHUB_REPOSITORY_OWNER": "zekt-dev-org",
    "GITHUB_RUN_ID": "777",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_WORKFLOW": "Self-test",
    "GITHUB_JOB": "loop",
    "GITHUB_ACTOR": "octocat",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_EVENT_NAME": "push",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: PostgreSQL's socket must fit into 107 bytes, which pytest's own folders do not leave."""
    with tempfile.TemporaryDirectory(prefix="zekt-") as name:
        yield Path(name)


def test_a_message_goes_from_one_organisation_to_another_and_back(folder: Path, action_image: str) -> None:
    """Started a second time, as somebody does whose first attempt failed."""
    job = Job(folder, action_image, RUN)
    job.play("selftest.yml", "loop")
    assert job.context["job.status"] == "success", job.log
    assert job.context["steps.send.outputs.status"] == "success"
    assert job.context["steps.confirm.outputs.status"] == "confirmed"


def test_a_step_that_fails_ends_the_job_and_what_was_logged_is_shown(folder: Path, action_image: str) -> None:
    job = Job(folder, action_image, RUN | {"GITHUB_REPOSITORY_ID": "none"})
    job.play("selftest.yml", "loop")
    assert job.context["job.status"] == "failure"
    assert job.context["steps.start.outcome"] == "failure"
    assert "steps.send.outcome" not in job.context
    assert "::group::github" in job.log


@pytest.mark.parametrize("name", ["refusals", "composites"])
def test_each_step_fails_or_passes_as_it_must(folder: Path, action_image: str, name: str) -> None:
    job = Job(folder, action_image, RUN)
    job.play("selftest.yml", name)
    assert job.context["job.status"] == "success", job.log
    assert "failure" in job.context.values()
