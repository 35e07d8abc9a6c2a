"""What is recommended, to whom, and that it names the fix."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from zekt_backend.rules.facts import Connection, Member
from zekt_backend.rules.failures import Failed, grouped
from zekt_backend.rules.health import Standing, Webhook, statistics
from zekt_backend.rules.lifecycle import Status
from zekt_backend.rules.reach import Barrier
from zekt_backend.rules.remedies import Remedy, Situation, recommend

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAME = "infrastructure-orders@infra-team/platform"
OUT = Barrier("uninstalled", "has no installation of the app any more", "An owner installs it again.")
PROVIDER = Member(1001, "shop-team/orders", enabled=True, installation_id=51)
CONSUMER = Member(2002, "infra-team/platform", enabled=True, installation_id=52)
WELL = Connection(
    subscription_id=7,
    status="approved",
    durable=True,
    as_provider=True,
    as_consumer=True,
    service="infrastructure-orders",
    event_type="order-finished",
    metadata_only=False,
    workflow_path=".github/workflows/order.yml",
    whitelisted=True,
    completion_tracking=True,
    provider=PROVIDER,
    consumer=CONSUMER,
)


def told(
    *,
    provides: bool = True,
    retired: bool = False,
    failed: Sequence[Failed] = (),
    standings: Sequence[Standing] = (),
    last: datetime | None = NOW,
    webhooks: Sequence[Webhook] = (),
    **changes: Any,
) -> list[Remedy]:
    return recommend(
        Situation(
            connection=replace(WELL, **changes),
            retired=retired,
            provides=provides,
            statistics=statistics(standings, last),
            groups=grouped(failed),
            webhooks=webhooks,
            web_url="https://github.com",
            now=NOW,
        )
    )


def the(remedies: list[Remedy]) -> Remedy:
    (remedy,) = remedies
    return remedy


@pytest.mark.parametrize("provides", [True, False])
def test_when_all_is_well_nothing_is_recommended(provides: bool) -> None:
    assert told(provides=provides, webhooks=[Webhook("provider", "shop-team/orders", NOW, 5, 0, 0)]) == []


@pytest.mark.parametrize(
    ("changes", "about", "who", "command", "request_"),
    [
        ({"retired": True}, "retired", "either", f"zekt subscriptions revoke {NAME}", "/api/subscriptions/7/revoke"),
        (
            {"status": "requested"},
            "status",
            "provider",
            f"zekt subscriptions approve {NAME}",
            "POST /api/subscriptions/7/approve",
        ),
        ({"status": "denied"}, "status", "consumer", f"zekt subscriptions request {NAME}", "POST /api/subscriptions"),
        ({"status": "revoked"}, "status", "consumer", f"zekt subscriptions request {NAME}", "POST /api/subscriptions"),
        (
            {"whitelisted": False},
            "provider",
            "provider",
            "zekt workflows allow shop-team/orders order.yml",
            "PUT /api/repositories/1001/workflows/order.yml",
        ),
        (
            {"as_provider": False},
            "provider",
            "provider",
            "zekt repositories enable shop-team/orders --provider",
            "PUT /api/repositories/1001/provider",
        ),
        (
            {"consumer": replace(CONSUMER, enabled=False)},
            "consumer",
            "consumer",
            "zekt repositories enable infra-team/platform --consumer",
            "PUT /api/repositories/2002/consumer",
        ),
    ],
)
def test_what_keeps_it_from_running_is_named_with_its_fix(
    changes: dict[str, Any], about: str, who: str, command: str, request_: str
) -> None:
    remedy = the(told(**changes))
    assert (remedy.about, remedy.who) == (about, who)
    assert remedy.fix.commands[0] == command
    assert remedy.fix.requests[0].endswith(request_)
    assert remedy.fix.text


@pytest.mark.parametrize("end", ["provider", "consumer"])
def test_an_end_that_the_app_does_not_reach_is_named_with_what_to_click(end: str) -> None:
    member = replace(PROVIDER if end == "provider" else CONSUMER, barrier=OUT)
    remedy = the(told(provider=member) if end == "provider" else told(consumer=member))
    assert (remedy.about, remedy.what) == (end, f"{member.full_name} has no installation of the app any more.")
    assert (remedy.fix.text, remedy.fix.commands) == (OUT.advice, (f"zekt doctor {NAME}",))


@pytest.mark.parametrize(
    "changes",
    [
        {"whitelisted": False},
        {"as_provider": False},
        {"provider": replace(PROVIDER, enabled=False)},
        {"provider": replace(PROVIDER, barrier=OUT)},
        {"last": NOW - timedelta(days=8)},
    ],
)
def test_a_consumer_is_told_nothing_of_the_provider_s_side(changes: dict[str, Any]) -> None:
    text = str(told(provides=False, **changes))
    assert not [name for name in ("shop-team", "order.yml", "1001", OUT.advice) if name in text]
    assert text != "[]"


def test_more_than_seven_days_of_silence_say_where_to_look() -> None:
    week = timedelta(days=7)
    assert told(last=NOW - week) == []
    remedy = the(told(last=NOW - week - timedelta(seconds=1)))
    assert (remedy.about, remedy.newest_at) == ("inactive", NOW - week - timedelta(seconds=1))
    assert remedy.fix.commands[0] == "zekt events --repository shop-team/orders --outcome blocked"


def test_late_deliveries_are_told() -> None:
    late = Standing(Status.PENDING, durable=True, tried=True, unheard=False, overdue=False, count=3)
    remedy = the(told(standings=[late]))
    assert (remedy.about, remedy.count) == ("late", 3)
    assert remedy.what == "3 deliveries of the last 24 hours wait beyond their time."


@pytest.mark.parametrize(("owed", "end"), [(0, "and it came later."), (2, "and 2 of these did not come yet.")])
def test_webhooks_that_failed_are_told(owed: int, end: str) -> None:
    remedy = the(told(webhooks=[Webhook("provider", "shop-team/orders", NOW, 5, 3, owed)]))
    assert (
        remedy.what
        == f"In the last 24 hours GitHub failed 3 times to tell of the end of a run in {PROVIDER.full_name}, {end}"
    )
    assert (remedy.who, remedy.fix.commands[-1]) == ("operator", "zekt reconcile")


WHO = {
    "auth": "operator",
    "permission": "consumer",
    "rate_limit": "nobody",
    "unavailable": "nobody",
    "timeout": "nobody",
    "network": "operator",
    "not_found": "consumer",
    "invalid": "provider",
    "unconfirmed": "consumer",
    "run_failed": "consumer",
    "overdue": "consumer",
    "lost": "operator",
    "suspended": "either",
    "something new": "either",
}


@pytest.mark.parametrize("category", WHO)
def test_each_cause_has_a_fix_and_somebody_who_can(category: str) -> None:
    remedy = the(told(failed=[Failed(category, 1_200, NOW, "delivery-5", "Click there.")]))
    assert (remedy.about, remedy.who, remedy.count, remedy.newest_at) == (category, WHO[category], 1_200, NOW)
    assert remedy.what.startswith("1,200 deliveries failed in the last 30 days: ")
    assert remedy.fix.text == "Click there."
    assert remedy.fix.commands[-2:] == (
        "zekt replay delivery-5",
        f"zekt replay --connection {NAME} --since 30d --dry-run",
    )
    assert remedy.fix.requests == ("POST /api/replay/delivery-5", 'POST /api/replays {"connection": 7, "dryRun": true}')
    assert remedy.fix.links[-1].endswith("/docs/errors.md#why-a-delivery-failed")


def test_a_single_failure_is_replayed_by_itself() -> None:
    fix = the(told(failed=[Failed("timeout", 1, NOW, "delivery-5")])).fix
    assert (fix.commands, fix.requests) == (("zekt replay delivery-5",), ("POST /api/replay/delivery-5",))


def test_what_was_revoked_is_not_to_be_replayed() -> None:
    remedy = the(told(failed=[Failed("revoked", 1, NOW, "delivery-5", "Ask the provider.")]))
    assert (remedy.fix.commands, remedy.fix.requests) == ((), ())
    assert remedy.what.startswith("1 delivery failed")


@pytest.mark.parametrize(("category", "word"), [("unconfirmed", "order-finished"), ("overdue", "always()")])
def test_what_is_to_paste_is_yaml(category: str, word: str) -> None:
    paste = the(told(failed=[Failed(category, 1, NOW)])).fix.paste
    assert word in paste
    for part in paste.split("# the job's first step\n"):
        assert yaml.safe_load(part)


def test_the_newest_failure_comes_first_after_what_holds_now() -> None:
    failed = [Failed("timeout", 9, NOW - timedelta(days=3)), Failed("auth", 1, NOW)]
    assert [each.about for each in told(failed=failed, status="revoked")] == ["status", "auth", "timeout"]


def test_a_command_is_one_that_a_shell_takes_for_what_it_is() -> None:
    remedy = the(told(whitelisted=False, workflow_path=".github/workflows/a; rm -rf $HOME.yml"))
    assert remedy.fix.commands == ("zekt workflows allow shop-team/orders 'a; rm -rf $HOME.yml'",)
