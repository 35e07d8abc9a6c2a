"""Rate limits: off by default, each installation by itself, with the headers that say when to come back."""

import threading
import time
from typing import Any

import pytest

from zekt_sandbox.server import SandboxServer

ORDERS = "shop-team/orders"
PLATFORM = "infra-team/platform"


def test_nothing_is_limited_by_default(orders: Any) -> None:
    assert {orders.dispatch(ORDERS).status_code for _ in range(100)} == {204}


def test_the_hourly_limit_is_403_with_nothing_remaining(gh: SandboxServer, orders: Any) -> None:
    gh.limits.set(requests_per_hour=2)
    remaining = [orders.dispatch(ORDERS).headers["x-ratelimit-remaining"] for _ in range(2)]
    answer = orders.dispatch(ORDERS)
    assert remaining == ["1", "0"]
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(answer.headers["x-ratelimit-reset"]) > time.time() + 3500
    assert answer.json()["message"] == "API rate limit exceeded for installation ID 51."
    assert len(gh.dispatches(ORDERS)) == 2


def test_the_hour_ends(gh: SandboxServer, orders: Any) -> None:
    gh.limits.set(requests_per_hour=1, hour_seconds=0.2)
    assert orders.dispatch(ORDERS).status_code == 204
    assert orders.dispatch(ORDERS).status_code == 403
    time.sleep(0.2)  # the passing of time itself is what is tested
    assert orders.dispatch(ORDERS).status_code == 204


def test_content_is_limited_by_the_minute_and_reading_is_not(gh: SandboxServer, orders: Any) -> None:
    gh.limits.set(content_per_minute=1)
    assert orders.dispatch(ORDERS).status_code == 204
    answer = orders.dispatch(ORDERS)
    assert answer.status_code == 403
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert "secondary rate limit" in answer.json()["message"]
    assert orders.call("GET", f"/repos/{ORDERS}").status_code == 200


def test_the_minute_slides(gh: SandboxServer, orders: Any) -> None:
    gh.limits.set(content_per_minute=2, minute_seconds=1)
    assert orders.dispatch(ORDERS).status_code == 204
    time.sleep(0.6)  # the passing of time itself is what is tested, here and below
    assert [orders.dispatch(ORDERS).status_code for _ in range(2)] == [204, 403]
    time.sleep(0.6)
    # A minute that began with the first would have room for two.
    assert [orders.dispatch(ORDERS).status_code for _ in range(2)] == [204, 403]


def test_content_is_limited_by_the_hour_too(gh: SandboxServer, orders: Any) -> None:
    gh.limits.set(content_per_minute=80, content_per_hour=3)
    answers = [orders.dispatch(ORDERS) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [204, 204, 204, 403]
    assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600


def test_writing_costs_five_points_and_reading_one(gh: SandboxServer, orders: Any) -> None:
    gh.limits.set(points_per_minute=11)
    assert orders.dispatch(ORDERS).status_code == 204
    assert orders.dispatch(ORDERS).status_code == 204
    assert orders.call("GET", f"/repos/{ORDERS}").status_code == 200
    assert orders.call("GET", f"/repos/{ORDERS}").status_code == 403


def test_requests_at_the_same_time_are_limited(gh: SandboxServer, orders: Any) -> None:
    gh.limits.set(concurrent=1)
    gh.limits.enter(51, "POST")
    assert orders.dispatch(ORDERS).status_code == 403
    gh.limits.leave(51)
    assert orders.dispatch(ORDERS).status_code == 204
    assert orders.dispatch(ORDERS).status_code == 204


def test_one_installation_does_not_use_up_anothers_limit(gh: SandboxServer, orders: Any) -> None:
    gh.limits.set(requests_per_hour=1)
    other, _ = gh.world.credentials.issue(62)
    orders.dispatch(ORDERS)
    assert orders.dispatch(ORDERS).status_code == 403
    assert orders.dispatch(PLATFORM, headers={"Authorization": f"Bearer {other}"}).status_code == 204


def test_waiting_for_dispatches_wakes_at_once_and_gives_up_in_time(gh: SandboxServer, orders: Any) -> None:
    soon = threading.Timer(0.1, orders.dispatch, args=(ORDERS,))
    soon.start()
    assert len(gh.wait_for_dispatches(ORDERS, count=1, timeout=10)) == 1
    soon.join()
    with pytest.raises(TimeoutError, match="1 of 2"):
        gh.wait_for_dispatches(ORDERS, count=2, timeout=0.05)
