"""Lost webhooks come back: asked for again, found in GitHub's list of runs, or asked about because a message waits."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from zekt_testing.broker import ORDER, SECRET
from zekt_testing.reconciling import PATIENCE, attempts, round_of, wait_for_events

Start = Callable[..., Any]
SOON = PATIENCE + timedelta(minutes=1)


def _lose(zekt: Any, kind: str, **run: Any) -> Any:
    """A run whose webhook does not arrive: `drop` stands in the log, `lose` does not."""
    zekt.github.faults.add(where="webhook", kind=kind)
    lost = zekt.start_run(**run)
    zekt.github.finish_run(lost)
    return lost


def _events(zekt: Any) -> list[tuple[Any, ...]]:
    return list(zekt.sql("SELECT run_id, run_attempt, guid FROM events ORDER BY run_id, run_attempt"))


def test_a_fifth_of_all_webhooks_is_lost_and_every_run_is_delivered_once(start: Start) -> None:
    zekt = start(work=False)
    chance = random.Random(20261121)
    fates = chance.choices([None, "drop", "lose"], [80, 10, 10], k=300)
    runs = []
    for number, fate in enumerate(fates):
        run = zekt.start_run()
        if number % 2:
            zekt.send(run, {"number": number}, messageId=f"m-{number}")
        if fate:
            zekt.github.faults.add(where="webhook", kind=fate)
        zekt.github.finish_run(run)
        runs.append(run)
    dropped, lost = fates.count("drop"), fates.count("lose")
    assert dropped > 20
    assert lost > 20

    first = round_of(zekt)
    assert (first.lost, first.count("asked"), first.whole) == (dropped, dropped, True)
    # The app's hook, two lists of hooks, two tokens; 100 lines of the log a page; one request for each lost webhook.
    lines = len(zekt.github.hook_deliveries())
    # And the installations: their list, and of each of the two itself, its repositories and its organisation.
    assert first.calls <= 1 + 2 + (1 + lines // 100) + 1 + dropped + 7
    wait_for_events(zekt, 300 - lost)

    before = len(zekt.github.visits("rest"))
    second = round_of(zekt, later=SOON)
    assert (second.recovered, second.count("delivered"), second.count("asked")) == (dropped, lost, 0)
    # 50 runs of the list a page, one page of each log at least.
    assert second.calls <= 1 + 2 * (1 + lines // 100) + 300 // 50
    assert len(zekt.github.visits("rest")) - before <= second.calls + 2
    assert second.whole
    assert second.awaited == second.owed == 0

    found = _events(zekt)
    assert [run_id for run_id, _, _ in found] == sorted(run.id for run in runs)
    assert sum(guid.startswith("reconcile-") for _, _, guid in found) == lost
    assert zekt.sql("SELECT count(*), count(DISTINCT event_guid), count(event_id) FROM deliveries") == [(300, 300, 150)]
    third = round_of(zekt, later=SOON)
    assert third.steps == []


def test_an_outage_of_two_hours_is_made_up_for_within_the_hours_requests(start: Start) -> None:
    zekt = start(work=False)
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    zekt.github.set_app_hook(url=f"{zekt.url}/api/github/webhooks", secret=SECRET)
    zekt.sql("UPDATE workflows SET whitelisted_at = now() - interval '1 day'")
    zekt.github.faults.add(where="webhook", kind="drop", times=None)
    for minute in range(240):
        zekt.github.backdate(timedelta(hours=2) - timedelta(seconds=30 * minute))
        zekt.github.finish_run(zekt.start_run())
    zekt.github.backdate(timedelta(0))
    zekt.github.faults.clear()
    # The app may ask for 600 an hour, and half of them are left for others.
    zekt.github.limits.set(requests_per_hour=600)
    report = round_of(zekt)
    assert (report.lost, report.count("asked"), report.unfinished) == (240, 240, {})
    assert report.calls <= 300
    wait_for_events(zekt, 240)
    assert len(_events(zekt)) == 240
    assert [visit for visit in zekt.github.visits() if visit.status in (403, 429)] == []
    again = round_of(zekt, later=timedelta(minutes=5))
    assert (again.recovered, again.count("asked"), again.owed, again.whole) == (240, 0, 0, True)


def test_a_redelivery_asked_for_a_moment_ago_is_not_asked_for_again(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.set_app_hook(url=f"{zekt.url}/api/github/webhooks", secret="a wrong secret")
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    zekt.github.finish_run(zekt.start_run())
    assert round_of(zekt).count("asked") == 1
    assert round_of(zekt).count("asked") == 0
    assert round_of(zekt, later=timedelta(minutes=4)).count("asked") == 0
    assert round_of(zekt, later=timedelta(minutes=6)).count("asked") == 1
    assert len(attempts(zekt)) == 2


def test_a_webhook_that_came_by_another_hook_is_not_asked_for(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.set_app_hook(url=f"{zekt.url}/api/github/webhooks", secret="a wrong secret")
    zekt.github.finish_run(zekt.start_run())
    failed = [line for line in zekt.github.hook_deliveries() if not line.ok]
    assert len(failed) == 1
    report = round_of(zekt)
    assert (report.lost, report.count("asked")) == (0, 0)


def test_what_a_hook_hears_beside_finished_runs_is_not_asked_for(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.faults.add(where="webhook", kind="drop", times=2)
    zekt.start_run(announce=True)
    assert [line.ok for line in zekt.github.hook_deliveries()] == [False, False]
    assert round_of(zekt).count("asked") == 0


def test_a_hook_that_sends_elsewhere_is_left_alone(start: Start) -> None:
    zekt = start(work=False)
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    zekt.github.add_hook("shop-team/orders", url="http://127.0.0.1:9/api/github/webhooks")
    zekt.github.finish_run(zekt.start_run())
    report = round_of(zekt)
    assert (report.lines, report.count("asked"), report.whole) == (0, 0, True)


def test_a_webhook_that_comes_after_all_changes_nothing(start: Start) -> None:
    zekt = start(work=False)
    run = _lose(zekt, "lose")
    assert round_of(zekt, later=SOON).count("delivered") == 1
    (line,) = zekt.github.send_workflow_run(run, "completed")
    assert line.status_code == 202
    assert [found[:2] for found in _events(zekt)] == [(run.id, 1)]
    assert zekt.sql("SELECT count(*) FROM deliveries") == [(1,)]


def test_an_attempt_before_the_newest_is_found_too(start: Start) -> None:
    zekt = start(work=False)
    run = _lose(zekt, "lose")
    again = zekt.github.rerun(run)
    zekt.github.finish_run(again)
    report = round_of(zekt, later=SOON)
    assert report.count("delivered") == 0
    assert report.awaited == 1
    report = round_of(zekt, later=2 * SOON)
    assert report.count("delivered") == 1
    assert [found[:2] for found in _events(zekt)] == [(run.id, 1), (run.id, 2)]


def test_more_runs_than_a_search_shows_are_all_found(start: Start) -> None:
    zekt = start(work=False)
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    zekt.sql("UPDATE workflows SET whitelisted_at = now() - interval '1 day'")
    for second in range(1_100):
        zekt.github.backdate(timedelta(hours=2) - timedelta(seconds=second))
        other = {} if second % 20 == 0 else {"workflow": ".github/workflows/other.yml"}
        zekt.github.finish_run(zekt.github.start_run("shop-team/orders", **{"workflow": ORDER, **other}))
    report = round_of(zekt)
    assert (report.count("delivered"), report.whole) == (55, True)
    assert report.listed >= 1_100
    # Each search that shows too much costs one page more; the newest half of a day is halved a few times.
    assert report.calls <= 1_100 // 50 + 20


def test_runs_of_workflows_that_are_not_whitelisted_are_not_looked_for(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.faults.add(where="webhook", kind="lose", times=None)
    other = zekt.github.start_run("shop-team/orders", workflow=".github/workflows/other.yml")
    zekt.github.finish_run(other)
    report = round_of(zekt, later=SOON)
    assert (report.listed, report.steps) == (1, [])


def test_what_ended_before_its_workflow_was_whitelisted_is_not_delivered(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.faults.add(where="webhook", kind="lose", times=None)
    zekt.github.backdate(timedelta(hours=1))
    zekt.github.finish_run(zekt.start_run())
    assert round_of(zekt, later=SOON).steps == []
