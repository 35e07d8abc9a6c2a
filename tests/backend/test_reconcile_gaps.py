"""What cannot be recovered is said, with what to do; and it is said no more when it has been recovered after all."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from zekt_backend.github.connection import MAX_ANSWER
from zekt_sandbox.letters import post
from zekt_testing.broker import SECRET
from zekt_testing.reconciling import PATIENCE, attempts, round_of, wait_for_events, wait_for_lines

Start = Callable[..., Any]
SOON = PATIENCE + timedelta(minutes=1)
# When each redelivery is owed: 5 and 15 minutes, 1, 4 and 12 hours after the one before.
OWED = [timedelta(minutes=minutes) for minutes in (0, 6, 22, 83, 324)]
LATEST = timedelta(hours=18)


@pytest.fixture
def deaf(start: Start) -> Any:
    """A broker that refuses every webhook, because GitHub's secret is another than its own."""
    zekt = start(work=False)
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    zekt.github.set_app_hook(url=f"{zekt.url}/api/github/webhooks", secret="not the broker's")
    # Nor is the run in a list.
    zekt.sql("UPDATE workflows SET whitelisted = false")
    return zekt


def test_a_redelivery_that_fails_again_is_asked_for_later_and_read_from_the_log_in_the_end(deaf: Any) -> None:
    run = deaf.start_run()
    deaf.github.finish_run(run)
    guid = deaf.github.hook_deliveries()[0].guid
    for number, later in enumerate(OWED, 1):
        assert round_of(deaf, later=later).count("asked") == 1
        assert len(attempts(deaf)) == number
    assert round_of(deaf, later=LATEST - timedelta(hours=1)).steps == []
    report = round_of(deaf, later=LATEST)
    assert [step.what for step in report.steps] == ["delivered"]
    assert deaf.sql("SELECT guid, run_id FROM events") == [(guid, run.id)]
    assert (report.owed, report.whole, len(attempts(deaf))) == (0, True, 5)


def test_what_the_log_has_forgotten_is_a_gap_until_it_is_accepted(deaf: Any) -> None:
    deaf.github.finish_run(deaf.start_run())
    guid = deaf.github.hook_deliveries()[0].guid
    assert round_of(deaf).count("asked") == 1
    wait_for_lines(deaf, 2)
    deaf.github.forget_hook_deliveries()
    report = round_of(deaf, later=timedelta(minutes=6))
    (gap,) = report.gaps
    assert (gap.kind, gap.subject) == ("webhook", guid)
    assert "asked for: 1" in gap.detail
    assert "zekt reconcile --accept-gaps" in gap.detail
    assert not report.whole
    assert len(round_of(deaf, later=LATEST).gaps) == 1


def test_a_gap_closes_itself_when_the_webhook_comes_after_all(deaf: Any) -> None:
    (line,) = deaf.github.finish_run(deaf.start_run())
    round_of(deaf)
    wait_for_lines(deaf, 2)
    deaf.github.forget_hook_deliveries()
    assert len(round_of(deaf, later=timedelta(minutes=6)).gaps) == 1
    right = deaf.github.set_app_hook(url=f"{deaf.url}/api/github/webhooks", secret=SECRET)
    assert post(right, line.letter, 10).status_code == 202
    assert round_of(deaf, later=LATEST).gaps == []


def test_a_lost_webhook_whose_hook_was_removed_is_a_gap(start: Start) -> None:
    zekt = start(work=False)
    zekt.sql("UPDATE workflows SET whitelisted = false WHERE repository_id = 1001")
    zekt.sql("UPDATE repositories SET completion_tracking = true")
    hook = zekt.github.add_hook("shop-team/orders", url=f"{zekt.url}/api/github/webhooks", secret="wrong")
    zekt.github.world.hooks.remove(zekt.hooks[0].id)
    zekt.github.finish_run(zekt.start_run())
    assert round_of(zekt).count("asked") == 1
    zekt.github.world.hooks.remove(hook.id)
    (gap,) = round_of(zekt, later=timedelta(hours=2)).gaps
    assert gap.kind == "webhook"
    assert "that hook is gone" in gap.detail


def test_hooks_that_may_not_be_read_are_a_gap_until_they_may(start: Start) -> None:
    zekt = start(work=False)
    granted = dict(zekt.github.world.repositories.permissions(51))
    zekt.github.set_permissions("shop-team/orders", contents="write", metadata="read", actions="read")
    zekt.github.faults.add(where="webhook", kind="drop")
    zekt.github.finish_run(zekt.start_run())
    (gap,) = round_of(zekt).gaps
    assert (gap.kind, gap.subject) == ("hooks", "shop-team/orders")
    assert "'Webhooks: Read and write'" in gap.detail
    zekt.github.set_permissions("shop-team/orders", **granted)
    asked = len(zekt.github.visits("rest"))
    assert round_of(zekt, later=timedelta(minutes=30)).count("asked") == 0
    assert not [visit for visit in zekt.github.visits("rest")[asked:] if visit.path.endswith("/hooks")]
    report = round_of(zekt, later=timedelta(minutes=61))
    assert (report.gaps, report.count("asked")) == ([], 1)


