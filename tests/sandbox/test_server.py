"""The server itself: on loopback, stopping clean, and driven by another process over HTTP."""

import socket
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.server import CannotListen, SandboxServer

ORDERS = "shop-team/orders"
PLATFORM = "infra-team/platform"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        SandboxServer(host=host)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_refused_by_name(port: int) -> None:
    with pytest.raises(CannotListen, match=rf"127\.0\.0\.1, port {port}: there is no such port"):
        SandboxServer(port=port)


def test_it_gives_its_port_back_when_it_stops() -> None:
    with SandboxServer() as gh:
        port = urlsplit(gh.url).port or 0
        assert requests.get(gh.url, timeout=10).status_code == 200
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_dispatch_calls_back_in_a_thread_of_its_own(gh: SandboxServer, orders: Any) -> None:
    called: list[tuple[str, Dispatch]] = []
    done = threading.Event()

    def consumer(dispatch: Dispatch) -> None:
        called.append((threading.current_thread().name, dispatch))
        gh.finish_run(gh.start_run_for(dispatch))
        done.set()

    gh.on_dispatch(ORDERS, consumer)
    orders.dispatch(ORDERS, "order")
    assert done.wait(10)
    ((thread, dispatch),) = called
    assert thread == f"dispatch-{dispatch.id}"
    assert dispatch.event_type == "order"


def test_a_name_is_taken_once(gh: SandboxServer) -> None:
    for name, number in ((ORDERS.upper(), 5), ("other/one", 1001)):
        with pytest.raises(ValueError, match="taken"):
            gh.add_repository(name, id=number)
    with pytest.raises(ValueError, match="owner/name"):
        gh.add_repository("nameless")
    with pytest.raises(LookupError, match="add_repository makes one"):
        gh.start_run("no/where")


def test_repositories_of_one_owner_share_an_installation(gh: SandboxServer) -> None:
    first, second = gh.add_repository("acme/a"), gh.add_repository("acme/b")
    assert first.installation_id == second.installation_id
    assert first.id != second.id


def test_another_process_can_play_the_whole_part(gh: SandboxServer, anonymous: Any, listener: Any) -> None:
    info = anonymous.call("GET", "/_sandbox/info").json()
    assert info["issuer"] == info["environment"]["ZEKT_OIDC_ISSUER"] == gh.issuer
    made = anonymous.call("POST", "/_sandbox/repositories", json={"full_name": "acme/a", "id": 7}).json()
    assert made["id"] == 7
    anonymous.call("POST", "/_sandbox/app-hook", json={"url": listener.url, "secret": "s"})
    body = {"repository": "acme/a", "workflow": ".github/workflows/x.yml", "event": "push"}
    run = anonymous.call("POST", "/_sandbox/runs", json=body).json()
    assert run["environment"]["GITHUB_REPOSITORY_ID"] == "7"
    told = anonymous.call("POST", f"/_sandbox/runs/{run['id']}/finish", json={"conclusion": "failure"}).json()
    assert [line["status"] for line in told["deliveries"]] == ["OK"]
    assert listener.heard[0].payload["workflow_run"]["conclusion"] == "failure"
    assert anonymous.call("GET", f"/_sandbox/runs/{run['id']}").json()["conclusion"] == "failure"
    assert anonymous.call("POST", f"/_sandbox/runs/{run['id']}/rerun").json()["attempt"] == 2
    log = anonymous.call("GET", "/_sandbox/hook-deliveries").json()
    again = anonymous.call("POST", f"/_sandbox/hook-deliveries/{log[0]['id']}/attempts").json()
    assert again["redelivery"] is True


def test_another_process_can_follow_dispatches_and_start_runs_for_them(orders: Any) -> None:
    late = orders.call("GET", f"/_sandbox/dispatches?repository={ORDERS}&count=1&timeout=0.05")
    assert late.status_code == 408
    orders.dispatch(ORDERS, client_payload={"zekt": 1})
    (found,) = orders.call("GET", f"/_sandbox/dispatches?repository={ORDERS}&count=1").json()
    run = orders.call("POST", "/_sandbox/runs", json={"dispatch": found["id"], "workflow": "r.yml"}).json()
    assert run["event"]["client_payload"] == {"zekt": 1}
    token = orders.call("POST", f"/_sandbox/runs/{run['id']}/token", json={"claims": {"sha": "x"}}).json()
    assert token["token"].count(".") == 2


def test_another_process_can_plan_faults_and_limits(orders: Any) -> None:
    orders.call("POST", "/_sandbox/faults", json={"where": "dispatch", "kind": "status", "status": 502})
    assert orders.dispatch(ORDERS).status_code == 502
    (fault,) = orders.call("GET", "/_sandbox/faults").json()
    assert (fault["kind"], fault["used"]) == ("status", 1)
    assert orders.call("DELETE", "/_sandbox/faults").status_code == 204
    orders.call("PUT", "/_sandbox/limits", json={"requests_per_hour": 1})
    assert [orders.dispatch(ORDERS).status_code for _ in range(2)] == [204, 403]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/_sandbox/repositories", {"full_name": "x"}, 422),
        ("POST", "/_sandbox/repositories", {"full_name": "a/b", "colour": "red"}, 422),
        ("POST", "/_sandbox/runs", {"repository": "no/where"}, 404),
        ("POST", "/_sandbox/runs", {"dispatch": 99}, 404),
        ("POST", "/_sandbox/faults", {"where": "moon", "kind": "cut"}, 422),
        ("POST", "/_sandbox/app-hook", {"url": "https://example.com"}, 422),
        ("POST", "/_sandbox/runs/1/finish", {}, 404),
        ("POST", "/_sandbox/faults", [], 400),
    ],
)
def test_a_wrong_request_from_another_process_is_explained(
    anonymous: Any, method: str, path: str, body: Any, status: int
) -> None:
    answer = anonymous.call(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["message"]
