"""Whose deliveries a token sees, what of them, and which it may have replayed."""

from collections.abc import Callable
from typing import Any

import pytest

from zekt_testing import setup
from zekt_testing.broker import ORDER, Zekt

RIVAL = {"login": "rival-team", "repositories": [{"name": "tools", "id": 3003, "installation-id": 53}]}


def with_rival(**service: Any) -> dict[str, Any]:
    """One service with two consumers."""
    wanted = setup.directory()
    wanted["accounts"].append(RIVAL)
    wanted["subscriptions"].append({**wanted["subscriptions"][0], "consumer": "rival-team/tools"})
    wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"].update(service)
    return wanted


@pytest.fixture
def hides(request: pytest.FixtureRequest) -> bool:
    return bool(getattr(request, "param", False))


@pytest.fixture
def zekt(start: Callable[..., Zekt], github: Any, hides: bool) -> Zekt:
    github.add_repository("rival-team/tools", id=3003, installation_id=53)
    return start(wanted=with_rival(**{"hide-provider": hides}))


SIDES = {"infra-team": "platform", "rival-team": "tools"}


def sent(zekt: Zekt) -> None:
    """A message, dispatched to both."""
    run = zekt.start_run()
    assert zekt.send(run).ok
    zekt.github.finish_run(run)
    query = "SELECT 1 FROM deliveries WHERE correlation_id = '{}' HAVING bool_and(status = 'dispatched')"
    zekt.until_sql(query.format(run.id))


def delivery_to(zekt: Zekt, consumer: str) -> str:
    ((found,),) = zekt.sql("SELECT id FROM deliveries WHERE consumer = %s AND NOT is_replay", consumer)
    return str(found)


def test_each_account_sees_the_deliveries_of_its_own_repositories(
    zekt: Zekt, ask: Any, make: Callable[..., str]
) -> None:
    sent(zekt)
    ids = {name: delivery_to(zekt, f"{name}/{repo}") for name, repo in SIDES.items()}
    for account, seen in (("infra-team", {"infra-team"}), ("rival-team", {"rival-team"}), ("shop-team", set(SIDES))):
        token = make(account)
        listed = ask(token, "/api/deliveries").json()["deliveries"]
        assert {found["deliveryId"] for found in listed} == {ids[name] for name in seen}
        assert {found["provider"] for found in listed} == {"shop-team/orders"}
        for name, delivery_id in ids.items():
            answer = ask(token, f"/api/deliveries/{delivery_id}")
            assert (answer.status_code == 200) is (name in seen)
            assert answer.status_code == 200 or answer.json()["code"] == "not_yours"


def test_a_page_of_an_accounts_deliveries_goes_on_where_the_last_ended(
    zekt: Zekt, ask: Any, make: Callable[..., str]
) -> None:
    sent(zekt)
    sent(zekt)
    token = make("infra-team")
    first = ask(token, "/api/deliveries?limit=1").json()
    then = ask(token, f"/api/deliveries?limit=1&before={first['next']}").json()
    assert then["next"] is None
    assert first["deliveries"][0]["deliveryId"] != then["deliveries"][0]["deliveryId"]


def test_a_consumer_reads_its_own_verdict_and_of_no_other_consumer(
    zekt: Zekt, ask: Any, make: Callable[..., str]
) -> None:
    sent(zekt)
    path = f"/api/deliveries/{delivery_to(zekt, 'infra-team/platform')}"
    consumer, provider = (ask(make(account), path) for account in ("infra-team", "shop-team"))
    assert [line["consumer"] for line in consumer.json()["decision"]["reasons"]["consumers"]] == ["infra-team/platform"]
    assert "rival-team" not in consumer.text
    assert len(provider.json()["decision"]["reasons"]["consumers"]) == 2


