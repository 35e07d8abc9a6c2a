"""Every endpoint, asked by everybody who may not: refused alike, nothing written, nothing told.

The endpoints are those of `routes.TABLE`: a new one fails here until `DOORS` says who may not pass.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from zekt_backend import routes
from zekt_testing import described
from zekt_testing.broker import ADMIN_TOKEN

Refusal = tuple[int, str]

CALLERS = ("nobody", "garbage", "admin", "provider", "rival", "retired", "stranger", "rival_token", "reader")
"""Who knocks. The consumer, whose delivery it is, is not among them. rival_token is an API token that manages
rival-team; reader one that may only read what is infra-team's, the consumer."""

NO_TOKEN: dict[str, Refusal] = {
    "nobody": (401, "token_missing"),
    "garbage": (401, "token_malformed"),
    "admin": (401, "token_malformed"),
    "rival_token": (401, "token_malformed"),
    "reader": (401, "token_malformed"),
}
NOT_YOURS: dict[str, Refusal] = dict.fromkeys(("provider", "rival", "retired", "stranger"), (403, "not_yours"))
ACCOUNTS = ("rival_token", "reader")
NO_MANAGER: dict[str, Refusal] = {
    caller: (401, "admin_token_refused") for caller in CALLERS if caller not in ("admin", *ACCOUNTS)
}
NO_SCRAPER: dict[str, Refusal] = {caller: (401, "metrics_token_refused") for caller in CALLERS if caller != "admin"}
RIVAL: dict[str, Refusal] = {"rival_token": (403, "not_yours")}
READER: dict[str, Refusal] = {"reader": (403, "not_yours")}
MANAGED: dict[str, Refusal] = {**NO_MANAGER, **RIVAL, **READER}
"""What is shop-team's: whoever manages another account, or reads infra-team's, is refused."""
UNSIGNED: dict[str, Refusal] = dict.fromkeys(CALLERS, (401, "webhook_signature_missing"))
# The body speaks for shop-team's run, and only that run's own token may say so.
FOREIGN: dict[str, Refusal] = dict.fromkeys(("rival", "retired", "stranger"), (403, "claims_mismatch"))


@dataclass(frozen=True)
class Door:
    """An endpoint, to whom it opens, how everybody else is refused, and what is asked there."""

    opens_to: str
    refusals: Mapping[str, Refusal]
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


