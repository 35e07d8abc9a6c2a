"""A replay of many goes on for days, and only while whoever began it may still manage what is replayed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backend.test_replay_many import ask, failed, on, replayed, step
from zekt_testing.broker import ADMIN_TOKEN, Zekt
from zekt_testing.people import age, signed_in

Start = Callable[..., Any]
WANTED = {"connection": 1, "perMinute": 4}
PAUSE = timedelta(seconds=15)


@pytest.fixture
def zekt(start: Start) -> Zekt:
    zekt: Zekt = start(work=False)
    failed(zekt, 3)
    return zekt


def token(zekt: Zekt) -> dict[str, Any]:
    wanted = {"account": "infra-team", "name": "x", "scope": "manage"}
    made: dict[str, Any] = zekt.post("/api/tokens", ADMIN_TOKEN, wanted).json()
    return made


def ended(zekt: Zekt, number: int) -> str | None:
    told = ask(zekt, f"/{number}", "GET").json()
    assert (told["endedAt"] is not None) is told["stopped"]
    why: str | None = told["why"]
    return why


def test_nobody_keeps_the_others_of_an_account_from_theirs_and_its_managers_find_and_stop_each(zekt: Zekt) -> None:
    mine, other = token(zekt), token(zekt)
    zekt.github.set_person("alice", repositories={"infra-team/platform": "admin"})
    alice = signed_in(zekt, "alice")
    hers = alice.ask("/api/replays", "POST", {**WANTED, "perMinute": 1}).json()["id"]
    number = ask(zekt, "", body=WANTED, token=mine["token"]).json()["id"]
    again = ask(zekt, "", body=WANTED, token=mine["token"])
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert f"Your replay {number}" in again.json()["detail"]
    newest = ask(zekt, "?limit=1", "GET", token=other["token"]).json()
    older = ask(zekt, f"?before={newest['next']}", "GET", token=other["token"]).json()
    (first,), (second,) = newest["replays"], older["replays"]
    assert [first["id"], second["id"], older["next"]] == [number, hers, None]
    assert (second["account"], second["left"], second["endedAt"]) == ("infra-team", 3, None)
    assert alice.ask(f"/api/replays/{number}", "DELETE").json()["code"] == "not_yours"
    assert ask(zekt, f"/{hers}", "DELETE", token=other["token"]).json()["stopped"]


def test_whoever_revokes_a_token_ends_what_it_began_in_that_moment(zekt: Zekt) -> None:
    mine, other = token(zekt), token(zekt)
    number = ask(zekt, "", body=WANTED, token=mine["token"]).json()["id"]
    assert on(zekt, lambda broker: step(broker, number)) == PAUSE
    ask(zekt, f"/../tokens/{other['id']}", "DELETE")
    assert ended(zekt, number) is None
    ask(zekt, f"/../tokens/{mine['id']}", "DELETE")
    assert "revoked" in str(ended(zekt, number))
    line = ask(zekt, "/../audit?limit=1", "GET").json()["audit"][0]
    assert (line["action"], line["actor"], line["subject"]) == ("delivery.replay_stop", "operator", f"replay {number}")
    assert on(zekt, lambda broker: step(broker, number)) is None
    assert len(replayed(zekt)) == 1


def test_a_token_that_has_expired_makes_nothing_more(zekt: Zekt) -> None:
    number = ask(zekt, "", body=WANTED, token=token(zekt)["token"]).json()["id"]
    assert on(zekt, lambda broker: step(broker, number)) == PAUSE
    zekt.sql("UPDATE api_tokens SET expires_at = now() - interval '1 minute'")
    assert on(zekt, lambda broker: step(broker, number)) is None
    assert "expired" in str(ended(zekt, number))
    assert len(replayed(zekt)) == 1


@pytest.mark.parametrize(
    ("left", "goes_on"),
    [
        ({"organizations": {"infra-team": "admin"}}, True),
        ({"repositories": {"infra-team/platform": "admin"}}, True),
        ({"repositories": {"infra-team/platform": "write"}}, False),
        ({}, False),
    ],
)
def test_a_person_s_goes_on_without_them_while_github_confirms_the_role(
    zekt: Zekt, left: dict[str, Any], goes_on: bool
) -> None:
    """Also when nobody has looked for hours: the broker asks by itself."""
    zekt.github.set_person("alice", organizations={"infra-team": "admin"})
    begun = signed_in(zekt, "alice").ask("/api/replays", "POST", WANTED)
    assert begun.status_code == 202, begun.text
    number = begun.json()["id"]
    assert on(zekt, lambda broker: step(broker, number)) == PAUSE
    zekt.github.set_person("alice", **left)
    age(zekt, 180)
    assert on(zekt, lambda broker: step(broker, number)) == (PAUSE if goes_on else None)
    assert (ended(zekt, number) is None) is goes_on
    assert len(replayed(zekt)) == (2 if goes_on else 1)


def test_who_administers_another_repository_of_the_account_has_lost_this_one(zekt: Zekt) -> None:
    zekt.github.set_person("alice", repositories={"infra-team/platform": "admin"})
    alice = signed_in(zekt, "alice")
    number = alice.ask("/api/replays", "POST", WANTED).json()["id"]
    zekt.sql("UPDATE administered SET repository_id = repository_id + 1")
    assert on(zekt, lambda broker: step(broker, number)) is None
    assert replayed(zekt) == []
