"""Reconciling leaves GitHub's hour to the dispatches, keeps their pace, and is done by one process at a time."""

import asyncio
import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from zekt_backend.github.connection import MAX_ANSWER
from zekt_backend.store import rounds
from zekt_backend.store.database import one_connection
from zekt_testing.broker import SECRET
from zekt_testing.crowd import add_to, crowd
from zekt_testing.reconciling import PATIENCE, attempts, reconcile, round_of, wait_for_events

Start = Callable[..., Any]
SOON = PATIENCE + timedelta(minutes=1)
OURS = ("readings", "lost_webhooks", "awaited_runs", "gaps", "writes")
TABLES = (*OURS, "events", "decisions", "deliveries", "messages")


def _drop(zekt: Any, count: int) -> None:
    zekt.github.faults.add(where="webhook", kind="drop", times=count)
    for _ in range(count):
        zekt.github.finish_run(zekt.start_run())


def _use_app_hook(zekt: Any) -> None:
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    zekt.github.set_app_hook(url=f"{zekt.url}/api/github/webhooks", secret=SECRET)


def test_the_reserve_is_left_and_the_next_hour_goes_on_where_this_one_ended(start: Start) -> None:
    zekt = start(work=False)
    _use_app_hook(zekt)
    _drop(zekt, 30)
    zekt.github.limits.set(requests_per_hour=100)
    first = round_of(zekt, reconcile_reserve=90)
    # Half of so small an hour is what may be left alone; it began with the hook's address and one page of its log.
    assert first.count("asked") == 30
    _drop(zekt, 30)
    second = round_of(zekt, reconcile_reserve=90)
    assert second.count("asked") == 50 - 2 - 30 - 2
    assert "kept for dispatches" in second.unfinished[0]
    assert not second.whole
    idle = round_of(zekt, reconcile_reserve=90)
    assert (idle.calls, idle.steps) == (1, [])
    zekt.github.limits.set(requests_per_hour=100)
    third = round_of(zekt, reconcile_reserve=90)
    assert third.count("asked") == 14
    wait_for_events(zekt, 60)
    assert len({visit.path for visit in attempts(zekt)}) == len(attempts(zekt)) == 60
    assert [visit for visit in zekt.github.visits() if visit.status in (403, 429)] == []


def test_a_log_longer_than_the_budget_is_read_on_where_the_reading_ended(start: Start) -> None:
    zekt = start(work=False)
    _use_app_hook(zekt)
    _drop(zekt, 250)
    # Three requests: for the hook's address, and for two pages of 100 lines.
    zekt.github.limits.set(requests_per_hour=6)
    first = round_of(zekt)
    assert (first.lines, first.lost) == (200, 200)
    zekt.github.limits.set()
    second = round_of(zekt)
    assert (second.lines, second.lost, second.count("asked")) == (50, 50, 250)
    assert round_of(zekt).lost == 0


def test_one_installation_without_budget_does_not_hold_up_another(start: Start) -> None:
    zekt = start(work=False)
    _drop(zekt, 1)
    zekt.github.faults.add(
        where="rest", kind="rate_limit_primary", repository="infra-team/platform", times=None, seconds=60
    )
    report = round_of(zekt)
    assert report.count("asked") == 1
    assert list(report.unfinished) == [52]


def test_a_github_that_is_down_ends_the_round_and_not_the_worker(start: Start) -> None:
    zekt = start(work=False)
    _drop(zekt, 1)
    zekt.github.faults.add(where="rest", kind="status", status=503, times=None)
    report = round_of(zekt, later=SOON)
    assert (report.steps, report.gaps) == ([], [])
    assert set(report.unfinished) == {0, 51, 52}
    zekt.github.faults.clear()
    assert round_of(zekt, later=SOON).count("asked") == 1


@pytest.fixture
def three(start: Start) -> Any:
    """Three consumers of one installation, whose hooks are ours; GitHub cannot serve the first of them."""
    wanted = crowd(3, installations=1)
    zekt = start(work=False, wanted=wanted)
    add_to(zekt.github, wanted)
    zekt.sql("UPDATE repositories SET completion_tracking = true WHERE installation_id = 60")
    for number in range(3):
        zekt.github.add_hook(f"team-0/app-{number}", url=f"{zekt.url}/api/github/webhooks", secret=SECRET)
    return zekt


def _asked(zekt: Any, *, since: int, what: str) -> list[str]:
    """Whose hooks, or whose hook's log, GitHub was asked for."""
    visits = [visit for visit in zekt.github.visits("rest")[since:] if visit.path.endswith(what)]
    return [f"{visit.repository}" for visit in visits if f"{visit.repository}".startswith("team-0/")]


@pytest.mark.parametrize("what", ["/hooks", "/deliveries"])
def test_what_github_cannot_serve_holds_up_nothing_else_of_its_installation_for_ever(three: Any, what: str) -> None:
    if what == "/deliveries":
        round_of(three)
    three.github.faults.add(where="rest", kind="status", status=502, repository="team-0/app-0", times=None)
    rounds = []
    for number in range(3):
        since = len(three.github.visits("rest"))
        round_of(three, later=timedelta(minutes=5 * number))
        rounds.append(_asked(three, since=since, what=what))
    healthy = ["team-0/app-1", "team-0/app-2"]
    later = ["team-0/app-0"] if what == "/hooks" else [*healthy, "team-0/app-0"]
    assert rounds == [["team-0/app-0"], [*healthy, "team-0/app-0"], later]