def test_hooks_that_may_not_be_read_are_no_gap_where_the_apps_own_hook_hears_all(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.set_permissions("shop-team/orders", contents="write", metadata="read", actions="read")
    zekt.github.set_app_hook(url=f"{zekt.url}/api/github/webhooks", secret=SECRET)
    assert round_of(zekt).whole


def test_what_may_not_be_redelivered_is_read_from_the_log_where_that_is_allowed(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.set_permissions("shop-team/orders", metadata="read", actions="read", repository_hooks="read")
    zekt.github.faults.add(where="webhook", kind="drop", times=3)
    for _ in range(3):
        zekt.github.finish_run(zekt.start_run())
    report = round_of(zekt)
    assert [gap.kind for gap in report.gaps] == ["redelivery"], "somebody should grant it all the same"
    assert (report.count("delivered"), report.owed, len(attempts(zekt))) == (3, 0, 1)
    assert zekt.sql("SELECT count(*) FROM events") == [(3,)]


def test_redeliveries_that_may_not_be_asked_for_are_tried_once_an_hour(start: Start) -> None:
    zekt = start(work=False)
    # Their hook is read for its completions; no list of runs helps, and what the log keeps is too large to be read.
    zekt.sql("UPDATE workflows SET whitelisted = false")
    zekt.sql("UPDATE repositories SET completion_tracking = true")
    zekt.github.set_permissions("shop-team/orders", metadata="read", actions="read", repository_hooks="read")
    zekt.github.faults.add(where="webhook", kind="drop", times=3)
    for _ in range(3):
        run = zekt.start_run()
        run.event_payload = {"action": "x" * MAX_ANSWER}
        zekt.github.finish_run(run)
    report = round_of(zekt)
    (gap,) = report.gaps
    assert gap.kind == "redelivery"
    assert "'Redeliver'" in gap.detail
    assert len(attempts(zekt)) == 1
    round_of(zekt, later=timedelta(minutes=30))
    assert len(attempts(zekt)) == 1
    zekt.github.set_permissions(
        "shop-team/orders", metadata="read", actions="read", contents="write", repository_hooks="write"
    )
    granted = round_of(zekt, later=timedelta(minutes=61))
    assert (granted.count("asked"), granted.gaps) == (3, [])
    wait_for_events(zekt, 3)


def test_runs_that_may_not_be_read_are_a_gap(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.set_permissions("shop-team/orders", contents="write", metadata="read", repository_hooks="write")
    (gap,) = round_of(zekt, later=SOON).gaps
    assert (gap.kind, gap.subject) == ("runs", "shop-team/orders")
    assert "'Actions: Read'" in gap.detail


def test_a_log_that_nobody_read_for_longer_than_github_keeps_it_is_a_gap_once(start: Start) -> None:
    zekt = start(work=False)
    assert round_of(zekt).whole
    week = timedelta(days=7)
    report = round_of(zekt, later=week)
    assert {gap.kind for gap in report.gaps} == {"retention"}
    assert len(report.gaps) == 2
    assert "3 days" in report.gaps[0].detail
    assert len(round_of(zekt, later=week + SOON).gaps) == 2


def test_a_first_reading_that_takes_hours_is_no_gap(deaf: Any) -> None:
    deaf.github.faults.add(where="webhook", kind="drop", times=None)
    for _ in range(130):
        deaf.github.finish_run(deaf.start_run())
    # Two requests, one for the hook's address and one for a page of its log; the rest of it is read in the next hour.
    deaf.github.limits.set(requests_per_hour=4)
    assert round_of(deaf).lines == 100
    deaf.github.limits.set()
    report = round_of(deaf, later=timedelta(hours=2))
    assert (report.gaps, report.lines) == ([], 30)


def test_an_event_that_cannot_be_stored_is_a_gap_and_holds_nothing_up(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.faults.add(where="webhook", kind="lose", times=2)
    poison, sound = zekt.start_run(), zekt.start_run()
    zekt.github.finish_run(poison)
    zekt.github.finish_run(sound)
    zekt.sql(
        "ALTER TABLE events ALTER COLUMN head_sha TYPE text, ADD COLUMN low integer GENERATED ALWAYS AS"
        f" (CASE WHEN run_id = {poison.id} THEN 1 / (run_id - {poison.id}) ELSE 1 END) STORED"
    )
    report = round_of(zekt, later=SOON)
    (gap,) = report.gaps
    assert gap.kind == "event"
    assert str(poison.id) in gap.subject
    assert zekt.sql("SELECT run_id FROM events") == [(sound.id,)]
