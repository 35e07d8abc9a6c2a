"""Each fault, as a real client sees it."""

import threading
import time
from typing import Any

import pytest
import requests

from zekt_sandbox.server import SandboxServer
from zekt_testing.waiting import until

ORDERS = "shop-team/orders"
PLATFORM = "infra-team/platform"


def _accepted(gh: SandboxServer) -> list[bool]:
    return [dispatch.accepted for dispatch in gh.dispatches(ORDERS, refused=True)]


def test_status_answers_and_does_nothing(gh: SandboxServer, orders: Any) -> None:
    gh.faults.add(where="dispatch", kind="status", status=502, headers={"x-a": "b"}, body={"message": "Bad"})
    answer = orders.dispatch(ORDERS)
    assert (answer.status_code, answer.headers["x-a"], answer.json()) == (502, "b", {"message": "Bad"})
    assert answer.headers["x-github-request-id"]
    assert _accepted(gh) == [False]
    assert gh.dispatches(ORDERS, refused=True)[0].status == 502


def test_cut_closes_the_connection_without_an_answer(gh: SandboxServer, orders: Any) -> None:
    gh.faults.add(where="dispatch", kind="cut")
    with pytest.raises(requests.ConnectionError):
        orders.dispatch(ORDERS)
    assert _accepted(gh) == [False]
    assert gh.dispatches(ORDERS, refused=True)[0].status is None


def test_accept_then_cut_takes_the_dispatch_and_closes(gh: SandboxServer, orders: Any) -> None:
    gh.faults.add(where="dispatch", kind="accept_then_cut")
    with pytest.raises(requests.ConnectionError):
        orders.dispatch(ORDERS)
    assert _accepted(gh) == [True]


def test_what_would_be_refused_anyway_is_not_accepted_by_a_fault(gh: SandboxServer, orders: Any) -> None:
    gh.faults.add(where="dispatch", kind="accept_then_status", status=504)
    assert orders.dispatch(ORDERS, "a" * 101).status_code == 504
    assert _accepted(gh) == [False]


def test_accept_then_status_takes_the_dispatch_and_answers_an_error(gh: SandboxServer, orders: Any) -> None:
    gh.faults.add(where="dispatch", kind="accept_then_status", status=504)
    assert orders.dispatch(ORDERS).status_code == 504
    assert _accepted(gh) == [True]


@pytest.mark.parametrize(("kind", "accepted"), [("hang", False), ("accept_then_hang", True)])
def test_hang_says_nothing(gh: SandboxServer, orders: Any, kind: str, accepted: bool) -> None:
    gh.faults.add(where="dispatch", kind=kind, seconds=30)
    with pytest.raises(requests.ReadTimeout):
        orders.dispatch(ORDERS, timeout=0.3)
    assert _accepted(gh) == [accepted]


def test_a_hang_ends_in_a_cut(gh: SandboxServer, orders: Any) -> None:
    gh.faults.add(where="dispatch", kind="hang", seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        orders.dispatch(ORDERS)


def test_a_hang_does_not_keep_the_server_from_stopping() -> None:
    began = time.monotonic()
    with SandboxServer() as gh:
        gh.faults.add(where="rest", kind="hang", seconds=600)
        waiting = threading.Thread(target=_give_up, args=(gh.url,))
        waiting.start()
        until(lambda: gh.visits("rest"), lambda: "nobody asked")
    waiting.join(10)
    assert not waiting.is_alive()
    assert time.monotonic() - began < 10


def _give_up(url: str) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=60)


def test_rate_limit_names_seconds_to_wait(gh: SandboxServer, orders: Any) -> None:
    gh.faults.add(where="dispatch", kind="rate_limit", seconds=7)
    gh.faults.add(where="dispatch", kind="rate_limit", status=429, seconds=7)
    for status in (403, 429):
        answer = orders.dispatch(ORDERS)
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
        assert "secondary rate limit" in answer.json()["message"]
    assert _accepted(gh) == [False, False]


def test_rate_limit_primary_names_a_reset(gh: SandboxServer, orders: Any) -> None:
    gh.faults.add(where="dispatch", kind="rate_limit_primary", seconds=90)
    answer = orders.dispatch(ORDERS)
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "0")
    assert 80 < int(answer.headers["x-ratelimit-reset"]) - time.time() <= 91
    assert "retry-after" not in answer.headers


def test_a_fault_strikes_as_often_as_said_and_only_where_said(gh: SandboxServer, orders: Any) -> None:
    fault = gh.faults.add(where="dispatch", kind="status", status=500, repository=ORDERS, times=2)
    gh.faults.add(where="dispatch", kind="status", status=503, repository=PLATFORM, times=None)
    assert [orders.dispatch(ORDERS).status_code for _ in range(3)] == [500, 500, 204]
    assert fault.used == 2
    assert [orders.dispatch(PLATFORM).status_code for _ in range(3)] == [503, 503, 503]
    gh.faults.clear()
    assert orders.dispatch(PLATFORM).status_code == 404


def test_the_issuer_can_fail_apart_from_its_keys(gh: SandboxServer, anonymous: Any) -> None:
    gh.faults.add(where="jwks", kind="status", status=500)
    gh.faults.add(where="oidc", kind="cut")
    assert anonymous.call("GET", "/oidc/.well-known/jwks").status_code == 500
    with pytest.raises(requests.ConnectionError):
        anonymous.call("GET", "/oidc/.well-known/openid-configuration")
    assert anonymous.call("GET", "/oidc/.well-known/jwks").status_code == 200


def test_the_token_endpoint_of_the_app_can_fail(gh: SandboxServer, anonymous: Any) -> None:
    gh.faults.add(where="rest", kind="status", status=500)
    assert anonymous.call("POST", "/app/installations/51/access_tokens").status_code == 500


def test_a_dropped_webhook_is_in_the_log_and_a_lost_one_is_not(gh: SandboxServer, listener: Any) -> None:
    gh.set_app_hook(url=listener.url)
    gh.faults.add(where="webhook", kind="drop")
    gh.faults.add(where="webhook", kind="lose")
    (dropped,) = gh.finish_run(gh.start_run(ORDERS))
    assert gh.finish_run(gh.start_run(ORDERS)) == []
    assert listener.heard == []
    assert gh.hook_deliveries() == [dropped]
    assert (dropped.ok, dropped.status_code) == (False, 0)
    assert gh.redeliver(dropped).ok


def test_a_duplicated_webhook_comes_twice_with_one_guid(gh: SandboxServer, listener: Any) -> None:
    gh.set_app_hook(url=listener.url)
    gh.faults.add(where="webhook", kind="duplicate", repository=ORDERS)
    assert len(gh.finish_run(gh.start_run(ORDERS))) == 2
    assert len({heard.headers["X-GitHub-Delivery"] for heard in listener.heard}) == 1


def test_a_late_webhook_arrives_after_its_time(gh: SandboxServer, listener: Any) -> None:
    gh.set_app_hook(url=listener.url)
    gh.faults.add(where="webhook", kind="hang", seconds=0.2)
    began = time.monotonic()
    assert gh.finish_run(gh.start_run(ORDERS))[0].ok
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize(("where", "kind"), [("moon", "cut"), ("webhook", "cut"), ("dispatch", "drop")])
def test_a_fault_that_cannot_be_is_refused(gh: SandboxServer, where: str, kind: str) -> None:
    with pytest.raises(ValueError):
        gh.faults.add(where=where, kind=kind)