IDS = {"correlationId": "{correlation_id}", "deliveryId": "{delivery_id}"}
HOOK = {"X-GitHub-Event": "workflow_run", "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
MESSAGE = {"eventType": "x", "repository": "shop-team/orders", "workflowRunId": "{correlation_id}", "payload": {}}
SERVICE = {"repository": "{repository}", "workflow": ".github/workflows/order.yml", "slug": "x", "eventType": "x"}
REQUEST = {"service": "{slug}", "consumer": "{consumer}"}

DOORS: dict[tuple[str, str], Door] = {
    ("POST", "/api/events/receive"): Door("provider", {**NO_TOKEN, **FOREIGN}, MESSAGE),
    ("POST", "/api/github/webhooks"): Door("", UNSIGNED, {"action": "completed"}, HOOK),
    ("POST", "/api/event-delivery/confirm"): Door("consumer", {**NO_TOKEN, **NOT_YOURS}, IDS),
    ("POST", "/api/event-delivery/complete"): Door("consumer", {**NO_TOKEN, **NOT_YOURS}, {**IDS, "success": True}),
    ("GET", "/api/event-delivery/{delivery_id}/payload"): Door("consumer", {**NO_TOKEN, **NOT_YOURS}),
    ("GET", "/api/events/{event_id}/decision"): Door("reader", {**NO_MANAGER, **RIVAL}),
    ("GET", "/api/events"): Door("admin", NO_MANAGER),
    ("GET", "/api/connections"): Door("admin", NO_MANAGER),
    ("GET", "/api/connections/{subscription_id}/diagnostics"): Door("reader", {**NO_MANAGER, **RIVAL}),
    ("GET", "/api/health"): Door("admin", NO_MANAGER),
    ("GET", "/api/deliveries"): Door("admin", NO_MANAGER),
    ("GET", "/api/deliveries/counts"): Door("admin", NO_MANAGER),
    ("GET", "/api/deliveries/{delivery_id}"): Door("reader", {**NO_MANAGER, **RIVAL}),
    ("GET", "/api/traces/{correlation_id}"): Door("reader", {**NO_MANAGER, **RIVAL}),
    ("POST", "/api/replay/{delivery_id}"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("GET", "/api/replays"): Door("admin", NO_MANAGER),
    ("POST", "/api/replays"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}, {"connection": "{subscription_id}"}),
    ("GET", "/api/replays/{replay_id}"): Door("reader", {**NO_MANAGER, **RIVAL}),
    ("DELETE", "/api/replays/{replay_id}"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("GET", "/api/accounts"): Door("admin", NO_MANAGER),
    ("GET", "/api/accounts/{account}"): Door("reader", {**NO_MANAGER, **RIVAL}),
    ("PATCH", "/api/accounts/{account}"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}, {"provider": True}),
    ("GET", "/api/accounts/{account}/notices"): Door("reader", {**NO_MANAGER, **RIVAL}),
    ("PUT", "/api/accounts/{account}/notices"): Door("admin", MANAGED, {"url": "https://hooks.example/zekt"}),
    ("DELETE", "/api/accounts/{account}/notices"): Door("admin", MANAGED),
    ("POST", "/api/accounts/{account}/notices/secret"): Door("admin", MANAGED),
    # Where nothing is set, there is nothing to try.
    ("POST", "/api/accounts/{account}/notices/test"): Door("", MANAGED),
    ("GET", "/api/notices"): Door("admin", NO_MANAGER),
    ("GET", "/api/repositories"): Door("admin", NO_MANAGER),
    ("POST", "/api/repositories"): Door("admin", MANAGED, {"repository": "{repository}"}),
    ("GET", "/api/repositories/{repository_id}"): Door("admin", MANAGED),
    **{
        (method, "/api/repositories/{repository_id}/" + role): Door("admin", MANAGED)
        for method in ("PUT", "DELETE")
        for role in ("provider", "consumer", "completion-tracking")
    },
    ("GET", "/api/repositories/{repository_id}/completion-tracking"): Door("admin", MANAGED),
    ("POST", "/api/repositories/{repository_id}/hook"): Door("admin", MANAGED),
    ("GET", "/api/repositories/{repository_id}/workflows"): Door("admin", MANAGED),
    ("PUT", "/api/repositories/{repository_id}/workflows/{file}"): Door("admin", MANAGED, {"force": True}),
    ("DELETE", "/api/repositories/{repository_id}/workflows/{file}"): Door("admin", MANAGED),
    ("GET", "/api/services"): Door("admin", NO_MANAGER),
    ("POST", "/api/services"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}, SERVICE),
    ("GET", "/api/services/{slug}"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("PATCH", "/api/services/{slug}"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}, {"alias": "x"}),
    ("DELETE", "/api/services/{slug}"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("GET", "/api/services/{slug}/schemas"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("PUT", "/api/services/{slug}/schema"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}, {"type": "object"}),
    ("GET", "/api/services/{slug}/schema"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("DELETE", "/api/services/{slug}/schema"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("GET", "/api/directory"): Door("admin", NO_MANAGER),
    ("GET", "/api/directory/{slug}"): Door("rival_token", NO_MANAGER),
    ("GET", "/api/subscriptions"): Door("admin", NO_MANAGER),
    ("POST", "/api/subscriptions"): Door("", {**NO_MANAGER, **RIVAL, **READER}, REQUEST),
    ("GET", "/api/subscriptions/{subscription_id}"): Door("reader", {**NO_MANAGER, **RIVAL}),
    ("PATCH", "/api/subscriptions/{subscription_id}"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}, {}),
    # Those of the fixture are approved, so that to revoke is all that anybody may.
    ("POST", "/api/subscriptions/{subscription_id}/approve"): Door("", {**NO_MANAGER, **RIVAL, **READER}, {}),
    ("POST", "/api/subscriptions/{subscription_id}/deny"): Door("", {**NO_MANAGER, **RIVAL, **READER}, {}),
    ("POST", "/api/subscriptions/{subscription_id}/revoke"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}, {}),
    ("GET", "/api/tokens"): Door("admin", NO_MANAGER),
    ("POST", "/api/tokens"): Door(
        "admin", {**NO_MANAGER, **RIVAL, **READER}, {"account": "{account}", "name": "x", "scope": "read"}
    ),
    ("DELETE", "/api/tokens/{token_id}"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("GET", "/api/audit"): Door("admin", NO_MANAGER),
    ("POST", "/api/policy/simulate"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}, {"setup": {}}),
    ("GET", "/api/retention"): Door("admin", {**NO_MANAGER, **RIVAL, **READER}),
    ("GET", "/api/usage"): Door("admin", NO_MANAGER),
    ("GET", "/api/me"): Door("admin", NO_MANAGER),
    ("GET", "/auth/sign-in"): Door("nobody", {}),
    # Who signs in, and out, is a browser with cookies: tests/access.
    ("GET", "/auth/callback"): Door("", dict.fromkeys(CALLERS, (400, "sign_in_failed"))),
    ("POST", "/auth/sign-out"): Door("", dict.fromkeys(CALLERS, (401, "session_refused"))),
    ("POST", "/auth/development"): Door("", dict.fromkeys(CALLERS, (404, "not_found")), {"login": "nobody-here"}),
    # Open to anybody, and meant to be: they tell no more than that the broker is there.
    ("GET", "/healthz"): Door("nobody", {}),
    ("GET", "/readyz"): Door("nobody", {}),
    # Of every tenant together, and of nobody: what opens it opens nothing else (tests/metrics).
    ("GET", "/metrics"): Door("admin", NO_SCRAPER),
}

UNLISTED = ("GET", "/api/directory/{slug}")
"""Whoever knows its slug finds an unlisted service, and no more than the directory tells of any."""
LISTINGS = [
    door
    for door, wanted in DOORS.items()
    if wanted.refusals and not {*ACCOUNTS} & {*wanted.refusals} and door != UNLISTED
]
"""Open to every account's token, and each is shown its own."""

MADE_UP = {
    "delivery_id": "delivery-00000000-0000-4000-8000-000000000000",
    "correlation_id": "1",
    "subscription_id": "999999",
    "event_id": "event-00000000-0000-4000-8000-000000000000",
    "token_id": "999999",
    "replay_id": "999999",
    "account": "nobody-here",
    "slug": "nothing-here",
    "repository": "nobody-here/nothing",
    "consumer": "nobody-here/nothing",
    "repository_id": "999999",
    "file": "nothing.yml",
}


def ask(town: Any, door: tuple[str, str], caller: str, ids: Mapping[str, str]) -> requests.Response:
    method, path = door
    wanted = DOORS[door]
    token = {"nobody": None, "garbage": "x.y.z", "admin": ADMIN_TOKEN, **town.api_tokens}.get(caller, "")
    if token == "":
        token = getattr(town, caller).token()
    answer = requests.request(
        method,
        town.zekt.url + path.format(**ids),
        json=_filled(wanted.body, ids),
        headers={**wanted.headers, **({"Authorization": f"Bearer {token}"} if token else {})},
        timeout=10,
        allow_redirects=False,
    )
    described.check(answer)
    return answer


def _filled(body: Mapping[str, Any] | None, ids: Mapping[str, str]) -> Any:
    if body is None:
        return None
    return {key: value.format(**ids) if isinstance(value, str) else value for key, value in body.items()}


def seen(answer: requests.Response) -> tuple[Any, ...]:
    """Everything that the caller can see of an answer, but for the clock."""
    headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() != "date"}
    return answer.status_code, sorted(headers.items()), answer.content