def test_a_consumer_reads_what_the_first_version_decided_when_it_was_given_something(
    zekt: Zekt, ask: Any, make: Callable[..., str]
) -> None:
    sent(zekt)
    zekt.sql("UPDATE decisions SET reasons = reasons #- '{consumers,0,subscription}' #- '{consumers,1,subscription}'")
    ((guid,),) = zekt.sql("SELECT guid FROM events")
    told = ask(make("infra-team"), f"/api/events/{guid}/decision")
    assert told.status_code == 200, told.text
    (decision,) = told.json()["decisions"]
    assert [consumer["consumer"] for consumer in decision["consumers"]] == ["infra-team/platform"]
    assert "rival-team" not in told.text


@pytest.mark.parametrize("hides", [True], indirect=True)
def test_a_consumer_learns_nothing_of_a_provider_who_hides(zekt: Zekt, ask: Any, make: Callable[..., str]) -> None:
    sent(zekt)
    token = make("infra-team", scope="manage")
    path = f"/api/deliveries/{delivery_to(zekt, 'infra-team/platform')}"
    zekt.sql("UPDATE repositories SET enabled = false WHERE id = 1001")
    replayed = ask(token, path.replace("deliveries", "replay"), "POST")
    assert (replayed.status_code, replayed.json()["code"]) == (409, "replay_refused")
    answers = [ask(token, "/api/deliveries"), ask(token, path), ask(token, "/api/audit"), replayed]
    for answer in answers[:3]:
        assert answer.status_code == 200
    told = "".join(answer.text for answer in answers)
    assert "infra-team/platform" in told
    assert not [name for name in ("shop-team", "orders.yml", ORDER, "order.yml") if name in told]
    assert ask(make("shop-team"), path).json()["provider"] == "shop-team/orders"


@pytest.mark.parametrize("hides", [True], indirect=True)
def test_what_was_hidden_when_it_was_sent_stays_hidden(zekt: Zekt, ask: Any, make: Callable[..., str]) -> None:
    sent(zekt)
    zekt.sql("UPDATE services SET hide_provider = false")
    token = make("infra-team")
    (delivery,) = ask(token, "/api/deliveries").json()["deliveries"]
    assert delivery["provider"] is None
    (decision,) = ask(token, f"/api/events/{delivery['event']}/decision").json()["decisions"]
    (own,) = decision["consumers"]
    assert {rule["detail"] for rule in own["rules"]} == {"This is for the provider to see."}


@pytest.mark.parametrize("account", ["shop-team", "infra-team"])
def test_either_side_may_replay_if_its_token_manages(
    zekt: Zekt, ask: Any, make: Callable[..., str], account: str
) -> None:
    sent(zekt)
    old = delivery_to(zekt, "infra-team/platform")
    reads, manages = make(account, scope="read"), make(account, scope="manage")
    assert [ask(token, f"/api/deliveries/{old}").json()["mayReplay"] for token in (reads, manages)] == [False, True]
    refused = ask(reads, f"/api/replay/{old}", "POST")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
    answer = ask(manages, f"/api/replay/{old}", "POST")
    assert answer.status_code == 202
    assert zekt.until(answer.json()["deliveryId"], "dispatched")["replayOf"] == old


def test_no_account_makes_an_organisations_queue_longer_than_ten_minutes(
    zekt: Zekt, ask: Any, make: Callable[..., str]
) -> None:
    sent(zekt)
    old, token = delivery_to(zekt, "infra-team/platform"), make("shop-team", scope="manage")
    zekt.sql("UPDATE installations SET blocked_until = now() + interval '20 minutes'")
    queues = "SELECT id, next_write_at::text FROM installations ORDER BY id"
    before, count = zekt.sql(queues), len(zekt.deliveries())
    refused = ask(token, f"/api/replay/{old}", "POST")
    assert (refused.status_code, refused.json()["code"]) == (409, "replay_refused")
    assert "20 minutes away" in refused.json()["detail"]
    assert refused.headers["Retry-After"] == "60"
    assert zekt.sql(queues) == before
    assert len(zekt.deliveries()) == count
    assert ask(None, f"/api/replay/{old}", "POST").status_code == 202


