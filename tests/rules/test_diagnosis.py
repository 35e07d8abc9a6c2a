"""Facts in, findings out: each check alone, from healthy facts that one thing is changed in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules.diagnosis import APP_HOOK, diagnose, worst
from zekt_backend.rules.facts import (
    Connection,
    Delivered,
    Facts,
    File,
    Files,
    Finding,
    Hook,
    Installation,
    Member,
    RepositoryState,
    Run,
    Runs,
    Sent,
    Side,
    Unknown,
    Verdict,
)
from zekt_backend.rules.listeners import listener
from zekt_backend.rules.reach import Reach, barrier
from zekt_backend.rules.started import trace
from zekt_workflows.listening import Listening

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OURS = "https://zekt.example.com/api/github/webhooks"
HOOK = Hook(APP_HOOK, OURS, True, True, "json", ("workflow_run",), Delivered(True, "OK", "2026-11-21T11:00:00Z"))
RIGHTS = {"metadata": "read", "actions": "read", "contents": "write"}
UNKNOWN = Unknown("GitHub did not answer: ConnectTimeout.")
NO_RUN = Runs(())


def side(number: int, **changes: Any) -> Side:
    state = RepositoryState(number, False, False, "main", "https://github.com/a/b")
    return replace(Side(Installation(number + 1, False, RIGHTS), None, state, (HOOK,)), **changes)


CONNECTION = Connection(
    subscription_id=1,
    status="approved",
    durable=True,
    as_provider=True,
    as_consumer=True,
    service="orders",
    event_type="order",
    metadata_only=False,
    workflow_path=".github/workflows/order.yml",
    whitelisted=True,
    completion_tracking=True,
    provider=Member(10, "shop-team/orders", True, 11),
    consumer=Member(20, "infra-team/platform", True, 21),
)
LISTENS = File(".github/workflows/receive.yml", Listening(True, ("order",)), "active")
HEALTHY = Facts(CONNECTION, ("order",), OURS, side(10), side(20), Files((LISTENS,)), hours=24)


def check(facts: Facts, name: str) -> Finding:
    return next(finding for finding in diagnose(facts) if finding.check == name)


def consumer(**changes: Any) -> Facts:
    return replace(HEALTHY, consumer=side(20, **changes))


def connection(**changes: Any) -> Facts:
    return replace(HEALTHY, connection=replace(CONNECTION, **changes))


def files(*found: File, **more: Any) -> Facts:
    return replace(HEALTHY, files=Files(found, **more))


def hook(**changes: Any) -> Facts:
    return replace(HEALTHY, provider=side(10, hooks=(replace(HOOK, **changes),)))


def test_nothing_is_wrong_with_healthy_facts() -> None:
    assert {finding.verdict for finding in diagnose(HEALTHY)} == {Verdict.OK}
    assert worst(diagnose(HEALTHY)) is Verdict.OK


def test_the_worst_counts_and_what_is_unknown_hides_no_problem() -> None:
    assert worst([Finding("a", verdict, "") for verdict in (Verdict.PROBLEM, Verdict.OK, Verdict.UNKNOWN)]) == "problem"
    assert worst([Finding("a", verdict, "") for verdict in (Verdict.WARNING, Verdict.UNKNOWN)]) == "unknown"


LACKING = Installation(21, False, {"metadata": "read", "contents": "read"})
DEAD = Delivered(False, "Invalid HTTP Response: 401", "2026-11-21T11:00:00Z")


@pytest.mark.parametrize(
    ("facts", "name", "verdict", "says"),
    [
        (connection(status="requested"), "approval", "warning", "is requested"),
        (connection(whitelisted=False), "approval", "problem", "is not whitelisted"),
        (connection(consumer=replace(CONNECTION.consumer, enabled=False)), "approval", "problem", "switched off"),
        (consumer(installation=None), "consumer.app", "problem", "not installed"),
        (consumer(installation=None, known_installation=LACKING), "consumer.app", "problem", "not on this repository"),
        (consumer(installation=None, known_installation=replace(LACKING, suspended=True)), "consumer.app", "problem",
         "is suspended"),
        (consumer(installation=UNKNOWN), "consumer.app", "unknown", "could not be asked"),
        (consumer(installation=LACKING), "consumer.app", "problem", "lacks contents: write, actions: read"),
        (consumer(installation=Installation(99, False, RIGHTS)), "consumer.app", "problem", "is 99, and the broker"),
        (replace(HEALTHY, provider=side(10, installation=Installation(9, False, RIGHTS))), "provider.app", "warning",
         "is 9, and the broker knows 11"),
        (consumer(repository=None), "consumer.repository", "problem", "shows the app no repository"),
        (consumer(repository=UNKNOWN), "consumer.repository", "unknown", "could not be looked at"),
        (consumer(repository=RepositoryState(7, False, False, "main", "")), "consumer.repository", "problem",
         "another repository now"),
        (consumer(repository=RepositoryState(20, True, False, "main", "")), "consumer.repository", "problem",
         "archived"),
        (files(), "consumer.workflow", "problem", "No workflow file on main listens for order"),
        (files(replace(LISTENS, state="disabled_manually")), "consumer.workflow", "problem", "switched off"),
        (files(replace(LISTENS, state="disabled_manually"), LISTENS), "consumer.workflow", "ok", "receive.yml"),
        (files(replace(LISTENS, state=None), states=UNKNOWN), "consumer.workflow", "unknown", "could not be asked"),
        (files(left_out=3), "consumer.workflow", "unknown", "3 more were not read"),
        (files(LISTENS, left_out=3), "consumer.workflow", "ok", "listens for order"),
        (files(LISTENS, actions_enabled=False), "consumer.workflow", "problem", "Actions is switched off"),
        (files(replace(LISTENS, listening=Listening(True, ("ORDER",)))), "consumer.workflow", "warning", "very name"),
        (replace(HEALTHY, files=Files(UNKNOWN)), "consumer.workflow", "unknown", "could not be read"),
        (replace(HEALTHY, event_types=("order", "b")), "consumer.workflow", "warning", "nothing that runs listens for"),
        (replace(HEALTHY, event_types=("a", "order")), "consumer.workflow", "warning", "listens for a"),
        (hook(active=False), "provider.webhook", "problem", "is switched off"),
        (hook(events=("push",)), "provider.webhook", "problem", "does not hear of workflow runs"),
        (hook(events=("*",)), "provider.webhook", "ok", "points to"),
        (hook(content_type="form"), "provider.webhook", "problem", "must send application/json"),
        (hook(newest=DEAD), "provider.webhook", "problem", "401"),
        (hook(newest=None), "provider.webhook", "ok", "sent nothing lately"),
        (hook(newest=UNKNOWN), "provider.webhook", "unknown", "could not be asked"),
        (hook(ours=False, url="https://other.example.com"), "provider.webhook", "problem", "the app's points to https://other"),
        (replace(HEALTHY, provider=side(10, hooks=(), untold=(UNKNOWN,))), "provider.webhook", "unknown", "not all"),
        (replace(HEALTHY, hook_url=None), "provider.webhook", "unknown", "ZEKT_PUBLIC_URL"),
    ],
)  # fmt: skip
def test_each_fact_has_its_finding(facts: Facts, name: str, verdict: str, says: str) -> None:
    finding = check(facts, name)
    assert finding.verdict == verdict
    assert says in finding.what


def test_actions_read_is_needed_for_durable_deliveries_only() -> None:
    fire_and_forget = connection(durable=False)
    lacking = side(20, installation=Installation(21, False, {"metadata": "read", "contents": "admin"}))
    assert check(replace(fire_and_forget, consumer=lacking), "consumer.app").verdict == "ok"
    assert check(replace(HEALTHY, consumer=lacking), "consumer.app").verdict == "problem"


def test_the_consumers_hook_matters_only_where_completion_is_tracked() -> None:
    names = [finding.check for finding in diagnose(connection(completion_tracking=False))]
    assert "consumer.webhook" not in names


def test_a_webhook_of_somebody_else_is_not_shown() -> None:
    """Its URL may hold that other service's secret."""
    other = replace(HOOK, name="webhook 5 of shop-team/orders", url="https://ci.example.com/?token=s3cret", ours=False)
    assert "s3cret" not in str(diagnose(replace(HEALTHY, provider=side(10, hooks=(other,)))))