def real(town: Any) -> dict[str, str]:
    ((subscription,),) = town.zekt.sql("SELECT id FROM subscriptions")
    ((event_id,),) = town.zekt.sql("SELECT event_id FROM messages")
    return {
        "event_id": event_id,
        "delivery_id": town.delivery_id,
        "correlation_id": town.correlation_id,
        "subscription_id": str(subscription),
        "token_id": str(town.token_id),
        "replay_id": "1",
        "account": "infra-team",
        "slug": "infrastructure-orders",
        "repository": "shop-team/orders",
        "consumer": "infra-team/platform",
        "repository_id": "1001",
        "file": "order.yml",
    }


def test_every_endpoint_says_who_may_not_pass() -> None:
    assert {(method, path) for method, path, *_ in routes.TABLE} == set(DOORS)


@pytest.mark.parametrize("door", [door for door in DOORS if DOORS[door].refusals], ids=" ".join)
def test_whoever_may_not_pass_is_refused_and_learns_and_changes_nothing(town: Any, door: tuple[str, str]) -> None:
    before, ids = town.contents(), real(town)
    for caller, refusal in DOORS[door].refusals.items():
        answer = ask(town, door, caller, ids)
        assert (answer.status_code, answer.json()["code"]) == refusal, caller
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.text + str(answer.headers)
        assert not [secret for secret in town.secrets() if secret in told], (caller, told)
    assert town.contents() == before