def test_runs_too_many_for_one_answer_are_asked_for_in_smaller_pages(start: Start) -> None:
    zekt = start(work=False)
    zekt.github.faults.add(where="webhook", kind="lose", times=None)
    for _ in range(20):
        run = zekt.start_run()
        run.event_payload = {"action": "x" * (MAX_ANSWER // 15)}
        zekt.github.finish_run(run)
    report = round_of(zekt, later=SOON)
    assert (report.count("delivered"), report.unfinished, report.gaps) == (20, {}, [])


def test_a_run_too_large_to_be_read_is_told_and_holds_up_nothing(start: Start) -> None:
    zekt = start(work=False)
    _drop(zekt, 1)
    run = zekt.start_run()
    run.event_payload = {"action": "x" * MAX_ANSWER}
    zekt.github.faults.add(where="webhook", kind="lose")
    zekt.github.finish_run(run)
    report = round_of(zekt, later=SOON)
    assert ([gap.kind for gap in report.gaps], report.unfinished, report.count("asked")) == (["runs"], {}, 1)
    assert "larger than 1,048,576 bytes" in report.gaps[0].detail


def test_a_turn_that_others_always_take_first_is_left_to_the_next_round(start: Start) -> None:
    zekt = start(work=False)
    _drop(zekt, 1)
    zekt.sql("UPDATE installations SET busy_until = now() + interval '1 hour', busy_with = 'a write without end'")
    report = round_of(zekt, dispatch_spacing=timedelta(seconds=1))
    assert (report.count("asked"), report.owed) == (0, 1)
    assert "may not write before" in report.unfinished[51]


def test_redeliveries_are_as_far_apart_as_dispatches(start: Start) -> None:
    zekt = start(work=False)
    _drop(zekt, 3)
    report = round_of(zekt, dispatch_spacing=timedelta(seconds=0.3))
    assert report.count("asked") == 3
    times = [visit.at for visit in attempts(zekt)]
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= timedelta(seconds=0.25)
    assert zekt.sql("SELECT installation_id, count(*) FROM writes GROUP BY 1") == [(51, 3)]


def test_redeliveries_count_against_githubs_windows_and_the_rest_is_left_for_later(start: Start) -> None:
    zekt = start(work=False)
    _use_app_hook(zekt)
    _drop(zekt, 5)
    pace: dict[str, Any] = {"dispatch_spacing": timedelta(milliseconds=1), "dispatches_per_minute": 3}
    report = round_of(zekt, **pace)
    assert report.count("asked") == 3
    assert "may not write before" in report.unfinished[0]
    assert report.owed == 5
    assert round_of(zekt, later=timedelta(minutes=2), **pace).count("asked") == 2


def test_one_process_reconciles_at_a_time(start: Start) -> None:
    zekt = start(work=False)
    _drop(zekt, 1)
    zekt.github.faults.add(where="rest", kind="hang", seconds=2)
    reports: list[Any] = []
    first = threading.Thread(
        target=lambda: reports.append(reconcile(zekt, github_timeout=timedelta(seconds=10))), daemon=True
    )
    first.start()
    zekt.wait_for_visit("/app/hook/config")
    assert reconcile(zekt) is None
    first.join(30)
    assert reports[0].count("asked") == 1
    assert round_of(zekt).count("asked") == 0


def test_the_next_round_may_begin_as_soon_as_one_has_ended(start: Start) -> None:
    url = start(work=False).database_url

    async def main() -> list[int]:
        left = []
        async with one_connection(url) as beside:
            for _ in range(100):
                async with rounds.alone(url) as mine:
                    assert mine
                cursor = await beside.execute("SELECT count(*) AS held FROM pg_locks WHERE locktype = 'advisory'")
                left += [row["held"] async for row in cursor]
        return left

    assert asyncio.run(main()) == [0] * 100


def test_a_dry_run_shows_what_it_would_do_and_does_nothing(start: Start) -> None:
    zekt = start(work=False)
    _drop(zekt, 2)
    zekt.github.faults.add(where="webhook", kind="lose", times=2)
    lost, gone = zekt.start_run(), zekt.start_run()
    zekt.github.finish_run(lost)
    zekt.send(gone, messageId="m-1")
    zekt.github.delete_run(gone)
    before = [zekt.sql(f"SELECT * FROM {table}") for table in TABLES]
    posts = len([visit for visit in zekt.github.visits("rest") if visit.method == "POST"])
    report = round_of(zekt, later=SOON, dry_run=True)
    # What was dropped stands in the list of runs as well.
    assert [step.what for step in report.steps] == ["asked"] * 2 + ["delivered"] * 3 + ["closed"]
    assert [zekt.sql(f"SELECT * FROM {table}") for table in TABLES] == before
    made = [visit for visit in zekt.github.visits("rest") if visit.method == "POST"][posts:]
    assert {visit.path.rpartition("/")[2] for visit in made} == {"access_tokens"}
    assert round_of(zekt, later=SOON).count("closed") == 1


def test_the_worker_does_it_on_a_schedule(start: Start) -> None:
    zekt = start(settings={"reconcile_seconds": 1, "message_patience": timedelta(seconds=1)})
    _drop(zekt, 1)
    zekt.dispatched(1)
    run = zekt.start_run()
    zekt.github.faults.add(where="webhook", kind="lose")
    zekt.github.finish_run(run)
    assert zekt.dispatched(2)[-1].client_payload["zekt"]["correlationId"] == str(run.id)
