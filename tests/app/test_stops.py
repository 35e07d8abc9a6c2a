"""Suspended or removed: what waits is held or ended, and says why; what comes next is not made."""

from collections.abc import Callable
from typing import Any

import pytest

from app.conftest import CONSUMER, PROVIDER, row
from zekt_testing.broker import Zekt
from zekt_testing.waiting import until


def held_up(zekt: Zekt) -> str:
    """A delivery that waits for its next try, since GitHub did not answer the first."""
    zekt.github.faults.add(where="dispatch", kind="status", status=503)
    zekt.github.finish_run(zekt.start_run())
    zekt.until_sql("SELECT 1 FROM history WHERE fact = 'postponed'")
    ((delivery_id,),) = zekt.sql("SELECT id FROM deliveries")
    return str(delivery_id)


def failure_of(zekt: Zekt, delivery_id: str) -> dict[str, Any]:
    """The delivery, once it says why it waits or has ended."""

    def failed() -> dict[str, Any] | None:
        found = zekt.delivery(delivery_id)
        return found if found["failure"] else None

    return until(failed, lambda: f"no failure: {zekt.delivery(delivery_id)}")


def test_what_waits_for_a_suspended_consumer_is_held_and_sent_when_that_ends(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    delivery_id = held_up(heard)
    heard.github.app.suspend(CONSUMER)
    held = failure_of(heard, delivery_id)
    assert (held["status"], held["failure"]) == ("pending", "suspended")
    assert f"{CONSUMER} has the app's installation suspended, since" in held["advice"]
    assert "Unsuspend" in held["advice"]
    assert heard.github.dispatches() == []
    heard.github.app.unsuspend(CONSUMER)
    settled()
    sent = heard.until(delivery_id, "dispatched")
    assert (sent["failure"], sent["advice"]) == (None, None)
    assert len(heard.github.dispatches()) == 1


def test_a_suspension_that_nobody_told_of_is_learned_from_githubs_answer_and_held(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    heard.github.set_installation(CONSUMER, suspended=True)
    heard.github.finish_run(heard.start_run())
    heard.until_sql("SELECT 1 FROM attempts WHERE category = 'suspended'")
    settled()
    assert row(heard, "installations", 52, "suspended_at")["suspended_at"] is not None
    assert [each["status"] for each in heard.deliveries()] == ["pending"]
    heard.github.app.unsuspend(CONSUMER)
    ((delivery_id,),) = heard.sql("SELECT id FROM deliveries")
    heard.until(delivery_id, "dispatched")


@pytest.mark.parametrize("whose", [CONSUMER, PROVIDER])
def test_nothing_new_is_made_while_an_end_is_suspended_and_the_decision_says_so(heard: Zekt, whose: str) -> None:
    heard.github.app.suspend(whose)
    run = heard.start_run()
    heard.github.finish_run(run)
    heard.until_sql("SELECT 1 FROM decisions WHERE outcome = 'blocked'")
    ((reasons,),) = heard.sql("SELECT reasons::text FROM decisions")
    assert f"{whose} has the app's installation suspended" in reasons
    assert heard.deliveries() == []


@pytest.mark.parametrize(
    ("change", "failure", "says"),
    [
        ("uninstall", "uninstalled", "it was uninstalled on"),
        ("deselect", "deselected", "taken out, transferred or deleted"),
        ("delete", "deleted", "was deleted at GitHub"),
    ],
)
def test_what_waits_for_a_removed_consumer_ends_and_says_why(heard: Zekt, change: str, failure: str, says: str) -> None:
    delivery_id = held_up(heard)
    heard.github.app.change(change, repository=CONSUMER)
    ended = heard.until(delivery_id, "failed")
    assert ended["failure"] == failure
    assert any(says in line["detail"] for line in ended["history"])
    assert heard.github.dispatches() == []


def test_what_ended_for_an_uninstalled_app_can_be_replayed_when_it_is_back(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    delivery_id = held_up(heard)
    heard.github.app.uninstall(CONSUMER)
    heard.until(delivery_id, "failed")
    heard.github.app.install(CONSUMER)
    settled()
    answer = heard.post(f"/api/replay/{delivery_id}", heard.settings.admin_token.get_secret_value(), {})  # type: ignore[union-attr]
    assert answer.status_code == 202
    heard.dispatched()


def test_a_waiting_delivery_follows_its_renamed_and_reinstalled_consumer(
    heard: Zekt, settled: Callable[[], None]
) -> None:
    delivery_id = held_up(heard)
    heard.github.app.rename(CONSUMER, "hosting")
    heard.github.app.uninstall("infra-team/hosting")
    heard.github.app.install("infra-team/hosting", installation_id=98)
    settled()
    heard.until(delivery_id, "dispatched")
    (dispatch,) = heard.github.dispatches()
    assert (dispatch.repository.full_name, dispatch.installation_id) == ("infra-team/hosting", 98)


def test_a_suspended_provider_holds_what_waits_without_telling_its_name(heard: Zekt) -> None:
    delivery_id = held_up(heard)
    heard.github.app.suspend(PROVIDER)
    held = failure_of(heard, delivery_id)
    assert held["advice"].startswith("The provider's repository has the app's installation suspended")
    assert PROVIDER not in held["advice"]
    heard.github.app.unsuspend(PROVIDER)
    heard.until(delivery_id, "dispatched")


def test_the_explanation_says_that_it_is_held_and_what_to_click(heard: Zekt) -> None:
    delivery_id = held_up(heard)
    heard.github.app.suspend(CONSUMER)
    failure_of(heard, delivery_id)
    ((guid,),) = heard.sql("SELECT guid FROM events")
    (decision,) = heard.get(f"/api/events/{guid}/decision")["decisions"]
    (told,) = decision["consumers"][0]["deliveries"]
    assert told["what"].startswith("It is held (suspended)")
    assert "Unsuspend" in told["what"]
