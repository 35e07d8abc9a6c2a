"""Tenants who know more than strangers: each learns and moves what is its own, and nothing else."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests

from zekt_testing import setup
from zekt_testing.broker import ADMIN_TOKEN, ORDER, Zekt
from zekt_testing.canaries import mentions

OTHER = {"login": "rival-team", "repositories": [{"name": "tools", "id": 3003, "installation-id": 53}]}


@pytest.fixture
def two(start: Callable[..., Zekt]) -> Zekt:
    """Two consumers of one service."""
    return start(wanted=with_rival())


def with_rival(**service: Any) -> dict[str, Any]:
    wanted = setup.directory()
    wanted["accounts"].append(OTHER)
    wanted["subscriptions"].append({**wanted["subscriptions"][0], "consumer": "rival-team/tools"})
    wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"].update(service)
    return wanted


@pytest.fixture(autouse=True)
def rival(github: Any) -> Any:
    return github.add_repository("rival-team/tools", id=3003, installation_id=53)


def sent(zekt: Zekt, payload: Any) -> str:
    """The correlation id of a message that both have been sent."""
    run = zekt.start_run()
    assert zekt.send(run, payload).ok
    zekt.github.finish_run(run)
    for repository in ("infra-team/platform", "rival-team/tools"):
        zekt.dispatched(1, repository)
    zekt.until_sql("SELECT 1 FROM deliveries HAVING bool_and(status = 'dispatched')")
    return str(run.id)


def delivery_to(zekt: Zekt, consumer: str) -> str:
    ((found,),) = zekt.sql("SELECT id FROM deliveries WHERE consumer = %s", consumer)
    return str(found)


def fetch(zekt: Zekt, delivery_id: str, token: str) -> requests.Response:
    url = f"{zekt.url}/api/event-delivery/{delivery_id}/payload"
    return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_of_two_consumers_of_one_run_each_has_its_own_delivery_alone(two: Zekt) -> None:
    correlation = sent(two, {"for": "both"})
    theirs, own = delivery_to(two, "infra-team/platform"), delivery_to(two, "rival-team/tools")
    run = two.github.start_run("rival-team/tools")
    assert two.confirm(run, correlationId=correlation, deliveryId=theirs).json()["code"] == "not_yours"
    assert two.complete(run, correlationId=correlation, deliveryId=theirs).json()["code"] == "not_yours"
    assert fetch(two, theirs, run.token()).json()["code"] == "not_yours"
    answer = two.confirm(run, correlationId=correlation)
    assert answer.json()["deliveryId"] == own
    assert theirs not in answer.text
    assert two.delivery(theirs)["status"] == "dispatched"


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_hidden_provider_shows_in_nothing_that_its_consumer_gets(start: Callable[..., Zekt], size: int) -> None:
    zekt = start(wanted=with_rival(**{"hide-provider": True}))
    correlation = sent(zekt, "x" * size)
    (dispatch,) = zekt.dispatched(1, "rival-team/tools")
    run, own = zekt.github.start_run("rival-team/tools"), delivery_to(zekt, "rival-team/tools")
    answers = [zekt.confirm(run, correlationId=correlation), zekt.complete(run, correlationId=correlation)]
    answers.append(fetch(zekt, own, run.token()))
    assert all(answer.ok for answer in answers)
    ((sha, actor),) = zekt.sql("SELECT head_sha, actor FROM events")
    told = json.dumps(dispatch.client_payload) + "".join(f"{answer.headers}{answer.text}" for answer in answers)
    for secret in ("shop-team", "orders/", "order.yml", "1001", sha, actor, "github.com"):
        assert not mentions(told, secret), secret


def test_a_service_of_metadata_alone_gives_no_message_by_claim_check_either(start: Callable[..., Zekt]) -> None:
    zekt = start(wanted=with_rival(**{"metadata-only": True}))
    sent(zekt, {"secret": 1})
    (dispatch,) = zekt.dispatched(1, "rival-team/tools")
    envelope = dispatch.client_payload["zekt"]
    assert (envelope["payload"], envelope["payloadRef"], envelope["payloadSha256"]) == (None, None, None)
    run = zekt.github.start_run("rival-team/tools")
    assert fetch(zekt, envelope["deliveryId"], run.token()).json()["code"] == "no_payload"


def test_what_was_never_sent_can_be_neither_fetched_nor_confirmed(start: Callable[..., Zekt]) -> None:
    """A subscription that is revoked in time gives nothing away, whoever learns the id."""
    zekt = start(wanted=with_rival(), work=False)
    run = zekt.start_run()
    zekt.send(run)
    zekt.github.finish_run(run)
    own, consumer = delivery_to(zekt, "rival-team/tools"), zekt.github.start_run("rival-team/tools")
    assert fetch(zekt, own, consumer.token()).json()["code"] == "not_yours"
    assert zekt.confirm(consumer, correlationId=str(run.id), deliveryId=own).json()["code"] == "not_yours"


HOME = "shop-team/orders/"


@pytest.mark.parametrize(
    "workflow_ref",
    [
        f"evil/corp/{ORDER}@refs/heads/main",
        f"{HOME}.github/workflows/other.yml@refs/heads/{ORDER}",
        f"{HOME}.github/workflows/other.yml@refs/heads/a@refs/heads/{HOME}{ORDER}@refs/heads/main",
        f"{HOME}{ORDER}.yml@refs/heads/main",
        f"{HOME}{ORDER}/../other.yml@refs/heads/main",
        f"{HOME}.github/workflows/x/../order.yml@refs/heads/main",
        f"{HOME}.github/workflows/order.yml\n.yml@refs/heads/main",
        f"{HOME}.github/workflows/ORDER.yml@refs/heads/main",
        f"{HOME}.github/workflows/\u043erder.yml@refs/heads/main",
        f"evil/{HOME}{ORDER}@refs/heads/main",
        f"@{ORDER}",
        f"x{ORDER}@refs/heads/main",
    ],
    ids=ascii,
)
def test_no_other_workflow_passes_for_the_whitelisted_one(zekt: Zekt, workflow_ref: str) -> None:
    token = zekt.start_run().token(workflow_ref=workflow_ref)
    answer = zekt.post("/api/events/receive", token, {"eventType": "x", "payload": {}})
    assert (answer.status_code, answer.json()["consumersNotified"]) == (202, 0)


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/a@refs/heads/b", "refs/heads/x.yml", "refs/tags/@"])
def test_the_whitelisted_workflow_passes_from_any_branch(zekt: Zekt, ref: str) -> None:
    token = zekt.start_run().token(workflow_ref=f"{HOME}{ORDER}@{ref}")
    answer = zekt.post("/api/events/receive", token, {"eventType": "x", "payload": {}})
    assert (answer.status_code, answer.json()["consumersNotified"]) == (202, 1)


@pytest.mark.parametrize("text", ["' OR '1'='1", "%", "_%", "infra-team/platform' --", "*", "\\", "{}", "%(consumer)s"])
def test_a_query_is_a_value_and_never_a_statement(two: Zekt, text: str) -> None:
    sent(two, {})
    for name in ("consumer", "correlationId"):
        url = f"{two.url}/api/deliveries?{name}={quote(text)}"
        answer = requests.get(url, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=10)
        assert (answer.status_code, answer.json().get("deliveries")) == (200, [])
