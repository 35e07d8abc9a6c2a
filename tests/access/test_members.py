"""Roles: what GitHub tells when somebody signs in, and again; and what they are worth when it does not."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows.tidy import tidy
from zekt_backend.store.database import Database
from zekt_testing.broker import Zekt
from zekt_testing.people import Browser, age, code_of, rights, signed_in

PATH = "/api/accounts/infra-team"
MEMBERSHIP = "/orgs/infra-team/memberships/alice"


@pytest.fixture
def alice(zekt: Zekt) -> Browser:
    """An owner of infra-team."""
    zekt.github.set_person("alice", organizations={"infra-team": "admin"})
    return signed_in(zekt, "alice")


def asked(zekt: Zekt, path: str) -> int:
    return sum(visit.path == path for visit in zekt.github.visits())


def test_a_role_is_not_asked_about_again_within_a_quarter_of_an_hour(zekt: Zekt, alice: Browser) -> None:
    before = asked(zekt, MEMBERSHIP)
    zekt.github.set_person("alice")
    age(zekt, 14)
    assert rights(alice) == {"infra-team": "own"}
    assert asked(zekt, MEMBERSHIP) == before


def test_who_is_no_admin_any_more_has_no_right_at_the_next_check(zekt: Zekt, alice: Browser, ask: Any) -> None:
    zekt.github.set_person("alice")
    age(zekt, 16)
    assert code_of(alice.ask(PATH, "PATCH", {"provider": True})) == (403, "not_yours")
    assert rights(alice) == {}
    line = ask(None, "/api/audit?limit=1").json()["audit"][0]
    assert (line["action"], line["account"], line["subject"]) == ("member.change", "infra-team", "alice")
    assert (line["before"], line["after"]) == ({"role": "owner"}, None)


def test_an_owner_who_becomes_an_admin_of_one_repository_becomes_a_member(zekt: Zekt, alice: Browser) -> None:
    zekt.github.set_person("alice", repositories={"infra-team/platform": "admin"})
    age(zekt, 16)
    assert rights(alice) == {"infra-team": "read"}
    age(zekt, 16)
    assert rights(alice) == {"infra-team": "read"}
    zekt.github.set_person("alice", repositories={"infra-team/platform": "write"})
    age(zekt, 16)
    assert rights(alice) == {}


def test_a_role_that_still_holds_is_good_for_another_while(zekt: Zekt, alice: Browser) -> None:
    age(zekt, 16)
    assert rights(alice) == {"infra-team": "own"}
    asked_once = asked(zekt, MEMBERSHIP)
    assert rights(alice) == {"infra-team": "own"}
    assert asked(zekt, MEMBERSHIP) == asked_once


def test_a_page_that_asks_for_much_at_once_has_github_asked_once(zekt: Zekt, alice: Browser) -> None:
    before = asked(zekt, MEMBERSHIP)
    age(zekt, 61)
    with ThreadPoolExecutor(6) as threads:
        cookies = alice.session.cookies
        browsers = [Browser(zekt) for _ in range(6)]
        for browser in browsers:
            browser.session.cookies.update(cookies)
        answers = list(threads.map(lambda browser: browser.ask(PATH), browsers))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert asked(zekt, MEMBERSHIP) == before + 1


@pytest.mark.parametrize("kind", ["status", "cut", "rate_limit"])
def test_while_github_cannot_be_asked_a_role_counts_for_an_hour_and_then_not(
    zekt: Zekt, alice: Browser, kind: str
) -> None:
    zekt.github.faults.add(where="rest", kind=kind, times=None)
    age(zekt, 20)
    before = asked(zekt, MEMBERSHIP)
    assert rights(alice) == {"infra-team": "own"}
    assert alice.ask(PATH).ok
    assert asked(zekt, MEMBERSHIP) == before + 1  # and not again within half a minute
    age(zekt, 61)
    refused = alice.ask(PATH, "PATCH", {"provider": True})
    assert code_of(refused) == (503, "roles_unknown")
    assert refused.headers["retry-after"] == "30"
    assert rights(alice) == {"infra-team": None}
    assert alice.ask("/api/deliveries").json() == {"deliveries": [], "next": None}
    assert code_of(alice.ask("/api/accounts/shop-team")) == (403, "not_yours")
    zekt.github.faults.clear()
    age(zekt, 61)
    assert rights(alice) == {"infra-team": "own"}


def test_a_suspended_installation_cannot_be_asked_and_one_that_is_gone_ends_the_role(
    zekt: Zekt, alice: Browser
) -> None:
    zekt.github.set_installation("infra-team/platform", suspended=True)
    age(zekt, 59)
    assert rights(alice) == {"infra-team": "own"}
    age(zekt, 61)
    assert code_of(alice.ask(PATH)) == (503, "roles_unknown")
    zekt.github.set_installation("infra-team/platform", suspended=False)
    zekt.github.world.repositories.uninstall(52)
    zekt.sql("UPDATE members SET asked_at = NULL")
    assert code_of(alice.ask(PATH)) == (503, "roles_unknown")  # the token that there was is refused, and forgotten
    zekt.sql("UPDATE members SET asked_at = NULL")
    assert code_of(alice.ask(PATH)) == (403, "not_yours")


def test_a_login_that_became_somebody_elses_gives_nobody_that_persons_rights(zekt: Zekt, alice: Browser) -> None:
    zekt.github.world.people.rename("alice", "alice-2")
    zekt.github.set_person("alice-2", id=zekt.sql("SELECT id FROM people")[0][0])
    zekt.github.set_person("alice", id=4711, organizations={"infra-team": "admin"})
    age(zekt, 16)
    assert rights(alice) == {}


def test_a_colleague_who_administers_nothing_has_no_role(zekt: Zekt) -> None:
    holds = {"infra-team/platform": "write", "shop-team/orders": "read"}
    zekt.github.set_person("wanda", organizations={"infra-team": "member"}, repositories=holds)
    assert rights(signed_in(zekt, "wanda")) == {}


def test_an_admin_of_a_repository_that_is_not_known_here_has_no_role(zekt: Zekt) -> None:
    zekt.github.add_repository("infra-team/private", id=2003, installation_id=52)
    zekt.github.set_person("bob", repositories={"infra-team/private": "admin"})
    assert rights(signed_in(zekt, "bob")) == {}


def test_without_the_permission_to_see_members_an_owner_is_taken_for_a_member(zekt: Zekt) -> None:
    zekt.github.set_permissions("infra-team/platform", contents="write", metadata="read")
    zekt.github.set_person("alice", organizations={"infra-team": "admin"})
    assert rights(signed_in(zekt, "alice")) == {"infra-team": "read"}


def test_an_account_appears_when_an_owner_signs_in_and_not_before(zekt: Zekt, ask: Any) -> None:
    zekt.github.add_repository("new-org/things", id=5005, installation_id=55)
    zekt.github.set_person("nora", organizations={"new-org": "admin"})
    zekt.github.set_person("mike", repositories={"new-org/things": "admin"})
    assert rights(signed_in(zekt, "mike")) == {}
    assert code_of(ask(None, "/api/accounts/new-org")) == (404, "not_found")
    nora = signed_in(zekt, "nora")
    assert rights(nora) == {"new-org": "own"}
    found = nora.ask("/api/accounts/new-org").json()
    assert (found["provider"], found["consumer"], found["kind"]) == (False, False, "organization")
    assert found["members"] == [{"login": "nora", "role": "owner"}]
    assert nora.ask("/api/accounts/new-org", "PATCH", {"consumer": True}).ok
    actions = [line["action"] for line in nora.ask("/api/audit").json()["audit"]]
    assert actions == ["account.upgrade", "member.change", "account.create"]


def test_a_persons_own_account_is_that_persons(zekt: Zekt) -> None:
    zekt.github.add_repository("carol/things", id=6006, installation_id=56)
    zekt.github.set_person("carol")
    carol = signed_in(zekt, "carol")
    assert rights(carol) == {"carol": "own"}
    assert carol.ask("/api/accounts/carol").json()["kind"] == "user"
    age(zekt, 16)
    assert rights(carol) == {"carol": "own"}


def test_a_login_that_was_given_up_does_not_lead_into_the_account_of_who_had_it(zekt: Zekt, ask: Any) -> None:
    """Somebody registers the name of an organisation that was renamed, installs the app and signs in."""
    zekt.github.set_person("mallory", organizations={"infra-team": "admin"})
    zekt.sql("INSERT INTO installations (id) VALUES (99)")
    zekt.sql("UPDATE repositories SET installation_id = 99 WHERE full_name = 'infra-team/platform'")
    assert rights(signed_in(zekt, "mallory")) == {}
    zekt.sql("UPDATE repositories SET installation_id = 52 WHERE full_name = 'infra-team/platform'")
    zekt.sql("UPDATE accounts SET github_id = 1 WHERE login = 'infra-team'")
    assert rights(signed_in(zekt, "mallory")) == {}
    assert ask(None, PATH).json()["members"] == []


def test_signing_in_again_takes_away_what_github_tells_no_more(zekt: Zekt, alice: Browser) -> None:
    zekt.github.set_person("alice", organizations={"shop-team": "admin"})
    alice.sign_in("alice")
    assert rights(alice) == {"shop-team": "own"}


def test_the_command_shows_an_account_with_its_people(zekt_command: Any, alice: Browser) -> None:
    shown = zekt_command("accounts", "show", "Infra-Team")
    assert alice.csrf
    assert "infra-team (organization) is consumer." in shown.stderr
    assert ["alice", "owner"] in [
        [word for word in line.split() if word.isalpha()] for line in shown.stdout.splitlines()
    ]
    told = json.loads(zekt_command("accounts", "show", "infra-team", "--json").stdout)
    assert told["members"] == [{"login": "alice", "role": "owner"}]
    with pytest.raises(ZektError, match="There is no account 'nobody' here"):
        zekt_command("accounts", "show", "nobody")


async def test_sessions_that_expired_are_forgotten(zekt: Zekt, alice: Browser) -> None:
    signed_in(zekt, "alice")
    zekt.sql("UPDATE sessions SET expires_at = now() - interval '1 minute' WHERE csrf = %s", alice.csrf)
    db = await Database(zekt.database_url, size=2).open()
    await tidy(db=db, clock=SystemClock())
    await db.close()
    assert len(zekt.sql("SELECT 1 FROM sessions")) == 1