@pytest.mark.parametrize("door", LISTINGS, ids=" ".join)
def test_a_listing_shows_an_account_nothing_of_others(town: Any, door: tuple[str, str]) -> None:
    answer = ask(town, door, "rival_token", real(town))
    assert answer.status_code == 200
    assert not [secret for secret in town.secrets() if secret in answer.text]


@pytest.mark.parametrize("door", [door for door in DOORS if DOORS[door].refusals], ids=" ".join)
def test_what_is_not_yours_looks_like_what_is_not_there(town: Any, door: tuple[str, str]) -> None:
    for caller in DOORS[door].refusals:
        theirs, nowhere = (seen(ask(town, door, caller, ids)) for ids in (real(town), MADE_UP))
        assert theirs == nowhere, caller


OF_THE_BROKER = ("/api/policy/simulate", "/api/retention")
NOT_THE_RIVALS = [door for door in DOORS if DOORS[door].refusals.get("rival_token") == RIVAL["rival_token"]]
ABOUT_SOMETHING = [door for door in NOT_THE_RIVALS if door[1] not in OF_THE_BROKER]


@pytest.mark.parametrize("door", ABOUT_SOMETHING, ids=" ".join)
def test_the_operator_alone_is_told_that_something_is_not_there(town: Any, door: tuple[str, str]) -> None:
    answer = ask(town, door, "admin", MADE_UP)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_repository_that_is_switched_off_looks_like_one_that_nobody_knows(town: Any) -> None:
    for door, wanted in DOORS.items():
        if "retired" in wanted.refusals:
            off, unknown = (seen(ask(town, door, caller, real(town))) for caller in ("retired", "stranger"))
            assert off == unknown, door


@pytest.mark.parametrize("door", [door for door in DOORS if DOORS[door].opens_to], ids=" ".join)
def test_the_same_door_opens_to_whom_it_should(town: Any, door: tuple[str, str]) -> None:
    """Else everything above might hold because nothing works at all."""
    assert ask(town, door, DOORS[door].opens_to, real(town)).ok


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_no_other_method_gets_further(town: Any, method: str) -> None:
    before = town.contents()
    for path in {path for _, path in DOORS if (method, path) not in DOORS}:
        answer = requests.request(method, town.zekt.url + path.format(**real(town)), timeout=10)
        assert answer.status_code == 405, path
    assert town.contents() == before


@pytest.mark.parametrize("detour", ["/", "//", "/.", "/../deliveries", "%2f", "%00", ";x=1", ".json"])
def test_no_spelling_of_a_path_leads_around_a_door(town: Any, detour: str) -> None:
    """No redirect either: it would be built from what the caller says our name is."""
    for _, path in [door for door in DOORS if DOORS[door].refusals]:
        spelt = path.format(**real(town)) + detour
        status, told = _get(town.zekt.url, spelt, host="evil.example")
        assert status in (400, 401, 404, 405), spelt
        assert "evil.example" not in told


def _get(url: str, path: str, host: str) -> tuple[int, str]:
    """Status, and everything told; the path goes out as it is."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode() + str(answer.headers)
