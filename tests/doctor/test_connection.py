"""`zekt doctor CONNECTION`: workflow files, permissions, installations, repositories, and a GitHub that is down."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from zekt_testing.connection import CONSUMER, LISTENS, NAME, PROVIDER, RECEIVE, unconfirmed
from zekt_testing.deliveries import dispatched, ids

ALL_CHECKS = [
    "approval", "provider.app", "provider.webhook", "consumer.app", "consumer.repository", "consumer.workflow",
    "consumer.webhook", "runs",
]  # fmt: skip


def test_nothing_is_wrong_where_nothing_is(healthy: Any, command: Any, doctor: Any) -> None:
    run, delivery_id = dispatched(healthy)
    healthy.confirm(run, **ids(healthy, delivery_id))
    told = doctor()
    assert {check: each["verdict"] for check, each in told.items() if check != "exit"} == dict.fromkeys(
        ALL_CHECKS, "ok"
    )
    assert told["exit"] == 0
    assert f"{RECEIVE} listens for order-finished, infrastructure-order" in told["consumer.workflow"]["what"]
    assert "its newest delivery arrived" in told["provider.webhook"]["what"]
    done = command("doctor", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == NAME
    assert [line.split()[:2] for line in lines[1:-1]] == [["ok", check] for check in ALL_CHECKS]
    assert lines[-1].startswith("healthy  24 hours: 1 of 1 deliveries succeeded (100.00 %). The last was made at ")


def test_a_connection_is_found_in_any_case(zekt_command: Any) -> None:
    assert zekt_command("doctor", "infrastructure-orders@INFRA-TEAM/Platform").stdout.startswith(NAME)


def test_a_connection_that_is_not_there_lists_those_that_are(command: Any) -> None:
    done = command("doctor", "nothing@infra-team/\x1b[2Jplatform")
    assert done.returncode == 1
    assert done.stderr.startswith("not_found: ")
    assert NAME in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("arguments", [(NAME, "--stop"), ("--json",)])
def test_options_of_the_other_doctor_are_refused(command: Any, arguments: tuple[str, ...]) -> None:
    assert command("doctor", *arguments).returncode == 2


def test_without_a_connection_it_looks_for_a_leftover_server_as_before(command: Any) -> None:
    done = command("doctor")
    assert (done.returncode, done.stdout) == (0, "")
    assert "the embedded PostgreSQL is not used" in done.stderr


@pytest.mark.parametrize(
    ("file", "verdict", "says"),
    [
        ((None, None, "active"), "problem", "No workflow file on main listens for order-finished"),
        (("on: {repository_dispatch: {types: [another]}}", None, "active"), "problem", "listens for another"),
        (("on: push", None, "active"), "problem", "No file there has `on: repository_dispatch`"),
        ((LISTENS, "next", "active"), "problem", "a file on another branch does not count"),
        ((LISTENS, None, "disabled_manually"), "problem", f"{RECEIVE} (disabled_manually)"),
        ((LISTENS, None, "disabled_inactivity"), "problem", "Enable workflow"),
        (("on: {repository_dispatch: {types: [Order-Finished]}}", None, "active"), "warning", "by that very name"),
        (("on: [push\n", None, "active"), "problem", "unreadable: line 2: it is no YAML"),
        (("on: [repository_dispatch]", None, "active"), "ok", "listens for every event type"),
    ],
)  # fmt: skip
def test_the_default_branch_must_have_a_workflow_that_listens(
    zekt: Any, doctor: Any, file: tuple[str | None, str | None, str], verdict: str, says: str
) -> None:
    text, branch, state = file
    if text is not None:
        zekt.github.add_workflow(CONSUMER, RECEIVE, text, branch=branch, state=state)
    told = doctor()
    finding = told["consumer.workflow"]
    assert finding["verdict"] == verdict
    assert says in finding["what"] + finding.get("why", "")
    assert told["exit"] == (1 if verdict == "problem" else 0)
    if verdict == "problem" and state == "active":
        assert yaml.safe_load(finding["paste"])[True] == {"repository_dispatch": {"types": ["order-finished"]}}


def test_the_types_that_messages_had_count_too(healthy: Any, doctor: Any) -> None:
    healthy.send(healthy.start_run(), eventType="something-else")
    finding = doctor()["consumer.workflow"]
    assert finding["verdict"] == "warning"
    assert "nothing that runs listens for something-else" in finding["what"]


def test_a_subscription_that_asks_for_some_types_need_not_listen_for_others(zekt: Any, doctor: Any) -> None:
    zekt.github.add_workflow(CONSUMER, RECEIVE, "on: {repository_dispatch: {types: [infrastructure-order]}}")
    zekt.send(zekt.start_run(), eventType="something-else")
    assert doctor()["consumer.workflow"]["verdict"] == "problem"
    zekt.sql("UPDATE subscriptions SET event_types = %s", ["infrastructure-order"])
    assert doctor()["consumer.workflow"]["verdict"] == "ok"
    zekt.sql("UPDATE subscriptions SET event_types = %s", ["infrastructure-ordered"])
    finding = doctor()["consumer.workflow"]
    assert (finding["verdict"], "listens for infrastructure-ordered, so" in finding["what"]) == ("problem", True)


def test_a_files_name_and_types_cannot_steer_the_terminal(zekt: Any, command: Any) -> None:
    bad = ".github/workflows/[red]\x1b[2J.yml"
    zekt.github.add_workflow(CONSUMER, bad, 'on: {repository_dispatch: {types: ["[bold]\\e[2J\\u202e", "\\0"]}}')
    done = command("doctor", NAME)
    assert "[red] [2J.yml listens for [bold] [2J, ." in done.stdout
    assert not {"\x1b", "\u202e", "\0"} & set(done.stdout)


def test_switched_off_actions_are_seen_where_the_app_may_ask(healthy: Any, doctor: Any) -> None:
    healthy.github.change_repository(CONSUMER, actions_enabled=False)
    assert doctor()["consumer.workflow"]["verdict"] == "ok"
    healthy.github.set_installation(
        CONSUMER, permissions={"administration": "read", "contents": "write", "metadata": "read", "actions": "read"}
    )
    finding = doctor()["consumer.workflow"]
    assert (finding["verdict"], "switched off" in finding["what"]) == ("problem", True)


@pytest.mark.parametrize(
    ("repository", "permissions", "lacks"),
    [
        (CONSUMER, {"contents": "read", "actions": "read", "metadata": "read"}, "contents: write"),
        (CONSUMER, {"contents": "write", "metadata": "read"}, "actions: read"),
        (PROVIDER, {"metadata": "read"}, "actions: read"),
    ],
)
def test_a_missing_permission_is_named(
    healthy: Any, doctor: Any, repository: str, permissions: dict[str, str], lacks: str
) -> None:
    healthy.github.set_installation(repository, permissions=permissions)
    told, check = doctor(), f"{'consumer' if repository == CONSUMER else 'provider'}.app"
    assert told[check]["verdict"] == "problem"
    assert f"lacks {lacks}" in told[check]["what"]
    assert "Review request" in told[check]["why"]
    assert told["exit"] == 1


def _uninstall(zekt: Any) -> None:
    zekt.github.world.repositories.uninstall(52)


def _suspend(zekt: Any) -> None:
    zekt.github.set_installation(CONSUMER, suspended=True)


def _uncover(zekt: Any) -> None:
    zekt.github.add_repository("infra-team/other", installation_id=52)
    zekt.github.change_repository(CONSUMER, installation_id=9)


def _reinstall(zekt: Any) -> None:
    zekt.github.add_repository("infra-team/other", installation_id=77)
    zekt.github.change_repository(CONSUMER, installation_id=77)


@pytest.mark.parametrize(
    ("spoil", "says", "dark"),
    [
        (_uninstall, "is not installed on infra-team/platform", True),
        (_suspend, "is suspended", True),
        (_uncover, "but not on this repository", True),
        (_reinstall, "is 77, and the broker knows 52", False),
    ],
)
def test_an_installation_that_is_not_what_it_was_is_told(
    healthy: Any, doctor: Any, spoil: Callable[[Any], None], says: str, dark: bool
) -> None:
    spoil(healthy)
    told = doctor()
    assert told["consumer.app"]["verdict"] == "problem"
    assert says in told["consumer.app"]["what"]
    assert told["consumer.workflow"]["verdict"] == ("unknown" if dark else "ok")
    assert told["provider.app"]["verdict"] == "ok"
    assert told["exit"] == 1


@pytest.mark.parametrize(
    ("change", "says"), [({"archived": True}, "is archived"), ({"disabled": True}, "is disabled by GitHub")]
)
def test_a_repository_that_is_shut_is_told(healthy: Any, doctor: Any, change: dict[str, bool], says: str) -> None:
    healthy.github.change_repository(CONSUMER, **change)
    finding = doctor()["consumer.repository"]
    assert (finding["verdict"], says in finding["what"]) == ("problem", True)


def test_another_repository_under_the_name_is_told(healthy: Any, doctor: Any) -> None:
    healthy.github.world.repositories.remove(CONSUMER)
    healthy.github.add_repository(CONSUMER, id=9009, installation_id=52)
    finding = doctor()["consumer.repository"]
    assert finding["verdict"] == "problem"
    assert "GitHub's id is 9009, the broker knows 2002" in finding["what"]


def test_a_github_that_is_down_leaves_all_unknown_and_the_exit_code_says_so(healthy: Any, command: Any) -> None:
    unconfirmed(healthy, started=False)
    healthy.github.faults.add(where="rest", kind="status", status=503, times=None)
    before = len(healthy.github.visits("rest"))
    done = command("doctor", NAME, "--json")
    told = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    assert done.returncode == 3
    assert told.pop("approval")["verdict"] == "ok"
    assert {each["verdict"] for each in told.values()} == {"unknown"}
    # It is asked once, and not once more for each check.
    assert len(healthy.github.visits("rest")) == before + 1


def test_a_hanging_github_is_waited_for_once(healthy: Any, command: Any) -> None:
    healthy.github.faults.add(where="rest", kind="hang", seconds=30, times=None)
    done = command("doctor", NAME, ZEKT_GITHUB_TIMEOUT="0.5")
    assert done.returncode == 3
    assert "GitHub did not answer" in done.stdout


def test_a_subscription_can_be_asked_about_before_it_is_approved(healthy: Any, doctor: Any) -> None:
    healthy.sql("UPDATE subscriptions SET status = 'requested'")
    told = doctor()
    assert (told["approval"]["verdict"], told["consumer.workflow"]["verdict"], told["exit"]) == ("warning", "ok", 0)
    healthy.sql("UPDATE workflows SET whitelisted = false")
    assert "is not whitelisted" in doctor()["approval"]["what"]
    for number, name, role in ((2002, "infra-team/platform", "consumer"), (1001, "shop-team/orders", "provider")):
        healthy.sql(f"UPDATE repositories SET {role} = false WHERE id = %s", number)
        told = doctor()["approval"]
        assert told["what"] == f"{name} is not enabled as a {role}, so nothing is delivered."
        assert told["paste"] == f"zekt repositories enable {name} --{role}"
    healthy.sql("UPDATE repositories SET enabled = false WHERE id = 1001")
    assert "shop-team/orders is switched off" in doctor()["approval"]["what"]


def test_the_report_ends_with_the_figures_that_the_api_has(healthy: Any, zekt_command: Any) -> None:
    _, delivery_id = dispatched(healthy)
    told = json.loads(zekt_command("doctor", NAME, "--json").stdout)["health"]
    (connection,) = healthy.get("/api/connections")["connections"]
    assert told["connection"] == connection
    found = healthy.get(f"/api/connections/{connection['id']}/diagnostics")
    assert {**found, "since": None, "failures": None} == {**told, "since": None, "failures": None}
    assert connection["statistics"]["underway"] == 1
    assert "healthy  24 hours: 0 of 0 deliveries succeeded, 1 underway." in zekt_command("doctor", NAME).stdout
    healthy.sql("UPDATE deliveries SET status = 'failed', failure = 'unconfirmed', completed_at = now()")
    shown = zekt_command("doctor", NAME).stdout
    assert "critical 24 hours: 0 of 1 deliveries succeeded (0.00 %), 1 failed." in shown
    assert f"zekt replay {delivery_id}" in shown
