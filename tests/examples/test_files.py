"""What the examples' files promise each other, without a run: who sends, who listens, who is connected with whom."""

import re
import shlex
from pathlib import Path

import pytest

from examples.folders import ALL, EXAMPLES, Example

each = pytest.mark.parametrize("example", ALL, ids=lambda example: example.name)


def _services(example: Example) -> dict[str, tuple[str, str, str]]:
    """slug → (repository, path of the workflow, event type)."""
    return {
        workflow.service.slug: (f"{account.login}/{repository.name}", workflow.path, workflow.service.event_type)
        for account in example.setup.accounts
        for repository in account.repositories
        for workflow in repository.workflows
        if workflow.service
    }


def test_there_are_seven_and_the_index_has_a_line_for_each() -> None:
    rows = re.findall(r"^\| \[([\w-]+)\]\(([\w-]+)\) \|", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE)
    assert len(ALL) == 7
    assert sorted(rows) == [(example.name, example.name) for example in ALL]


@each
def test_the_setup_file_names_the_folders_and_no_other_repository(example: Example) -> None:
    named = {
        f"{account.login}/{repository.name}"
        for account in example.setup.accounts
        for repository in account.repositories
    }
    assert named == example.repositories


@each
def test_every_service_is_published_from_a_workflow_that_is_there(example: Example) -> None:
    files = {(file.repository, file.path) for file in example.workflows}
    assert {(repository, path) for repository, path, _ in _services(example).values()} <= files


@each
def test_what_a_workflow_sends_is_published_and_what_one_listens_for_comes(example: Example) -> None:
    """Each consumer gets from its services what it listens for, and listens for all that its filter lets through."""
    services = _services(example)
    sends = {(file.repository, file.path): file.sends for file in example.workflows}
    assert {where for where, sent in sends.items() if sent} == {service[:2] for service in services.values()}
    coming: dict[str, set[str]] = {repository: set() for repository in example.repositories}
    for subscription in example.setup.subscriptions:
        assert subscription.status == "approved"
        repository, path, event_type = services[subscription.service]
        wanted = sends[repository, path] | {event_type}
        coming[subscription.consumer] |= set(subscription.event_types or wanted) & wanted
    listened = {repository: set[str]() for repository in example.repositories}
    for file in example.workflows:
        listened[file.repository] |= file.listens_for
    assert listened == coming


@each
def test_no_script_has_an_expression_in_it(example: Example) -> None:
    """GitHub pastes them in before the shell reads it; a value that goes by `env:` is never read as script."""
    scripts = [script for file in example.workflows for script in file.scripts]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


@each
def test_a_job_may_do_no_more_than_its_steps_need(example: Example) -> None:
    for file in example.workflows:
        assert file.workflow.permissions is not None
        assert (file.workflow.permissions.every, file.workflow.permissions.scopes) == (None, {})
        for job in file.workflow.jobs:
            used = {step.uses.repository for step in job.steps if step.uses}
            needed = {"id-token": "write"} if "zekt-dev-org/zekt-action" in used else {}
            needed |= {"contents": "read"} if "actions/checkout" in used else {}
            assert used <= {"zekt-dev-org/zekt-action", "actions/checkout"}
            assert (job.permissions.scopes if job.permissions else {}) == needed, (file.path, job.id.text)


@each
def test_the_readme_starts_what_is_there(example: Example) -> None:
    """Every command of it, by its words: the folder, the repository, the workflow, its inputs."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", example.readme, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert commands[0] == ["zekt", "sandbox", "up", f"examples/{example.name}"]
    startable = {(file.repository, Path(file.path).name): file.inputs for file in example.workflows}
    started = [command for command in commands if command[2] == "run"]
    assert started
    for _, _, _, repository, workflow, *rest in started:
        assert rest[0::2] == ["--input"] * (len(rest) // 2)
        assert {given.partition("=")[0] for given in rest[1::2]} <= startable[repository, workflow]
    assert {command[2] for command in commands} <= {"up", "run", "rerun"}


@each
def test_the_readme_names_no_file_that_is_not_there(example: Example) -> None:
    files = {path.name for path in example.folder.rglob("*") if path.is_file()}
    named = set(re.findall(r"\b[\w-]+\.(?:yml|yaml|json)\b", example.readme))
    assert named - files == set()


def test_no_two_examples_share_an_organisation_or_a_service() -> None:
    """So that one broker can have them all."""
    owners = [account.login for example in ALL for account in example.setup.accounts]
    slugs = [slug for example in ALL for slug in _services(example)]
    assert len(owners) == len(set(owners))
    assert len(slugs) == len(set(slugs))
