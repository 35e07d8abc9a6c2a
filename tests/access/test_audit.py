"""The audit trail: every change has its line, with who, before and after; and whoever may read it does."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from zekt_backend.errors import ZektError
from zekt_testing import setup
from zekt_testing.broker import Zekt
from zekt_testing.deliveries import dispatched


def lines(ask: Any, token: str | None = None, **wanted: str) -> list[dict[str, Any]]:
    found = ask(token, "/api/audit?limit=500").json()["audit"]
    return [line for line in found if all(line[name] == value for name, value in wanted.items())]


def test_a_setup_writes_a_line_for_each_row_that_it_makes_and_none_for_what_stands(zekt: Zekt, ask: Any) -> None:
    made = lines(ask)
    assert sorted((line["action"], line["subject"]) for line in made) == [
        ("account.create", "infra-team"),
        ("account.create", "shop-team"),
        ("repository.create", "infra-team/platform"),
        ("repository.create", "shop-team/orders"),
        ("service.create", "infrastructure-orders"),
        ("subscription.create", "infrastructure-orders@infra-team/platform"),
        ("workflow.create", "shop-team/orders/.github/workflows/order.yml"),
    ]
    assert {(line["actor"], line["before"]) for line in made} == {("operator", None)}
    setup.apply(zekt.database_url, setup.directory())
    assert lines(ask) == made


def test_a_changed_row_is_told_with_what_it_was_and_what_it_is(zekt: Zekt, ask: Any) -> None:
    before = len(lines(ask))
    setup.apply(zekt.database_url, setup.directory(status="revoked", conclusions=["success"]))
    (line,) = lines(ask)[: len(lines(ask)) - before]
    assert (line["action"], line["account"]) == ("subscription.change", "shop-team")
    assert line["before"] == {"status": "approved", "conclusions": None}
    assert line["after"] == {"status": "revoked", "conclusions": ["success"]}


def test_a_row_that_gives_way_to_another_is_told_too(zekt: Zekt, ask: Any) -> None:
    wanted = setup.directory()
    wanted["accounts"][1]["repositories"][0]["id"] = 2999
    setup.apply(zekt.database_url, wanted)
    (line,) = lines(ask, action="repository.change")
    assert line["before"] == {"enabled": True, "fullName": "infra-team/platform"}
    assert line["after"] == {"enabled": False, "fullName": "infra-team/platform#2002"}


def test_a_repository_that_goes_to_another_account_is_told_to_both(
    zekt: Zekt, ask: Any, make: Callable[..., str]
) -> None:
    wanted = setup.directory(consumer="third-team/tools")
    moved = wanted["accounts"][1]["repositories"].pop()
    wanted["accounts"].append({"login": "third-team", "repositories": [{**moved, "name": "tools"}]})
    setup.apply(zekt.database_url, wanted)
    (gone,), (come,) = (lines(ask, make(name), action="repository.change") for name in ("infra-team", "third-team"))
    assert (gone["subject"], gone["before"]["fullName"], gone["after"]) == (
        "infra-team/platform",
        "infra-team/platform",
        None,
    )
    assert (come["subject"], come["after"]["fullName"]) == ("third-team/tools", "third-team/tools")
    assert "third-team" not in json.dumps(lines(ask, make("infra-team"), action="repository.change"))


def test_a_setup_that_fails_leaves_no_line(zekt: Zekt, ask: Any) -> None:
    before = lines(ask)
    wanted = setup.directory(consumer="nobody/nowhere")
    wanted["accounts"].append({"login": "third-team"})
    with pytest.raises(ZektError, match="nobody/nowhere"):
        setup.apply(zekt.database_url, wanted)
    assert lines(ask) == before


def test_a_column_that_holds_a_secret_stands_in_no_line(zekt: Zekt, ask: Any) -> None:
    zekt.sql("ALTER TABLE accounts ADD COLUMN IF NOT EXISTS some_secret text DEFAULT 'never tell'")
    wanted = setup.directory()
    wanted["accounts"].append({"login": "third-team"})
    setup.apply(zekt.database_url, wanted)
    (line,) = lines(ask, subject="third-team")
    assert line["after"]["login"] == "third-team"
    assert "never tell" not in json.dumps(lines(ask))


def test_each_account_reads_its_own_lines(zekt: Zekt, ask: Any, make: Callable[..., str]) -> None:
    wanted = setup.directory()
    wanted["accounts"].append({"login": "third-team"})
    setup.apply(zekt.database_url, wanted)
    subscription = "infrastructure-orders@infra-team/platform"
    of_consumer = {line["subject"] for line in lines(ask, make("infra-team"))}
    assert of_consumer == {"infra-team", "infra-team/platform", subscription, "ci#1"}
    assert {line["subject"] for line in lines(ask, make("third-team"))} == {"third-team", "ci#2"}
    assert "infra-team/platform" not in {line["subject"] for line in lines(ask, make("shop-team"))}


def test_a_replay_is_told_to_both_sides_and_its_asker_by_name_to_its_own(
    zekt: Zekt, ask: Any, make: Callable[..., str]
) -> None:
    _, old = dispatched(zekt)
    own, other = make("infra-team", scope="manage", name="night job"), make("shop-team")
    new = ask(own, f"/api/replay/{old}", "POST").json()["deliveryId"]
    (mine,), (theirs,) = (lines(ask, token, action="delivery.replay") for token in (own, other))
    assert (mine["actor"], mine["account"]) == ("token:night job#1", "infra-team")
    assert (theirs["actor"], theirs["account"]) == ("the other side", None)
    for line in (mine, theirs):
        assert (line["subject"], line["after"]) == (old, {"replayedAs": new})


def test_an_operators_replay_is_the_operators(zekt: Zekt, ask: Any, make: Callable[..., str]) -> None:
    _, old = dispatched(zekt)
    assert ask(None, f"/api/replay/{old}", "POST").status_code == 202
    for account in ("shop-team", "infra-team"):
        (line,) = lines(ask, make(account), action="delivery.replay")
        assert (line["actor"], line["account"]) == ("operator", "shop-team" if account == "shop-team" else None)


def test_a_refused_replay_leaves_no_line(zekt: Zekt, ask: Any) -> None:
    _, old = dispatched(zekt)
    zekt.sql("UPDATE subscriptions SET status = 'revoked'")
    assert ask(None, f"/api/replay/{old}", "POST").status_code == 409
    assert lines(ask, action="delivery.replay") == []


def test_the_trail_is_read_page_by_page(ask: Any) -> None:
    whole, found, cursor = lines(ask), [], ""
    while True:
        page = ask(None, f"/api/audit?limit=2{cursor}").json()
        found += page["audit"]
        if page["next"] is None:
            break
        cursor = f"&before={page['next']}"
    assert found == whole


def test_the_command_shows_the_trail(zekt_command: Any) -> None:
    shown = zekt_command("audit").stdout
    assert "subscription.create" in shown
    own = json.loads(zekt_command("audit", "--account", "infra-team", "--json").stdout)
    assert {line["subject"] for line in own} >= {"infra-team/platform"}
    assert len(json.loads(zekt_command("audit", "--limit", "1", "--json").stdout)) == 1


def test_one_accounts_lines_are_asked_for_by_its_name_and_nobody_elses(ask: Any, make: Any) -> None:
    infra = make("infra-team")
    of_infra = ask(None, "/api/audit?account=infra-team").json()["audit"]
    assert {line["account"] for line in of_infra} == {"infra-team", None}  # what lies between two is both their own
    assert [line["id"] for line in ask(infra, "/api/audit?account=Infra-Team").json()["audit"]] == [
        line["id"] for line in of_infra
    ]
    for name in ("shop-team", "nobody-here"):
        refused = ask(infra, f"/api/audit?account={name}")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_yours")
