"""Members: which repository makes one, and which of an account's repositories a member manages."""

import pytest

from zekt_testing.broker import Zekt
from zekt_testing.people import Browser, age, code_of, rights, signed_in


@pytest.mark.parametrize(
    ("enabled", "role", "removed"),
    [
        ("false", "consumer", "NULL"),
        ("true", None, "NULL"),
        ("true", "consumer", "now()"),
    ],
)
def test_an_admin_of_a_repository_that_is_enabled_as_nothing_has_no_role(
    zekt: Zekt, enabled: str, role: str | None, removed: str
) -> None:
    """Any member of an organisation may make a repository there, and it may have come with the app."""
    zekt.github.add_repository("infra-team/mine", id=2003, installation_id=52)
    roles = ["provider", "consumer", "completion_tracking"]
    held = ", ".join("true" if name == role else "false" for name in roles)
    zekt.sql(
        f"""INSERT INTO repositories
                (id, account_id, full_name, installation_id, enabled, removed_at, {", ".join(roles)})
            SELECT 2003, id, 'infra-team/mine', 52, {enabled}, {removed}, {held}
            FROM accounts WHERE login = 'infra-team'"""
    )
    zekt.github.set_person("bob", repositories={"infra-team/mine": "admin"})
    bob = signed_in(zekt, "bob")
    assert rights(bob) == {}
    zekt.github.set_person("bob", repositories={"infra-team/platform": "admin"})
    bob.sign_in("bob")
    assert list(rights(bob)) == ["infra-team"]
    zekt.github.set_person("bob", repositories={"infra-team/mine": "admin"})
    age(zekt, 16)
    assert rights(bob) == {}


def test_a_role_ends_when_the_repository_that_gave_it_is_enabled_no_more(zekt: Zekt) -> None:
    zekt.github.set_person("bob", repositories={"infra-team/platform": "admin"})
    bob = signed_in(zekt, "bob")
    assert list(rights(bob)) == ["infra-team"]
    zekt.sql("UPDATE repositories SET provider = false, consumer = false, completion_tracking = false WHERE id = 2002")
    age(zekt, 16)
    assert rights(bob) == {}


def test_who_takes_a_repositorys_old_name_takes_no_role_with_it(zekt: Zekt) -> None:
    """The broker has not heard yet that the one which it knows by this name has another."""
    zekt.github.set_person("bob", repositories={"infra-team/platform": "admin"})
    bob = signed_in(zekt, "bob")
    known = zekt.github.world.repositories
    known.rename(known.get("infra-team/platform"), "infra-team/before")
    zekt.github.add_repository("infra-team/platform", id=2003, installation_id=52)
    age(zekt, 16)
    assert rights(bob) == {}
    bob.sign_in("bob")
    assert rights(bob) == {}


def manages(browser: Browser, repository_id: int) -> bool:
    """Whether a change that changes nothing passes."""
    answer = browser.ask(f"/api/repositories/{repository_id}/provider", "DELETE")
    assert answer.ok or code_of(answer) == (403, "not_yours"), answer.text
    return answer.ok


@pytest.fixture
def mine(zekt: Zekt) -> int:
    """A repository that has just come with the app."""
    zekt.github.add_repository("infra-team/mine", id=2003, installation_id=52)
    zekt.sql(
        """INSERT INTO repositories (id, account_id, full_name, installation_id, enabled)
           SELECT 2003, id, 'infra-team/mine', 52, false FROM accounts WHERE login = 'infra-team'"""
    )
    return 2003


def test_a_member_manages_the_repositories_that_the_member_administers(zekt: Zekt, mine: int) -> None:
    both = {"infra-team/platform": "admin", "infra-team/mine": "admin"}
    zekt.github.set_person("bob", repositories={"infra-team/platform": "admin", "infra-team/mine": "write"})
    bob = signed_in(zekt, "bob")
    assert (manages(bob, 2002), manages(bob, mine)) == (True, False)
    assert bob.ask(f"/api/repositories/{mine}").ok
    zekt.github.set_person("bob", repositories=both)
    bob.sign_in("bob")
    assert bob.ask("/api/me").json()["repositories"] == [2002, mine]
    assert bob.ask(f"/api/repositories/{mine}/consumer", "PUT").json()["enabled"] is True
    age(zekt, 16)
    assert (manages(bob, 2002), manages(bob, mine)) == (True, True)


def test_who_administers_one_repository_less_manages_it_no_more(zekt: Zekt, mine: int) -> None:
    zekt.github.set_person("bob", repositories={"infra-team/platform": "admin", "infra-team/mine": "admin"})
    bob = signed_in(zekt, "bob")
    assert manages(bob, mine)
    zekt.github.set_person("bob", repositories={"infra-team/platform": "admin"})
    age(zekt, 16)
    assert (rights(bob), manages(bob, 2002), manages(bob, mine)) == ({"infra-team": "read"}, True, False)


def test_a_repository_that_went_to_another_account_is_not_managed_by_who_administered_it_before(
    zekt: Zekt, mine: int
) -> None:
    held = {"infra-team/platform": "admin", "infra-team/mine": "admin", "shop-team/orders": "admin"}
    zekt.github.set_person("bob", repositories=held)
    bob = signed_in(zekt, "bob")
    assert manages(bob, mine)
    zekt.sql("UPDATE repositories SET account_id = (SELECT id FROM accounts WHERE login = 'shop-team') WHERE id = 2003")
    assert not manages(bob, mine)


def test_while_github_cannot_be_asked_a_members_repositories_are_the_members_own_for_an_hour(zekt: Zekt) -> None:
    zekt.github.set_person("bob", repositories={"infra-team/platform": "admin"})
    bob = signed_in(zekt, "bob")
    zekt.github.faults.add(where="rest", kind="status", times=None)
    age(zekt, 59)
    assert manages(bob, 2002)
    age(zekt, 61)
    assert code_of(bob.ask("/api/repositories/2002/provider", "DELETE")) == (503, "roles_unknown")
