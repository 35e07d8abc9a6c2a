"""What becomes of the app's webhooks, one by one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from app.conftest import CONSUMER, PROVIDER, row
from zekt_sandbox.letters import signature
from zekt_testing.broker import ORDER, SECRET, Zekt


def post(zekt: Zekt, event: str, body: bytes, secret: str = SECRET) -> requests.Response:
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": signature(secret, body),
    }
    return requests.post(f"{zekt.url}/api/github/webhooks", data=body, headers=headers, timeout=10)


def actions(zekt: Zekt) -> list[tuple[str, str]]:
    """What GitHub has changed, oldest first."""
    return [
        (action, subject)
        for action, subject in zekt.sql("SELECT action, subject FROM audit WHERE actor = 'github' ORDER BY id")
    ]


def test_a_ping_is_answered_with_what_it_proves(heard: Zekt) -> None:
    (delivery,) = heard.github.app.ping()
    assert delivery.status_code == 202
    assert "reaches the broker" in json.loads(delivery.outcome.body)["ignored"]


def test_a_new_repository_of_an_unknown_owner_gets_rows_and_is_switched_off(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    heard.github.add_repository("new-org/first", id=3003, installation_id=0)
    heard.github.app.install("new-org/first", installation_id=77)
    settled()
    repository = row(heard, "repositories", 3003, "full_name", "enabled", "installation_id", "account_id")
    assert (repository["full_name"], repository["enabled"], repository["installation_id"]) == (
        "new-org/first",
        False,
        77,
    )
    account = row(heard, "accounts", repository["account_id"], "login", "github_id", "kind", "provider", "consumer")
    owner = heard.github.world.repositories.get("new-org/first").owner_id
    assert account == {
        "login": "new-org",
        "github_id": owner,
        "kind": "organization",
        "provider": False,
        "consumer": False,
    }
    assert row(heard, "installations", 77, "permissions")["permissions"]["contents"] == "write"
    assert sorted(actions(heard)) == [
        ("account.create", "new-org"),
        ("installation.change", "77"),
        ("repository.create", "new-org/first"),
    ]


def test_an_owner_that_the_setup_file_named_is_recognised_by_its_repository(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    before = heard.sql("SELECT id FROM accounts WHERE login = 'infra-team'")
    heard.github.app.unsuspend(CONSUMER)
    settled()
    owner = heard.github.world.repositories.get(CONSUMER).owner_id
    assert heard.sql("SELECT id FROM accounts WHERE github_id = %s", owner) == before


def test_a_login_alone_does_not_make_somebody_the_account_of_that_name(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    """The setup's infra-team has given its login up; a stranger took it and installs the app."""
    heard.github.world.repositories.remove(CONSUMER)
    heard.github.add_repository("infra-team/other", id=4004, installation_id=0)
    heard.github.app.install("infra-team/other", installation_id=78)
    settled()
    stranger = row(heard, "repositories", 4004, "account_id")["account_id"]
    known = row(heard, "repositories", 2002, "account_id")["account_id"]
    assert stranger != known
    assert row(heard, "accounts", known, "login") == {"login": f"infra-team#{known}"}


def test_a_renamed_repository_keeps_all_but_its_name(heard: Zekt, settled: Callable[[], None]) -> None:
    heard.github.app.rename(CONSUMER, "hosting")
    settled()
    assert row(heard, "repositories", 2002, "full_name", "enabled", "installation_id") == {
        "full_name": "infra-team/hosting",
        "enabled": True,
        "installation_id": 52,
    }
    heard.github.finish_run(heard.start_run())
    (dispatch,) = heard.dispatched(repository="infra-team/hosting")
    assert dispatch.repository.id == 2002


def test_a_renamed_owner_is_followed_by_id(heard: Zekt, settled: Callable[[], None]) -> None:
    account = row(heard, "repositories", 2002, "account_id")["account_id"]
    heard.github.app.rename_owner(CONSUMER, "ops-team")
    settled()
    assert row(heard, "accounts", account, "login") == {"login": "ops-team"}
    assert row(heard, "repositories", 2002, "full_name", "account_id") == {
        "full_name": "ops-team/platform",
        "account_id": account,
    }
    assert row(heard, "repositories", 2002, "enabled") == {"enabled": True}


def test_a_new_repository_under_an_old_name_inherits_nothing(heard: Zekt, settled: Callable[[], None]) -> None:
    heard.github.app.delete(CONSUMER)
    heard.github.add_repository(CONSUMER, id=9009, installation_id=52)
    heard.github.app.select(CONSUMER, 52)
    settled()
    assert row(heard, "repositories", 9009, "full_name", "enabled", "installation_id") == {
        "full_name": CONSUMER,
        "enabled": False,
        "installation_id": 52,
    }
    old = row(heard, "repositories", 2002, "full_name", "enabled", "removed_why", "installation_id")
    assert old == {"full_name": f"{CONSUMER}#2002", "enabled": False, "removed_why": "deleted", "installation_id": None}
    heard.github.finish_run(heard.start_run())
    heard.until_sql("SELECT 1 FROM decisions WHERE outcome = 'blocked'")
    assert heard.github.dispatches() == []


def test_a_transfer_to_an_owner_without_the_app_ends_what_went_there(heard: Zekt, settled: Callable[[], None]) -> None:
    heard.github.app.transfer(CONSUMER, "elsewhere")
    settled()
    found = row(heard, "repositories", 2002, "installation_id", "removed_why")
    assert found == {"installation_id": None, "removed_why": "deselected"}
    run = heard.start_run()
    heard.github.finish_run(run)
    heard.until_sql("SELECT 1 FROM decisions WHERE outcome = 'blocked'")
    ((reasons,),) = heard.sql("SELECT reasons::text FROM decisions")
    assert "taken out, transferred or deleted" in reasons


