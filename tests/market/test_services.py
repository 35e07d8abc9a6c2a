"""Services: published from a whitelisted workflow by its account alone, changed, retired and published again."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from market.town import SERVICE, three
from zekt_testing import setup
from zekt_testing.broker import ORDER, Zekt

NEW = {"repository": "shop-team/orders", "workflow": ORDER, "slug": "orders-2", "eventType": "ordered"}


def audit(ask: Any, token: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(token, "/api/audit?limit=500").json()["audit"]
    return found


def test_a_published_service_is_shown_whole_to_its_own_account(ask: Any, shop: str) -> None:
    said = {"alias": "Orders", "description": "Two\nlines", "tags": ["shop", "a-b", "shop"], "visibility": "public"}
    answer = ask(shop, "/api/services", "POST", {**NEW, **said, "metadataOnly": True, "hideProvider": True})
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"'), answer.text
    assert (
        answer.json().items()
        >= {
            "slug": "orders-2",
            **said,
            "tags": ["shop", "a-b"],
            "eventType": "ordered",
            "metadataOnly": True,
            "hideProvider": True,
            "retiredAt": None,
            "account": "shop-team",
            "repository": "shop-team/orders",
            "repositoryId": 1001,
            "workflow": ORDER,
            "whitelisted": True,
            "version": 1,
        }.items()
    )
    assert ask(shop, "/api/services/orders-2").json() == answer.json()
    (line, *_) = audit(ask, shop)
    assert (line["action"], line["subject"], line["actor"]) == ("service.create", "orders-2", "token:ci#1")
    assert line["after"].items() >= {"eventType": "ordered", "hideProvider": True, "workflow": ORDER}.items()


def test_what_is_not_said_has_a_default_and_the_repository_may_be_named_by_its_id(ask: Any, shop: str) -> None:
    made = ask(shop, "/api/services", "POST", {**NEW, "repository": 1001}).json()
    assert (made["alias"], made["visibility"], made["tags"], made["description"]) == ("orders-2", "unlisted", [], "")
    assert (made["metadataOnly"], made["hideProvider"]) == (False, False)


def test_a_workflow_that_is_not_whitelisted_is_not_published_and_it_is_said_how(
    zekt: Zekt, ask: Any, shop: str
) -> None:
    zekt.sql("INSERT INTO workflows (repository_id, path) VALUES (1001, '.github/workflows/off.yml')")
    for path in (".github/workflows/off.yml", ".github/workflows/unknown.yml"):
        answer = ask(shop, "/api/services", "POST", {**NEW, "workflow": path})
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert f"{path} of shop-team/orders is not whitelisted" in answer.json()["detail"]
        assert f"`zekt workflows allow shop-team/orders {path}`" in answer.json()["detail"]
    assert ask(shop, "/api/services/orders-2").status_code == 403


def test_a_slug_that_is_taken_tells_nothing_of_whose_it_is(ask: Any, shop: str, rival: str) -> None:
    details = set()
    for token, place in ((shop, "shop-team/orders"), (rival, "rival-team/tools")):
        wanted = {**NEW, "slug": "infrastructure-orders", "repository": place}
        answer = ask(token, "/api/services", "POST", wanted)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        details.add(answer.json()["detail"])
    (detail,) = details
    assert "shop-team" not in detail


def test_a_workflow_s_services_are_bounded(ask: Any, shop: str) -> None:
    answers = [ask(shop, "/api/services", "POST", {**NEW, "slug": f"more-{number}"}) for number in range(20)]
    assert [answer.status_code for answer in answers] == [201] * 19 + [409]
    assert "at most 20 services" in answers[-1].json()["detail"]
    assert ask(shop, "/api/services/more-19").status_code == 403


def test_of_two_who_publish_under_one_slug_at_once_one_gets_it(ask: Any, shop: str, rival: str) -> None:
    def publish(token: str, place: str) -> int:
        return int(ask(token, "/api/services", "POST", {**NEW, "repository": place}).status_code)

    with ThreadPoolExecutor(8) as pool:
        sides = [(shop, "shop-team/orders"), (rival, "rival-team/tools")] * 4
        codes = [future.result() for future in [pool.submit(publish, *side) for side in sides]]
    assert sorted(codes) == [201] + [409] * 7
    assert len([line for line in audit(ask) if line["subject"] == "orders-2"]) == 1


def test_who_does_not_provide_is_told_what_makes_a_provider(ask: Any, infra: str) -> None:
    answer = ask(infra, "/api/services", "POST", {**NEW, "repository": "infra-team/platform"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "infra-team is no provider yet" in answer.json()["detail"]


def test_a_change_changes_what_it_names_and_its_line_tells_both_sides(ask: Any, shop: str) -> None:
    before = ask(shop, SERVICE).json()
    answer = ask(shop, SERVICE, "PATCH", {"alias": "All orders", "tags": ["shop"], "visibility": "public"})
    assert answer.json() == {**before, "alias": "All orders", "tags": ["shop"], "visibility": "public", "version": 2}
    line = audit(ask, shop)[0]
    assert (line["action"], line["account"]) == ("service.change", "shop-team")
    assert line["before"] == {"alias": "Orders", "tags": [], "visibility": "unlisted"}
    assert line["after"] == {"alias": "All orders", "tags": ["shop"], "visibility": "public"}


def test_the_same_again_changes_nothing(ask: Any, shop: str) -> None:
    first, lines = ask(shop, SERVICE, "PATCH", {"tags": ["a"]}), audit(ask)
    for body in ({"tags": ["a", "a"]}, {}, {"alias": "Orders", "retired": False, "workflow": ORDER}):
        again = ask(shop, SERVICE, "PATCH", body)
        assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])
    assert audit(ask) == lines


def test_a_change_to_null_is_refused_rather_than_taken_for_no_change(ask: Any, shop: str) -> None:
    for name in ("alias", "tags", "guard", "retired"):
        answer = ask(shop, SERVICE, "PATCH", {name: None})
        assert (answer.status_code, answer.json()["code"]) == (400, "body_invalid")
        assert answer.json()["detail"].startswith(f"{name}: ")


def test_a_change_that_rests_on_an_old_version_is_refused(ask: Any, shop: str) -> None:
    seen = ask(shop, SERVICE).headers["etag"]
    assert ask(shop, SERVICE, "PATCH", {"alias": "A"}, **{"If-Match": seen}).status_code == 200
    for method, body in (("PATCH", {"alias": "B"}), ("DELETE", None)):
        answer = ask(shop, SERVICE, method, body, **{"If-Match": seen})
        assert (answer.status_code, answer.json()["code"]) == (412, "version_stale")
    assert ask(shop, SERVICE).json()["alias"] == "A"


def test_a_service_moves_to_another_whitelisted_workflow_of_its_repository(zekt: Zekt, ask: Any, shop: str) -> None:
    path = ".github/workflows/renamed.yml"
    refused = ask(shop, SERVICE, "PATCH", {"workflow": path})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    zekt.sql("INSERT INTO workflows (repository_id, path, whitelisted) VALUES (1001, %s, true)", path)
    assert ask(shop, SERVICE, "PATCH", {"workflow": path}).json()["workflow"] == path
    assert audit(ask)[0]["after"] == {"workflow": path}


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Upper"},
        {"slug": ""},
        {"repository": 0},
        {"repository": "no-owner"},
        {"workflow": "../x.yml"},
        {"alias": ""},
        {"alias": "two\nlines"},
        {"description": "x" * 2001},
        {"description": "\x1b[31mred"},
        {"tags": [f"tag-{n}" for n in range(11)]},
        {"tags": ["Upper"]},
        {"tags": ["x" * 31]},
        {"tags": "shop"},
        {"visibility": "secret"},
        {"eventType": ""},
        {"eventType": "x" * 101},
        {"account": "shop-team"},
        {"version": 7},
    ],
)
def test_what_a_service_cannot_be_is_refused(ask: Any, shop: str, wrong: dict[str, Any]) -> None:
    answer = ask(shop, "/api/services", "POST", {**NEW, **wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "body_invalid"), answer.text
    (name,) = wrong
    if name not in ("slug", "repository"):
        assert ask(shop, SERVICE, "PATCH", wrong).json()["code"] == "body_invalid"
    assert ask(shop, "/api/services/orders-2").status_code == 403


def test_nobody_else_sees_or_changes_a_service_through_its_own_account_s_door(
    ask: Any, make: Any, infra: str, rival: str
) -> None:
    before = ask(None, SERVICE).json()
    reader = make("shop-team", scope="read")
    assert ask(reader, SERVICE).json() == before
    for token in (infra, rival, reader):
        nowhere = ask(token, "/api/services/nothing-here", "PATCH", {"alias": "x"})
        for method, body in (("PATCH", {"alias": "x"}), ("DELETE", None)):
            answer = ask(token, SERVICE, method, body)
            assert (answer.status_code, answer.content) == (403, nowhere.content)
        assert ask(token, "/api/services", "POST", NEW).json()["code"] == "not_yours"
        assert ask(token, "/api/services", "POST", {**NEW, "repository": 999}).json()["code"] == "not_yours"
    assert ask(None, SERVICE).json() == before


def test_each_account_lists_its_own_services_page_by_page(ask: Any, shop: str, rival: str) -> None:
    for number in range(4):
        assert ask(shop, "/api/services", "POST", {**NEW, "slug": f"more-{number}"}).status_code == 201
    found, following = [], ""
    while True:
        page = ask(shop, f"/api/services?limit=2{following}").json()
        found += [service["slug"] for service in page["services"]]
        if page["next"] is None:
            break
        following = f"&before={page['next']}"
    assert found == ["more-3", "more-2", "more-1", "more-0", "infrastructure-orders"]
    assert ask(rival, "/api/services").json() == {"services": [], "next": None}
    assert len(ask(None, "/api/services").json()["services"]) == len(found)


def test_a_retired_service_can_be_retired_again_and_published_again(ask: Any, shop: str) -> None:
    retired = ask(shop, SERVICE, "DELETE")
    assert (retired.status_code, retired.headers["etag"]) == (200, '"2"')
    assert retired.json()["retiredAt"] is not None
    assert ask(shop, SERVICE, "DELETE").json() == retired.json()
    line = audit(ask, shop)[0]
    assert (line["action"], line["before"], line["after"]) == (
        "service.retire",
        {"retired": False},
        {"retired": True},
    )
    back = ask(shop, SERVICE, "PATCH", {"retired": False}).json()
    assert (back["retiredAt"], back["version"]) == (None, 3)
    assert audit(ask, shop)[0]["action"] == "service.change"


def test_a_service_is_not_published_again_from_a_workflow_that_is_whitelisted_no_more(
    zekt: Zekt, ask: Any, shop: str
) -> None:
    ask(shop, SERVICE, "DELETE")
    zekt.sql("UPDATE workflows SET whitelisted = false WHERE repository_id = 1001")
    assert ask(shop, SERVICE, "PATCH", {"retired": False}).json()["code"] == "conflict"
    assert ask(shop, SERVICE, "PATCH", {"alias": "Still mine"}).status_code == 200


def test_a_setup_file_says_the_same_and_the_same_file_again_changes_nothing(zekt: Zekt, ask: Any, shop: str) -> None:
    wanted = three()
    service = wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]
    service |= {"description": "All of them.", "tags": ["shop"], "visibility": "public", "retired": True}
    setup.apply(zekt.database_url, wanted)
    found = ask(shop, SERVICE).json()
    assert found.items() >= {"description": "All of them.", "tags": ["shop"], "visibility": "public"}.items()
    assert (found["version"], found["retiredAt"] is not None) == (2, True)
    lines = audit(ask)
    setup.apply(zekt.database_url, wanted)
    assert (ask(shop, SERVICE).json(), audit(ask)) == (found, lines)
    del service["retired"]
    setup.apply(zekt.database_url, wanted)
    assert ask(shop, SERVICE).json() == {**found, "retiredAt": None, "version": 3}
