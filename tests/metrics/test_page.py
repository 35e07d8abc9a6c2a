"""Who may read /metrics, where, and what stands there."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pydantic import SecretStr

from zekt_backend import __version__
from zekt_testing.broker import ADMIN_TOKEN, Running
from zekt_testing.canaries import mentions

Start = Callable[..., Any]
TOKEN = "a token that reads metrics and nothing else"


def get(url: str, token: str | None, **headers: str) -> requests.Response:
    given = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return requests.get(url, headers={**given, **headers}, timeout=30)


@pytest.fixture
def watched(start: Start) -> Any:
    return start(work=False, settings={"metrics_token": SecretStr(TOKEN)})


@pytest.mark.parametrize("token", [TOKEN, ADMIN_TOKEN])
def test_the_metrics_token_and_the_operators_read_it(watched: Any, token: str) -> None:
    assert get(f"{watched.url}/metrics", token).status_code == 200


@pytest.mark.parametrize("token", [None, "", "x", TOKEN[:-1], TOKEN + "x", "é"])
def test_nobody_else_reads_it(watched: Any, token: str | None) -> None:
    answer = get(f"{watched.url}/metrics", token and token.encode().decode("latin-1"))
    assert (answer.status_code, answer.json()["code"]) == (401, "metrics_token_refused")
    assert "ZEKT_METRICS_TOKEN" in answer.json()["detail"]


def test_the_metrics_token_opens_nothing_else(watched: Any) -> None:
    for path in ("/api/deliveries", "/api/accounts", "/api/me", "/api/audit"):
        assert get(f"{watched.url}{path}", TOKEN).json()["code"] == "admin_token_refused"


def test_an_accounts_token_does_not_open_it(watched: Any) -> None:
    asked = requests.post(
        f"{watched.url}/api/tokens",
        json={"account": "shop-team", "name": "x", "scope": "manage"},
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        timeout=30,
    )
    answer = get(f"{watched.url}/metrics", asked.json()["token"])
    assert answer.json()["code"] == "metrics_token_refused"


def test_without_any_token_set_it_is_off_and_says_how_to_switch_it_on(start: Start) -> None:
    zekt = start(work=False, settings={"admin_token": None})
    answer = get(f"{zekt.url}/metrics", "")
    assert (answer.status_code, answer.json()["code"]) == (403, "metrics_off")
    assert "ZEKT_METRICS_TOKEN" in answer.json()["detail"]


def test_it_is_text_for_whoever_reads_text_and_openmetrics_for_whoever_reads_that(watched: Any) -> None:
    plain = get(f"{watched.url}/metrics", TOKEN)
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert plain.headers["cache-control"] == "no-store"
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    told = get(f"{watched.url}/metrics", TOKEN, Accept=accept)
    assert told.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in text_string_to_metric_families(told.text)}  # type: ignore[no-untyped-call]
    assert {"zekt_attempts", "zekt_webhook_seconds", "zekt_build"} <= names


def test_it_names_the_version_and_nothing_of_a_tenant(start: Start, scrape: Any, deliver: Any) -> None:
    zekt = start()
    zekt.until(deliver(zekt), "dispatched")
    page = scrape(zekt)
    assert page("zekt_build_info", version=__version__) == 1
    values = {value for sample in page.samples for value in sample.labels.values()}
    words = {value for value in values if not re.fullmatch(r"[0-9.]+|\+Inf", value)}
    assert {word for word in words if not re.fullmatch("[a-z0-9_]+", word)} == set()
    for theirs in ("shop", "orders", "infra", "platform", "1001", "2002", "delivery-", "order.yml"):
        assert not mentions(page.text, theirs)


NUMBERS = {
    '"1001"': True,
    "/1001/x": True,
    "Repository 1001.": True,
    "repository-1001": True,
    "repository1001": True,
    "0.10011": False,
    "5.1001": False,
    "1001.0": False,
    "a1001": False,
    "21001": False,
    "0b25a1f0-1001-4aae-1001-8f00b204e980": False,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_repository_s_number_is_looked_for_as_a_whole_one(text: str) -> None:
    assert mentions(text, "1001") is NUMBERS[text]


def test_a_scrape_is_no_line_of_the_log(watched: Any, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert get(f"{watched.url}/metrics", TOKEN).ok
    assert get(f"{watched.url}/metrics", "x").status_code == 401
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if "/metrics" in line and "refused" not in line] == []
    assert len(lines) == 1


@pytest.fixture
def worker(watched: Any) -> Iterator[Running]:
    settings = watched.settings.model_copy(update={"metrics_port": 0, "public_url": watched.url})
    running = Running(settings, watched.database_url, api=False)
    yield running
    running.stop()


def test_a_worker_tells_its_own_figures_on_a_port_of_its_own(
    watched: Any, worker: Running, scrape: Any, deliver: Any
) -> None:
    assert worker.broker is not None
    url = worker.broker.settings.address
    assert url.startswith("http://127.0.0.1:")
    watched.until(deliver(watched), "dispatched")
    assert scrape(url, TOKEN)("zekt_attempts_total", outcome="accepted") == 1
    assert scrape(watched, TOKEN)("zekt_attempts_total", outcome="accepted") == 0
    assert get(f"{url}/metrics", "x").json()["code"] == "metrics_token_refused"
    assert get(f"{url}/healthz", None).ok
    assert set(get(f"{url}/openapi.json", None).json()["paths"]) == {"/healthz", "/readyz", "/metrics"}
    for path in ("/api/deliveries", "/auth/sign-in"):
        assert get(f"{url}{path}", ADMIN_TOKEN).status_code == 404