def test_a_transfer_to_another_owner_with_the_app_asks_for_consent_anew(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    heard.github.add_repository("elsewhere/thing", id=5005, installation_id=53)
    heard.github.app.transfer(CONSUMER, "elsewhere")
    settled()
    moved = row(heard, "repositories", 2002, "full_name", "enabled", "installation_id")
    assert moved == {"full_name": "elsewhere/platform", "enabled": False, "installation_id": 53}
    assert heard.sql("SELECT status FROM subscriptions") == [("requested",)]
    assert ("subscription.change", "infrastructure-orders@elsewhere/platform") in actions(heard)


def test_a_provider_that_changes_hands_takes_no_consumer_along(heard: Zekt, settled: Callable[[], None]) -> None:
    """Consumers trusted the owner before: the new one enables it and publishes, and starts nobody."""
    heard.github.add_repository("elsewhere/thing", id=5005, installation_id=53)
    heard.github.app.transfer(PROVIDER, "elsewhere")
    settled()
    assert row(heard, "repositories", 1001, "full_name", "enabled") == {
        "full_name": "elsewhere/orders",
        "enabled": False,
    }
    assert heard.sql("SELECT whitelisted FROM workflows") == [(False,)]
    ((status, answer, by, side),) = heard.sql("SELECT status, answer, decided_by, decided_side FROM subscriptions")
    assert (status, by, side) == ("revoked", "github", "provider")
    assert "transferred to another owner" in answer
    told = actions(heard)
    assert ("subscription.change", f"infrastructure-orders@{CONSUMER}") in told
    assert ("workflow.change", f"elsewhere/orders/{ORDER}") in told


def test_who_gets_a_provider_cannot_approve_what_its_owner_before_was_asked_for(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    heard.sql("UPDATE subscriptions SET status = 'requested'")
    heard.github.add_repository("elsewhere/thing", id=5005, installation_id=53)
    heard.github.app.transfer(PROVIDER, "elsewhere")
    settled()
    assert heard.sql("SELECT status FROM subscriptions") == [("revoked",)]


def test_installed_anew_under_another_id_it_goes_on(heard: Zekt, settled: Callable[[], None]) -> None:
    heard.github.app.uninstall(CONSUMER)
    assert row(heard, "installations", 52, "removed_at")["removed_at"] is not None
    heard.github.app.install(CONSUMER, installation_id=99)
    settled()
    heard.github.finish_run(heard.start_run())
    (dispatch,) = heard.dispatched()
    assert dispatch.installation_id == 99


def test_a_repository_of_an_installation_of_many_pages_is_found(heard: Zekt, settled: Callable[[], None]) -> None:
    for number in range(120):
        heard.github.add_repository(f"infra-team/r{number}", id=20_000 + number, installation_id=52)
    heard.github.app.select("infra-team/r7", 52)
    settled()
    assert heard.sql("SELECT count(*) FROM repositories WHERE installation_id = 52") == [(121,)]


@pytest.mark.parametrize("event", ["installation", "installation_repositories", "installation_target", "repository"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"action": "deleted"}',
        b'{"action": "deleted", "installation": {"id": "52"}, "repository": {"id": "2002"}}',
        b'{"action": "deleted", "installation": {"id": -1}, "repository": {"id": 0}}',
        b'{"action": 1, "installation": {"id": 52}, "repository": {"id": 2002}}',
        b'{"action": "removed", "installation": {"id": 1e99}, "repository": {"id": 1e99}}',
        b"\xff\xfe",
    ],
)
def test_what_github_does_not_send_is_a_400_and_changes_nothing(heard: Zekt, event: str, body: bytes) -> None:
    answer = post(heard, event, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_malformed")
    assert heard.sql("SELECT count(*) FROM installations WHERE news > 0") == [(0,)]


def test_a_list_of_more_repositories_than_any_owner_has_is_refused(heard: Zekt) -> None:
    many = [{"id": number} for number in range(1, 50_003)]
    body = {"action": "removed", "installation": {"id": 52}, "repositories_removed": many}
    answer = post(heard, "installation_repositories", json.dumps(body).encode())
    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_malformed")
    assert row(heard, "repositories", 2002, "installation_id") == {"installation_id": 52}


def test_a_forged_one_uninstalls_nobody(heard: Zekt) -> None:
    body = json.dumps({"action": "deleted", "installation": {"id": 52}}).encode()
    answer = post(heard, "installation", body, secret="a guess")
    assert (answer.status_code, answer.json()["code"]) == (401, "webhook_signature_wrong")
    assert row(heard, "installations", 52, "removed_at") == {"removed_at": None}


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("installation", {"action": "suspend", "installation": {"id": 424242, "suspended_at": "not a time"}}),
        ("installation", {"action": "suspend", "installation": {"id": 424242, "suspended_at": 10**18}}),
        ("installation", {"action": "of next year", "installation": {"id": 424242, "updated_at": 1_700_000_000}}),
        ("repository", {"action": "privatized", "repository": {"id": 424242}}),
    ],
)
def test_what_is_new_or_of_strangers_is_looked_into_and_breaks_nothing(
    heard: Zekt, settled: Callable[[], None], event: str, body: dict[str, Any]
) -> None:
    assert post(heard, event, json.dumps(body).encode()).status_code == 202
    settled()
    assert row(heard, "installations", 52, "removed_at", "suspended_at") == {"removed_at": None, "suspended_at": None}
    assert PROVIDER in {name for (name,) in heard.sql("SELECT full_name FROM repositories")}