def test_nobody_else_may_replay(zekt: Zekt, ask: Any, make: Callable[..., str]) -> None:
    sent(zekt)
    token, before = make("rival-team", scope="manage"), len(zekt.deliveries())
    theirs = ask(token, f"/api/replay/{delivery_to(zekt, 'infra-team/platform')}", "POST")
    nowhere = ask(token, "/api/replay/delivery-none", "POST")
    assert theirs.json()["code"] == "not_yours"
    assert theirs.json() == nowhere.json()
    assert len(zekt.deliveries()) == before


def test_deliveries_are_found_and_counted_by_every_filter_and_by_each_side(
    zekt: Zekt, ask: Any, make: Callable[..., str]
) -> None:
    sent(zekt)
    sent(zekt)
    zekt.sql("UPDATE deliveries SET status = 'failed', due_at = NULL WHERE consumer_id = 2002 AND seq < 3")
    ((run, ours),) = zekt.sql("SELECT correlation_id, subscription_id FROM deliveries WHERE status = 'failed'")
    shop, infra = make("shop-team"), make("infra-team")

    def seen(token: str | None, query: str) -> list[int]:
        """How many are listed, and how many counted."""
        listed = ask(token, f"/api/deliveries?{query}").json()["deliveries"]
        counts = ask(token, f"/api/deliveries/counts?{query}").json()["counts"]
        assert not any(one["more"] for one in counts.values())
        return [len(listed), sum(one["count"] for one in counts.values())]

    for token, query, number in (
        (shop, "", 4),
        (infra, "", 2),
        (infra, "side=consumer", 2),
        (infra, "side=provider", 0),
        (shop, "side=provider&status=failed", 1),
        (shop, "status=failed,dispatched", 4),
        (shop, f"connection={ours}", 2),
        (infra, f"connection={3 - int(ours)}", 0),
        (infra, "service=infrastructure-orders", 2),
        (infra, "consumer=rival-team/tools", 0),
        (shop, "consumer=Rival-Team/Tools", 2),
        (infra, f"correlationId={run}", 1),
        (infra, f"correlationId={run}&connection={3 - int(ours)}", 0),
        (shop, "since=2026-01-01T00:00:00Z", 4),
        (shop, "until=2026-01-01T00:00:00Z", 0),
        (None, "account=infra-team", 2),
        (None, "account=infra-team&side=provider", 0),
        (None, "since=2026-01-01T00:00:00Z", 4),
        (None, "", 4),
    ):
        assert seen(token, query) == [number, number], query
    assert ask(infra, "/api/deliveries/counts?account=shop-team").json()["code"] == "not_yours"
    assert ask(infra, "/api/deliveries?status=lost").json()["code"] == "body_invalid"
    told = ask(shop, "/api/deliveries/counts").json()["counts"]
    assert told["failed"] == {"count": 1, "more": False}
    assert set(told) == {"pending", "dispatched", "confirmed", "completed", "failed"}


@pytest.mark.parametrize("hides", [False, True], indirect=True)
def test_a_delivery_has_its_run_and_how_long_github_took(
    zekt: Zekt, ask: Any, make: Callable[..., str], hides: bool
) -> None:
    sent(zekt)
    path = f"/api/deliveries/{delivery_to(zekt, 'infra-team/platform')}"
    provider, consumer = (ask(make(account), path).json() for account in ("shop-team", "infra-team"))
    assert (provider["sides"], consumer["sides"]) == (["provider"], ["consumer"])
    assert provider["run"]["workflowPath"] == ORDER
    assert consumer["run"] == (None if hides else provider["run"])
    (attempt,) = consumer["attemptList"]
    assert (attempt["accepted"], attempt["durationMs"] >= 0) == (True, True)
    assert (provider["retries"], provider["maxDispatches"], provider["confirmTimeout"]) == (0, 5, 1800.0)
    assert ask(None, f"/api/events/{provider['event']}/decision").status_code == 200
    assert ask(None, f"/api/events/{provider['message']}/decision").status_code == 200