def sent(*minutes: float) -> tuple[Sent, ...]:
    return tuple(Sent(f"d{n}", 1, NOW - timedelta(minutes=m)) for n, m in enumerate(minutes))


def run(minutes: float, number: int = 1) -> Run:
    return Run(number, NOW - timedelta(minutes=minutes), "failure", f"https://github.com/a/b/actions/runs/{number}")


@pytest.mark.parametrize(
    ("dispatched", "unconfirmed", "runs", "verdict", "says"),
    [
        (0, (), NO_RUN, "ok", "No durable delivery was dispatched in the last 24 hours."),
        (5, (), NO_RUN, "ok", "None of 5 durable deliveries"),
        (5, sent(30), NO_RUN, "problem",
         "1 of 5 durable deliveries of the last 24 hours were never followed by a run: d0."),
        (5, sent(30), Runs((run(29.9),)), "problem", "d0 (failure, https://github.com/a/b/actions/runs/1)"),
        (5, sent(30), UNKNOWN, "unknown", "1 of 5 durable deliveries of the last 24 hours are not confirmed"),
        (5, sent(30), Runs((run(5),), NOW - timedelta(minutes=20)), "unknown", "older than the runs that GitHub lists"),
    ],
)  # fmt: skip
def test_a_dispatch_without_a_run_and_a_run_without_a_confirm_are_told_apart(
    dispatched: int, unconfirmed: tuple[Sent, ...], runs: Any, verdict: str, says: str
) -> None:
    finding = check(replace(HEALTHY, dispatched=dispatched, unconfirmed=unconfirmed, runs=runs), "runs")
    assert (finding.verdict, says in finding.what) == (verdict, True), finding


