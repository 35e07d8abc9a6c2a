"""Where an account chose a repository, a failure is told by an issue there: once, and as plain text."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from zekt_backend.rules import notices as rules
from zekt_testing.broker import Zekt

PLATFORM = "infra-team/platform"
PERMITTED = {"metadata": "read", "contents": "write", "actions": "read", "issues": "write"}
HOSTILE = "`` @torvalds ``` <img src=x> [a](http://evil.example) #1 \u202e\n# h1"


@pytest.fixture
def ended(zekt: Zekt) -> Callable[[], dict[str, Any]]:
    """The one notice, when it is told or given up."""

    def wait() -> dict[str, Any]:
        zekt.until_sql("SELECT 1 FROM notices WHERE status <> 'pending'")
        (notice,) = zekt.get("/api/notices")["notices"]
        return dict(notice)

    return wait


def test_an_issue_is_opened_in_the_account_s_own_repository(zekt: Zekt, choose: Any, fail: Any, ended: Any) -> None:
    zekt.github.set_permissions(PLATFORM, **PERMITTED)
    choose("infra-team", issuesRepository=PLATFORM)
    (delivery_id,) = fail()
    notice = ended()
    (issue,) = zekt.github.issues(PLATFORM)
    assert (notice["status"], notice["channel"]) == ("sent", "issue")
    assert notice["link"] == "https://github.com/infra-team/platform/issues/1"
    assert issue.title == f"Zekt: a delivery from infrastructure-orders to {PLATFORM} failed"
    assert f"<!-- zekt-notice:{notice['id']} -->" in str(issue.body)
    for told in (delivery_id, "not_found", "The Zekt app does not see this repository"):
        assert told in str(issue.body)
    assert "of the message" not in str(issue.body)


def test_without_the_permission_it_says_what_to_do_and_the_webhook_goes_out(
    zekt: Zekt, choose: Any, fail: Any, receiver: Any
) -> None:
    choose("infra-team", url=receiver.url, issuesRepository=PLATFORM)
    fail()
    receiver.wait()
    zekt.until_sql("SELECT 1 FROM notices WHERE status = 'failed' AND channel = 'issue'")
    (issue,) = [notice for notice in zekt.get("/api/notices")["notices"] if notice["channel"] == "issue"]
    assert "Resource not accessible by integration" in issue["answer"]
    assert "'Issues: Read and write'" in issue["answer"]


def test_where_issues_are_switched_off_it_says_so(zekt: Zekt, choose: Any, fail: Any, ended: Any) -> None:
    zekt.github.set_permissions(PLATFORM, **PERMITTED)
    zekt.github.change_repository(PLATFORM, has_issues=False)
    choose("infra-team", issuesRepository=PLATFORM)
    fail()
    notice = ended()
    assert (notice["status"], notice["tries"]) == ("failed", 1)
    assert "Issues are switched off in this repository" in notice["answer"]


@pytest.mark.parametrize("kind", ["accept_then_cut", "accept_then_status"])
def test_one_whose_opening_was_not_heard_of_is_found_and_not_opened_again(
    zekt: Zekt, choose: Any, fail: Any, ended: Any, kind: str
) -> None:
    zekt.github.set_permissions(PLATFORM, **PERMITTED)
    choose("infra-team", issuesRepository=PLATFORM)
    where = f"/repos/{PLATFORM}/issues"
    zekt.github.faults.add(where="rest", kind=kind, method="POST", path=where, status=502)
    fail()
    zekt.until_sql("SELECT 1 FROM notices WHERE tries = 1 AND unsure AND status = 'pending'")
    zekt.sql("UPDATE notices SET due_at = now()")
    notice = ended()
    assert (notice["status"], notice["tries"]) == ("sent", 2)
    assert notice["link"] == "https://github.com/infra-team/platform/issues/1"
    assert len(zekt.github.issues(PLATFORM)) == 1


def test_a_limit_holds_the_whole_installation_as_it_does_for_deliveries(zekt: Zekt, choose: Any, fail: Any) -> None:
    zekt.github.set_permissions(PLATFORM, **PERMITTED)
    choose("infra-team", issuesRepository=PLATFORM)
    zekt.github.faults.add(
        where="rest", kind="rate_limit", method="POST", path=f"/repos/{PLATFORM}/issues", seconds=600
    )
    fail()
    zekt.until_sql("SELECT 1 FROM notices WHERE tries = 1 AND due_at > now() + interval '9 minutes'")
    assert zekt.sql("SELECT blocked_until > now() + interval '9 minutes' FROM installations WHERE id = 52") == [(True,)]


def test_a_repository_that_went_to_somebody_else_gets_no_issue(zekt: Zekt, choose: Any, fail: Any, ended: Any) -> None:
    zekt.github.set_permissions(PLATFORM, **PERMITTED)
    choose("shop-team", issuesRepository="shop-team/orders")
    zekt.sql("UPDATE notice_settings SET issues_repository_id = 2002")
    fail()
    assert (ended()["status"], zekt.github.issues(PLATFORM)) == ("failed", [])


def test_what_strangers_wrote_stands_in_code_spans_and_names_alone_in_the_title() -> None:
    side = rules.Side("infra-team", "consumer", 7, "orders", HOSTILE, None, PLATFORM, "critical")
    body = json.dumps(
        {
            "type": "delivery.failed",
            "timestamp": "2026-11-21T12:00:00.000Z",
            "data": {
                **side.as_fields(),
                "delivery": {
                    **dict.fromkeys(("id", "correlationId", "failure", "advice", "failedAt", "url"), "x"),
                    "eventType": HOSTILE,
                },
            },
        }
    )
    title, text = rules.issue("notice-1", body)
    assert title == f"Zekt: a delivery from orders to {PLATFORM} failed"
    lines = [line for line in text.splitlines() if "torvalds" in line]
    assert len(lines) == 2
    for line in lines:
        _, _, code = line.partition("```` ")
        assert code.endswith(" ````")
        assert "````" not in code.removesuffix(" ````")
        assert "\u202e" not in line
