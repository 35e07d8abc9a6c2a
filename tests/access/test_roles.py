"""Every management endpoint, asked by people who signed in: owner, member, the other side, another tenant, a stranger.

The endpoints are those of `routes.TABLE`: a new one fails here until `ASKED` says whom it lets pass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from zekt_backend import routes
from zekt_testing import setup
from zekt_testing.broker import ORDER, Zekt
from zekt_testing.deliveries import dispatched
from zekt_testing.people import Browser, actor_of, code_of

OWNER, MEMBER = {"owen"}, {"mia"}
INFRA = OWNER | MEMBER
SHOP = {"petra", "paul"}
BOTH = INFRA | SHOP
PEOPLE: Mapping[str, dict[str, Any]] = {
    "owen": {"organizations": {"infra-team": "admin"}},
    "mia": {"organizations": {"infra-team": "member"}, "repositories": {"infra-team/platform": "admin"}},
    "petra": {"organizations": {"shop-team": "admin"}},
    "paul": {"repositories": {"shop-team/orders": "admin"}},
    # Administers repositories of both, and none of those that are asked about.
    "mallory": {"repositories": {"infra-team/other": "admin", "shop-team/other": "admin"}},
    "rita": {"organizations": {"rival-team": "admin"}},
    # A colleague, who administers nothing.
    "wanda": {"organizations": {"infra-team": "member"}, "repositories": {"infra-team/platform": "write"}},
    "stan": {},
}
EVERYBODY = set(PEOPLE)
COLLEAGUES = {"mallory"}
STRANGERS = EVERYBODY - BOTH - COLLEAGUES
UNLISTED = "/api/directory/{slug}"
"""Whoever knows its slug finds an unlisted service."""
RIVAL = {"login": "rival-team", "repositories": [{"name": "tools", "id": 3003, "installation-id": 53}]}
OTHERS = {"shop-team": ("shop-team/other", 1003, 51), "infra-team": ("infra-team/other", 2003, 52)}


@dataclass(frozen=True)
class Asked:
    """Whom an endpoint lets pass, and what is asked there. All others are told `not_yours`."""

    passes: set[str]
    """Beside them whoever is a member by another repository, where nothing is changed."""
    body: Mapping[str, Any] | None = None
    first: str = "SELECT 1"
    """What is changed before, so that there is something to do."""


WITH_SCHEMA = """
    WITH made AS (INSERT INTO service_schemas (service_id, version, schema, created_at, created_by)
                  SELECT id, 1, '{}', now(), 'operator' FROM services RETURNING service_id)
    UPDATE services SET schema_version = 1 WHERE id IN (SELECT id FROM services)"""
REQUESTED = "UPDATE subscriptions SET status = 'requested'"
RENAMED = "UPDATE repositories SET full_name = 'shop-team/before' WHERE id = 1001"
REPLAY = """
    WITH begun AS (INSERT INTO replays (actor, account_id, per_minute, total, created_at)
                   SELECT %s, id, 1, 9, now() FROM accounts WHERE login = 'infra-team' RETURNING id)
    INSERT INTO replay_items (replay_id, position, delivery_id)
    SELECT id, n, 'delivery-' || n FROM begun, generate_series(1, 9) n"""
REPLAYED = "UPDATE replays SET ended_at = now()"
ENABLED = "UPDATE repositories SET provider = true, consumer = true, completion_tracking = true"
TOLD = """
    INSERT INTO notice_settings (account_id, url)
    SELECT id, 'http://127.0.0.1:1024/' FROM accounts WHERE login = 'infra-team'"""
NOT_WHITELISTED = "UPDATE workflows SET whitelisted = false"


ASKED: dict[tuple[str, str], Asked] = {
    ("GET", "/api/deliveries"): Asked(EVERYBODY),
    ("GET", "/api/deliveries/counts"): Asked(EVERYBODY),
    ("GET", "/api/deliveries/{delivery_id}"): Asked(BOTH),
    ("GET", "/api/traces/{correlation_id}"): Asked(BOTH),
    ("POST", "/api/replay/{delivery_id}"): Asked(BOTH),
    ("GET", "/api/replays"): Asked(EVERYBODY),
    ("POST", "/api/replays"): Asked(BOTH, {"connection": 1, "status": ["dispatched"], "again": True}, first=REPLAYED),
    ("GET", "/api/replays/{replay_id}"): Asked(INFRA),
    ("DELETE", "/api/replays/{replay_id}"): Asked(INFRA),
    ("GET", "/api/events"): Asked(EVERYBODY),
    ("GET", "/api/connections"): Asked(EVERYBODY),
    ("GET", "/api/connections/{subscription_id}/diagnostics"): Asked(BOTH),
    ("GET", "/api/health"): Asked(EVERYBODY),
    ("GET", "/api/events/{event_id}/decision"): Asked(BOTH),
    ("GET", "/api/accounts"): Asked(EVERYBODY),
    ("GET", "/api/accounts/{account}"): Asked(INFRA),
    ("PATCH", "/api/accounts/{account}"): Asked(OWNER, {"provider": True}),
    ("GET", "/api/accounts/{account}/notices"): Asked(INFRA),
    ("PUT", "/api/accounts/{account}/notices"): Asked(OWNER, {"url": "https://hooks.example/zekt"}),
    ("DELETE", "/api/accounts/{account}/notices"): Asked(OWNER, first=TOLD),
    ("POST", "/api/accounts/{account}/notices/secret"): Asked(OWNER),
    ("POST", "/api/accounts/{account}/notices/test"): Asked(OWNER, first=TOLD),
    ("GET", "/api/notices"): Asked(EVERYBODY),
    ("GET", "/api/repositories"): Asked(EVERYBODY),
    ("POST", "/api/repositories"): Asked({"petra"}, {"repository": "shop-team/orders"}, first=RENAMED),
    ("GET", "/api/repositories/{repository_id}"): Asked(SHOP),
    **{
        (method, "/api/repositories/{repository_id}/" + role): Asked(SHOP, first=first)
        for method, first in (("PUT", "UPDATE accounts SET consumer = true"), ("DELETE", ENABLED))
        for role in ("provider", "consumer", "completion-tracking")
    },
    ("GET", "/api/repositories/{repository_id}/completion-tracking"): Asked(SHOP),
    ("POST", "/api/repositories/{repository_id}/hook"): Asked(SHOP),
    ("GET", "/api/repositories/{repository_id}/workflows"): Asked(SHOP),
    ("PUT", "/api/repositories/{repository_id}/workflows/{file}"): Asked(SHOP, {"force": True}, first=NOT_WHITELISTED),
    ("DELETE", "/api/repositories/{repository_id}/workflows/{file}"): Asked(SHOP),
    ("GET", "/api/services"): Asked(EVERYBODY),
    ("POST", "/api/services"): Asked(
        SHOP, {"repository": "shop-team/orders", "workflow": ORDER, "slug": "more-orders", "eventType": "more"}
    ),
    ("GET", "/api/services/{slug}"): Asked(SHOP),
    ("PATCH", "/api/services/{slug}"): Asked(SHOP, {"description": "Orders, and nothing else."}),
    ("DELETE", "/api/services/{slug}"): Asked(SHOP),
    ("GET", "/api/services/{slug}/schemas"): Asked(SHOP),
    ("GET", "/api/services/{slug}/schema"): Asked(SHOP),
    ("PUT", "/api/services/{slug}/schema"): Asked(SHOP, {"type": "object"}),
    ("DELETE", "/api/services/{slug}/schema"): Asked(SHOP, first=WITH_SCHEMA),
    ("GET", "/api/directory"): Asked(EVERYBODY),
    ("GET", UNLISTED): Asked(EVERYBODY),
    ("GET", "/api/subscriptions"): Asked(EVERYBODY),
    ("POST", "/api/subscriptions"): Asked(
        INFRA,
        {"service": "infrastructure-orders", "consumer": "infra-team/platform"},
        first="UPDATE subscriptions SET status = 'denied'",
    ),
    ("GET", "/api/subscriptions/{subscription_id}"): Asked(BOTH),
    ("PATCH", "/api/subscriptions/{subscription_id}"): Asked(INFRA, {"maxDispatches": 3}),
    ("POST", "/api/subscriptions/{subscription_id}/approve"): Asked(SHOP, {}, first=REQUESTED),
    ("POST", "/api/subscriptions/{subscription_id}/deny"): Asked(SHOP, {}, first=REQUESTED),
    ("POST", "/api/subscriptions/{subscription_id}/revoke"): Asked(BOTH, {}),
    ("GET", "/api/tokens"): Asked(EVERYBODY),
    ("POST", "/api/tokens"): Asked(OWNER, {"account": "infra-team", "name": "x"}),
    ("DELETE", "/api/tokens/{token_id}"): Asked(OWNER),
    ("GET", "/api/audit"): Asked(EVERYBODY),
    ("GET", "/api/usage"): Asked(EVERYBODY),
    ("GET", "/api/me"): Asked(EVERYBODY),
}
CHANGING = [door for door in ASKED if door[0] != "GET"]
NOT_NOW = ("conflict", "replay_refused", "not_found")
"""Whoever is told this has passed: the state of things is in the way, not the right."""


@dataclass
class Town:
    zekt: Zekt
    browsers: dict[str, Browser]
    ids: dict[str, str]

    def ask(self, door: tuple[str, str], who: str, **headers: str | None) -> Any:
        method, path = door
        body = ASKED[door].body
        return self.browsers[who].ask(path.format(**self.ids), method, None if body is None else dict(body), **headers)


@pytest.fixture
def town(make: Callable[..., str], zekt: Zekt) -> Town:
    _, delivery_id = dispatched(zekt)
    make("infra-team")
    ((event_id,),) = zekt.sql("SELECT event_id FROM messages")
    browsers = {}
    for login, holds in PEOPLE.items():
        zekt.github.set_person(login, **holds)
        browsers[login] = Browser(zekt)
        browsers[login].become(login)
    zekt.sql(REPLAY, actor_of(zekt, "mia"))
    ids = {
        "delivery_id": delivery_id,
        "correlation_id": zekt.delivery(delivery_id)["correlationId"],
        "event_id": event_id,
        "account": "infra-team",
        "token_id": "1",
        "replay_id": "1",
        "slug": "infrastructure-orders",
        "subscription_id": "1",
        "repository_id": "1001",
        "file": "order.yml",
    }
    return Town(zekt, browsers, ids)


@pytest.fixture
def zekt(start: Callable[..., Zekt], github: Any) -> Zekt:
    github.add_repository("rival-team/tools", id=3003, installation_id=53)
    wanted = setup.directory()
    wanted["accounts"].append(RIVAL)
    for account in wanted["accounts"][:2]:
        full_name, number, installation_id = OTHERS[account["login"]]
        github.add_repository(full_name, id=number, installation_id=installation_id)
        other = {"name": "other", "id": number, "installation-id": installation_id, "completion-tracking": True}
        account["repositories"].append(other)
    return start(wanted=wanted)


def test_every_management_endpoint_says_whom_it_lets_pass() -> None:
    managed = {(method, path) for method, path, right, *_ in routes.TABLE if right in ("read", "manage", "own")}
    assert managed == set(ASKED)


def test_what_is_the_operator_s_is_nobody_else_s(town: Town) -> None:
    doors = [(method, path) for method, path, right, *_ in routes.TABLE if right == "operator"]
    assert doors
    for method, path in doors:
        for who in sorted(EVERYBODY):
            assert code_of(town.browsers[who].ask(path, method, {"setup": {}})) == (403, "not_yours"), (path, who)


def test_what_only_owners_may_is_what_the_table_says() -> None:
    owned = {(method, path) for method, path, right, *_ in routes.TABLE if right == "own"}
    assert {door for door, asked in ASKED.items() if asked.passes == OWNER} == owned


def test_everybody_reads_what_is_their_own_and_nothing_else(town: Town) -> None:
    for door, asked in ASKED.items():
        if door[0] != "GET":
            continue
        for who in sorted(EVERYBODY):
            answer = town.ask(door, who)
            if who not in asked.passes | COLLEAGUES:
                assert code_of(answer) == (403, "not_yours"), (door, who)
                continue
            assert answer.ok or answer.json()["code"] in NOT_NOW, (door, who, answer.text)
            if who in STRANGERS and door[1] != UNLISTED:
                told = answer.text.replace(f'"{who}"', "")
                assert not [name for name in ("infra-team", "shop-team", "infrastructure-orders") if name in told]


@pytest.mark.parametrize("door", CHANGING, ids=" ".join)
def test_who_may_not_change_it_changes_nothing_and_who_may_does(town: Town, door: tuple[str, str]) -> None:
    passes = ASKED[door].passes
    town.zekt.sql(ASKED[door].first)
    before = town.zekt.sql("SELECT max(id) FROM audit")
    for who in sorted(EVERYBODY - passes):
        assert code_of(town.ask(door, who)) == (403, "not_yours"), who
    for who in sorted(passes):
        for headers in ({"x_csrf_token": None}, {"origin": "https://evil.example", "sec_fetch_site": None}):
            assert code_of(town.ask(door, who, **headers)) == (403, "csrf_refused"), who
    assert town.zekt.sql("SELECT max(id) FROM audit") == before
    for who in sorted(passes):
        answer = town.ask(door, who)
        assert answer.ok or answer.json()["code"] in NOT_NOW, (who, answer.text)
    assert town.zekt.sql("SELECT max(id) FROM audit") > before
    actors = town.zekt.sql("SELECT DISTINCT actor FROM audit WHERE id > %s", before[0][0])
    assert actors
    assert {actor for (actor,) in actors} <= {actor_of(town.zekt, who) for who in passes}


def test_who_administers_one_repository_has_the_app_do_nothing_to_another(town: Town) -> None:
    """Neither one that came with the app and is nobody's here, nor one of which the broker has not heard."""
    zekt, mallory = town.zekt, town.browsers["mallory"]
    for number, name in ((1004, "secret"), (1005, "unheard-of")):
        zekt.github.add_repository(f"shop-team/{name}", id=number, installation_id=51)
    zekt.sql(
        """INSERT INTO repositories (id, account_id, full_name, installation_id, enabled)
           SELECT 1004, id, 'shop-team/secret', 51, false FROM accounts WHERE login = 'shop-team'"""
    )
    zekt.sql("UPDATE accounts SET provider = true, consumer = true")
    zekt.sql(REQUESTED)
    before, visits = zekt.sql("SELECT max(id) FROM audit"), len(zekt.github.visits())
    service = {"workflow": ORDER, "slug": "stolen", "eventType": "stolen"}
    tried: list[tuple[str, str, Any]] = [
        *(("POST", "/api/repositories", {"repository": f"shop-team/{name}"}) for name in ("secret", "unheard-of")),
        *(("PUT", f"/api/repositories/1004/{role}", None) for role in ("provider", "consumer", "completion-tracking")),
        ("PUT", "/api/repositories/1004/workflows/order.yml", {"force": True}),
        ("POST", "/api/services", {**service, "repository": "shop-team/orders"}),
        ("POST", "/api/services", {**service, "repository": 1004}),
        ("POST", "/api/subscriptions", {"service": "infrastructure-orders", "consumer": "infra-team/platform"}),
        ("POST", "/api/subscriptions/1/approve", {}),
        ("POST", f"/api/replay/{town.ids['delivery_id']}", None),
    ]
    for method, path, body in tried:
        assert code_of(mallory.ask(path, method, body)) == (403, "not_yours"), (method, path, body)
    assert zekt.sql("SELECT max(id) FROM audit") == before
    assert [visit.path for visit in zekt.github.visits()[visits:] if visit.path.startswith("/repos/")] == []


def test_without_a_session_nobody_passes(town: Town) -> None:
    town.zekt.sql("UPDATE sessions SET expires_at = now()")
    for door in ASKED:
        for who in ("owen", "petra"):
            assert code_of(town.ask(door, who)) == (401, "session_refused"), door