def test_each_run_belongs_to_one_dispatch_and_the_earliest_fitting_one() -> None:
    found = trace(sent(30, 29, 5), Runs((run(28.9, 2), run(4, 3))))
    assert [(name, each.id) for name, each in found.with_run] == [("d0", 2), ("d2", 3)]
    assert found.without_run == ("d1",)


def test_a_delivery_that_was_dispatched_again_counts_once_and_any_of_its_runs_counts() -> None:
    twice = (Sent("d", 1, NOW - timedelta(minutes=90)), Sent("d", 2, NOW - timedelta(minutes=30)))
    assert trace(twice, NO_RUN).without_run == ("d",)
    assert trace(twice, Runs((run(30),))).with_run == (("d", run(30)),)


@pytest.mark.parametrize(("minutes", "fits"), [(31.1, False), (30.9, True), (20.1, True), (19.9, False)])
def test_a_run_counts_from_a_minute_before_its_dispatch_to_ten_after(minutes: float, fits: bool) -> None:
    assert bool(trace(sent(30), Runs((run(minutes),))).with_run) is fits


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 600)), max_size=20),
    st.lists(st.floats(0, 600), max_size=20),
    st.none() | st.floats(0, 600),
)
def test_every_delivery_is_told_once_and_no_run_twice(
    dispatches: list[tuple[int, float]], minutes: list[float], since: float | None
) -> None:
    tried = [Sent(f"d{name}", n, NOW - timedelta(minutes=m)) for n, (name, m) in enumerate(dispatches)]
    listed = tuple(run(m, number) for number, m in enumerate(minutes))
    found = trace(tried, Runs(listed, None if since is None else NOW - timedelta(minutes=since)))
    told = [*found.without_run, *(name for name, _ in found.with_run), *found.untold]
    assert sorted(told) == sorted({each.delivery_id for each in tried})
    ids = [each.id for _, each in found.with_run]
    assert len(ids) == len(set(ids))


NASTY = "\x1b[2J\u202e\0\n[red]" * 100


def test_nothing_of_a_strangers_leaves_unescaped() -> None:
    strange = Files((File(NASTY, Listening(True, (NASTY,)), NASTY), File(NASTY, Listening(False, unreadable=NASTY))))
    facts = [
        replace(HEALTHY, files=strange, event_types=("order", "b")),
        replace(HEALTHY, files=strange, event_types=(NASTY,)),
        consumer(repository=RepositoryState(20, False, False, NASTY, NASTY)),
        hook(url=NASTY, ours=False),
        hook(newest=Delivered(False, NASTY, NASTY)),
        hook(newest=Delivered(True, NASTY, NASTY)),
        hook(content_type=NASTY),
        consumer(installation=Unknown(NASTY)),
        replace(
            HEALTHY, dispatched=1, unconfirmed=sent(30), runs=Runs((Run(1, NOW - timedelta(minutes=30), NASTY, NASTY),))
        ),
    ]
    for each in facts:
        for finding in diagnose(each):
            texts = [finding.what, finding.why, *finding.paste.split("\n")]
            assert all(text.isprintable() for text in texts), finding
            assert max(map(len, texts)) < 6_000


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20), min_size=1, max_size=4))
def test_what_is_to_be_pasted_is_yaml_that_listens_for_just_that(types: list[str]) -> None:
    assert yaml.safe_load(listener(types, "main")) == {True: {"repository_dispatch": {"types": types}}}


def test_what_the_broker_was_told_and_github_says_no_more_is_told_apart() -> None:
    told = barrier(Reach("infra-team/platform", 21, suspended_at=NOW))
    facts = replace(HEALTHY, connection=replace(CONNECTION, consumer=replace(CONNECTION.consumer, barrier=told)))
    found = check(facts, "consumer.app")
    assert (found.verdict, found.paste) == (Verdict.PROBLEM, "zekt reconcile")
    assert "has the app's installation suspended, since 2026-11-21 12:00 UTC" in found.what
    assert check(facts, "provider.app").verdict is Verdict.OK
