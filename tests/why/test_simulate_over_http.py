"""A changed setup file tried over HTTP: the same answer as the command's, for the operator alone."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from zekt_testing.broker import ADMIN_TOKEN, Zekt

PATH = "/api/policy/simulate"


def simulated(zekt: Zekt, body: Any) -> requests.Response:
    return requests.post(zekt.url + PATH, json=body, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=30)


def test_it_says_who_would_have_got_less_and_changes_nothing(
    start: Callable[..., Zekt], directory: Callable[..., dict[str, Any]]
) -> None:
    zekt = start(work=False)
    run = zekt.start_run()
    zekt.send(run)
    zekt.github.finish_run(run)
    changed = directory()
    changed["subscriptions"][0]["conclusions"] = ["failure"]
    found = simulated(zekt, {"setup": changed}).json()
    (connection,) = found["connections"]
    assert (found["events"], found["blockedBefore"], found["blockedAfter"]) == (1, 0, 1)
    assert (connection["connection"], connection["lost"]) == ("infrastructure-orders@infra-team/platform", 1)
    assert "wanted: failure" in connection["examples"][0]["why"]
    assert zekt.sql("SELECT conclusions FROM subscriptions") == [(None,)]
    assert simulated(zekt, {"setup": directory(), "last": 10}).json()["connections"][0]["lost"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (
            {"setup": {"subscriptions": [{"service": "nobody-s", "consumer": "infra-team/platform"}]}},
            422,
            "setup_invalid",
        ),
        ({"setup": {"accounts": [{"login": "x", "repositories": [{"name": "new"}]}]}}, 422, "setup_invalid"),
        ({"setup": {"accounts": "all"}}, 400, "body_invalid"),
        ({"setup": {}, "last": 10_001}, 400, "body_invalid"),
        ({}, 400, "body_invalid"),
    ],
)
def test_what_cannot_be_tried_is_refused(start: Callable[..., Zekt], body: Any, status: int, code: str) -> None:
    answer = simulated(start(work=False), body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
