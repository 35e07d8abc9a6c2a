"""What the examples' files promise each other, without a run: who sends, who listens, who is connected with whom."""

import re

import pytest

from examples.folders import ALL, EXAMPLES, Example

each = pytest.mark.parametrize("example", ALL, ids=lambda example: example.folder.name)


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
    assert sorted(rows) == [(example.folder.name, example.folder.name) for example in ALL]


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
    files = {(workflow.repository, workflow.path) for workflow in example.workflows}
    assert {(repository, path) for repository, path, _ in _services(example).values()} <= files


@each
def test_what_a_workflow_sends_is_published_and_what_one_listens_for_comes(example: Example) -> None:
    """Each consumer gets from its services what it listens for, and listens for all that its filter lets through."""
    services = _services(example)
    sends = {(workflow.repository, workflow.path): workflow.sends for workflow in example.workflows}
    assert {where for where, sent in sends.items() if sent} == {service[:2] for service in services.values()}
    coming: dict[str, set[str]] = {repository: set() for repository in example.repositories}
    for subscription in example.setup.subscriptions:
        assert subscription.status == "approved"
        repository, path, event_type = services[subscription.service]
        wanted = sends[repository, path] | {event_type}
        coming[subscription.consumer] |= set(subscription.event_types or wanted) & wanted
    listened = {repository: set[str]() for repository in example.repositories}
    for workflow in example.workflows:
        listened[workflow.repository] |= workflow.listens_for
    assert listened == coming


@each
def test_no_script_has_an_expression_in_it(example: Example) -> None:
    """GitHub pastes them in before the shell reads it; a value that goes by `env:` is never read as script."""
    scripts = [step["run"] for workflow in example.workflows for step in workflow.steps if "run" in step]
    assert scripts
    assert [script for script in scripts if "${{" in script] == []


@each
def test_a_job_may_do_no_more_than_its_steps_need(example: Example) -> None:
    for workflow in example.workflows:
        assert workflow.content["permissions"] == {}
        for job in workflow.content["jobs"].values():
            used = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
            needed = {"id-token": "write"} if any(name.startswith("zekt-dev-org/") for name in used) else {}
            needed |= {"contents": "read"} if "actions/checkout" in used else {}
            assert job.get("permissions", {}) == needed, (workflow.path, job["name"])


def test_no_two_examples_share_an_organisation_or_a_service() -> None:
    """So that one broker can have them all."""
    owners = [account.login for example in ALL for account in example.setup.accounts]
    slugs = [slug for example in ALL for slug in _services(example)]
    assert len(owners) == len(set(owners))
    assert len(slugs) == len(set(slugs))
