"""A message that waits for an event: its run is asked about, now and later, until it has ended or is no more."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from zekt_backend.flows.reread_installations import AGE
from zekt_testing.reconciling import PATIENCE, round_of

Start = Callable[..., Any]
SOON = PATIENCE + timedelta(minutes=1)


def _waiting(zekt: Any) -> Any:
    """A run that has sent a message, and whose webhook will be lost."""
    run = zekt.start_run()
    zekt.send(run, {"size": "large"}, messageId=f"m-{run.id}")
    zekt.github.faults.add(where="webhook", kind="lose")
    return run


def _asked_about(zekt: Any, run: Any) -> int:
    path = f"/repos/shop-team/orders/actions/runs/{run.id}/attempts/{run.attempt}"
    return sum(visit.path == path for visit in zekt.github.visits("rest"))


def test_a_message_without_an_event_is_delivered_when_its_run_has_ended(start: Start) -> None:
    zekt = start(work=False)
    run = _waiting(zekt)
    assert round_of(zekt).awaited == 0
    zekt.github.finish_run(run)
    # Not whitelisted any more: no list is read, the message alone leads to the run.
    zekt.sql("UPDATE workflows SET whitelisted = false")
    report = round_of(zekt, later=SOON)
    assert [step.what for step in report.steps] == ["delivered"]
    ((guid, conclusion),) = zekt.sql("SELECT guid, conclusion FROM events")
    assert conclusion == "success"
    # Consumers see it, also of a provider who hides.
    assert guid.startswith("reconcile-")
    assert "1001" not in guid.split("-")
    assert zekt.sql("SELECT count(*) FROM awaited_runs") == [(0,)]
    zekt.sql("UPDATE workflows SET whitelisted = true")


def test_a_recovered_event_carries_its_message_and_all_that_a_webhook_tells(start: Start) -> None:
    zekt = start(work=False)
    run = _waiting(zekt)
    zekt.github.finish_run(run)
    round_of(zekt, later=SOON)
    ((envelope,),) = zekt.sql("SELECT envelope FROM deliveries WHERE event_id IS NOT NULL")
    other = zekt.start_run(sha=run.sha)
    zekt.github.finish_run(other)
    ((told,),) = zekt.sql("SELECT envelope FROM deliveries WHERE correlation_id = %s", str(other.id))
    same = {"conclusion", "headBranch", "headSha", "event", "actor", "workflow", "workflowPath", "repository"}
    assert {key: envelope["provider"][key] for key in same} == {key: told["provider"][key] for key in same}
    assert envelope["provider"]["completedAt"]


def test_a_run_that_goes_on_is_asked_about_less_and_less_often(start: Start) -> None:
    zekt = start(work=False)
    run = _waiting(zekt)
    asked = []
    for quarters in (0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 55, 56, 79, 80):
        before = _asked_about(zekt, run)
        round_of(zekt, later=SOON + quarters * timedelta(minutes=15))
        if _asked_about(zekt, run) > before:
            asked.append(quarters)
    # After 15, 15 and 30 minutes, 1, 2, 4 and 6 hours: a day costs eight requests.
    assert asked == [1, 2, 4, 8, 16, 32, 56, 80]
    assert zekt.sql("SELECT closed_at FROM messages") == [(None,)]
    zekt.github.world.runs.finish(run, "failure")
    assert round_of(zekt, later=timedelta(hours=48)).count("delivered") == 1


def test_the_messages_of_a_run_that_was_deleted_are_closed_and_kept(start: Start) -> None:
    zekt = start(work=False)
    run = _waiting(zekt)
    zekt.github.delete_run(run)
    report = round_of(zekt, later=SOON)
    assert [step.what for step in report.steps] == ["closed"]
    assert str(run.id) in report.steps[0].subject
    ((payload, closed_at, why),) = zekt.sql("SELECT payload, closed_at, closed_why FROM messages")
    assert payload == b'{"size": "large"}'
    assert closed_at is not None
    assert "deleted" in why
    again = round_of(zekt, later=2 * SOON)
    assert (again.steps, again.awaited, again.whole) == ([], 0, True)
    assert _asked_about(zekt, run) == 1


def test_a_closed_run_whose_webhook_comes_after_all_is_delivered(start: Start) -> None:
    zekt = start(work=False)
    run = _waiting(zekt)
    zekt.github.delete_run(run)
    round_of(zekt, later=SOON)
    zekt.github.faults.clear()
    zekt.github.finish_run(run)
    assert zekt.sql("SELECT count(event_id) FROM deliveries") == [(1,)]


def test_a_run_in_a_repository_that_the_app_does_not_see_is_not_taken_for_deleted(start: Start) -> None:
    zekt = start(work=False)
    run = _waiting(zekt)
    other = zekt.start_run()
    zekt.send(other, messageId="m-other")
    orders = zekt.github.world.repositories.get("shop-team/orders")
    zekt.github.world.repositories.remove(orders)
    report = round_of(zekt, later=SOON)
    assert report.count("closed") == 0
    (gap,) = [gap for gap in report.gaps if gap.kind == "runs"]
    assert gap.subject == "shop-team/orders"
    assert "Repository access" in gap.detail
    assert _asked_about(zekt, run) + _asked_about(zekt, other) == 1
    assert zekt.sql("SELECT count(*) FROM messages WHERE closed_at IS NULL") == [(2,)]

    zekt.github.add_repository("shop-team/orders", id=1001, installation_id=51)
    round_of(zekt, later=AGE + SOON)  # Nobody told that the app sees it again: it is read once an hour.
    zekt.github.finish_run(run)
    assert round_of(zekt, later=3 * SOON).count("delivered") == 1
    assert round_of(zekt, later=timedelta(hours=9)).gaps == []


def test_a_message_whose_event_came_late_but_came_costs_nothing(start: Start) -> None:
    zekt = start(work=False)
    run = zekt.start_run()
    zekt.send(run, messageId="m-1")
    zekt.github.finish_run(run)
    round_of(zekt, later=SOON)
    assert _asked_about(zekt, run) == 0


def test_a_repository_that_is_switched_off_is_not_asked_about(start: Start) -> None:
    zekt = start(work=False)
    run = _waiting(zekt)
    zekt.sql("UPDATE repositories SET enabled = false WHERE id = 1001")
    report = round_of(zekt, later=SOON)
    assert (_asked_about(zekt, run), report.awaited, report.gaps) == (0, 1, [])


def test_finding_what_waits_touches_no_more_than_what_is_new(start: Start) -> None:
    """With 200,000 messages in the table, each statement of a round goes by an index."""
    zekt = start(work=False)
    zekt.sql(
        """INSERT INTO messages (event_id, dedupe_key, repository_id, run_id, run_attempt, workflow_path, payload,
                                 payload_sha256, consumers_notified, received_at)
           SELECT 'e' || n, 'd' || n, 1001, n, 1, 'x', '1', '', 0, now() - n * interval '1 second'
           FROM generate_series(1, 200000) AS n"""
    )
    zekt.sql(
        """INSERT INTO events (guid, repository_id, repository, run_id, run_attempt, workflow_name, head_sha, event,
                               actor, html_url, received_at)
           SELECT 'g' || n, 1001, 'a/b', n, 1, '', '', '', '', '', now() FROM generate_series(1, 200000) AS n"""
    )
    zekt.sql("INSERT INTO readings (kind, id, read_until) VALUES ('messages', 0, now() - interval '20 minutes')")
    zekt.sql("ANALYZE")
    rows = zekt.sql("SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname IN ('messages', 'events')")
    round_of(zekt)
    zekt.sql("SELECT pg_stat_force_next_flush()")
    after = zekt.sql("SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname IN ('messages', 'events')")
    assert sorted(after) == sorted(rows)
    assert zekt.sql("SELECT count(*) FROM awaited_runs") == [(0,)]
