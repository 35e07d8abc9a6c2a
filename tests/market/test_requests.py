"""Asking for a service: once, again, and not without end."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from zekt_testing.broker import ORDER, Zekt

PATH = "/api/subscriptions"
WANTED = {"service": "infrastructure-orders", "consumer": "rival-team/tools"}


def test_the_consumer_withdraws_its_request_and_may_ask_again(ask: Any, shop: str, rival: str, requested: str) -> None:
    assert ask(rival, f"{requested}/revoke", "POST").json()["status"] == "revoked"
    assert ask(shop, f"{requested}/approve", "POST").status_code == 409
    assert ask(rival, PATH, "POST", WANTED).json()["status"] == "requested"


def test_an_account_s_open_requests_for_one_service_are_bounded(zekt: Zekt, ask: Any, rival: str, shop: str) -> None:
    zekt.sql(
        """INSERT INTO repositories (id, account_id, installation_id, full_name, consumer)
           SELECT 9000 + n, account_id, installation_id, 'rival-team/more-' || n, true
           FROM repositories, generate_series(1, 21) n WHERE id = 3003"""
    )
    answers = [ask(rival, PATH, "POST", {**WANTED, "consumer": 9000 + number}) for number in range(1, 22)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [409]
    assert "20 requests of this account for infrastructure-orders are open" in answers[-1].json()["detail"]
    assert ask(shop, f"{PATH}/{answers[0].json()['id']}/deny", "POST").status_code == 200
    assert ask(rival, PATH, "POST", {**WANTED, "consumer": 9021}).status_code == 201


def test_of_many_who_ask_at_once_one_does(ask: Any, rival: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = [f.result().status_code for f in [pool.submit(ask, rival, PATH, "POST", WANTED) for _ in range(8)]]
    assert sorted(codes) == [201] + [409] * 7


@pytest.mark.usefixtures("requested")
def test_a_listing_may_be_of_one_service(ask: Any, shop: str) -> None:
    wanted = {"repository": "shop-team/orders", "workflow": ORDER, "slug": "second", "eventType": "x"}
    assert ask(shop, "/api/services", "POST", wanted).status_code == 201
    for slug, count in (("infrastructure-orders", 2), ("second", 0), ("nobody-knows", 0)):
        found = ask(shop, f"{PATH}?side=provider&service={slug}").json()["subscriptions"]
        assert [each["service"] for each in found] == [slug] * count
    counts = {
        each["slug"]: (each["subscribers"], each["requests"]) for each in ask(shop, "/api/services").json()["services"]
    }
    assert counts == {"infrastructure-orders": (1, 1), "second": (0, 0)}


def test_whoever_may_decide_on_requests_is_told_how_many_wait(
    ask: Any, make: Any, shop: str, rival: str, requested: str
) -> None:
    reader = make("shop-team", scope="read")
    waiting = {
        name: ask(token, "/api/me").json()["requests"]
        for name, token in (("shop", shop), ("reader", reader), ("rival", rival), ("operator", None))
    }
    assert waiting == {"shop": 1, "reader": 0, "rival": 0, "operator": 0}
    assert ask(shop, f"{requested}/deny", "POST", {}).ok
    assert ask(shop, "/api/me").json()["requests"] == 0
