"""Subscriptions: the consumer's side asks, the provider's approves or denies, either revokes, and nobody else may."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from market.town import SERVICE, three
from zekt_testing import setup
from zekt_testing.broker import Zekt

PATH = "/api/subscriptions"
WANTED = {"service": "infrastructure-orders", "consumer": "rival-team/tools"}
VERBS = ("approve", "deny", "revoke")


def audit(ask: Any, token: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(token, "/api/audit?limit=500").json()["audit"]
    return found


def test_a_request_is_shown_to_both_sides_with_its_note(ask: Any, shop: str, rival: str, requested: str) -> None:
    mine, theirs = ask(rival, requested).json(), ask(shop, requested).json()
    assert (
        mine.items()
        >= {
            "service": "infrastructure-orders",
            "serviceAlias": "Orders",
            "status": "requested",
            "provider": "shop-team",
            "repository": None,
            "repositoryId": None,
            "consumer": "rival-team/tools",
            "consumerAccount": "rival-team",
            "note": "We build what you order.",
            "durable": False,
            "conclusions": None,
            "confirmTimeout": None,
            "decidedBy": None,
            "sides": ["consumer"],
            "version": 1,
        }.items()
    )
    assert mine["requestedBy"].startswith("token:ci#")
    own = {"repository": "shop-team/orders", "repositoryId": 1001}
    assert theirs == {**mine, **own, "sides": ["provider"], "requestedBy": None}
    assert audit(ask, rival)[0]["action"] == "subscription.request"
    line = audit(ask, shop)[0]
    assert (line["action"], line["actor"], line["account"]) == ("subscription.request", "the other side", None)
    assert line["after"] == {"status": "requested", "note": "We build what you order."}


def test_a_request_may_have_its_settings_at_once(ask: Any, rival: str) -> None:
    said = {
        "durable": True,
        "conclusions": ["success"],
        "branches": ["main"],
        "eventTypes": ["a"],
        "confirmTimeout": 60,
        "completeTimeout": 3600,
        "maxDispatches": 2,
    }
    answer = ask(rival, PATH, "POST", {**WANTED, "consumer": 3003, **said})
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert answer.json().items() >= said.items()
    assert audit(ask, rival)[0]["after"].items() >= said.items()


def test_approved_denied_and_asked_again(ask: Any, shop: str, rival: str, requested: str) -> None:
    denied = ask(shop, f"{requested}/deny", "POST", {"answer": "Tell us more."})
    assert denied.json().items() >= {"status": "denied", "answer": "Tell us more.", "decidedSide": "provider"}.items()
    assert denied.json()["decidedBy"] == "token:ci#1"
    seen = ask(rival, requested).json()
    assert (seen["answer"], seen["decidedBy"], seen["decidedSide"]) == ("Tell us more.", None, "provider")
    again = ask(rival, PATH, "POST", {**WANTED, "note": "Please.", "durable": True})
    assert again.status_code == 201
    told = {"status": "requested", "note": "Please.", "answer": "", "decidedSide": None, "durable": True, "version": 3}
    assert again.json().items() >= told.items()
    assert f"{PATH}/{again.json()['id']}" == requested
    approved = ask(shop, f"{requested}/approve", "POST")
    assert approved.json().items() >= {"status": "approved", "note": "Please.", "version": 4}.items()
    lines = [(line["action"], line["before"], line["after"]["status"]) for line in audit(ask, shop)[:4]]
    assert lines == [
        ("subscription.approve", {"status": "requested"}, "approved"),
        ("subscription.request", {"status": "denied"}, "requested"),
        ("subscription.deny", {"status": "requested"}, "denied"),
        ("subscription.request", None, "requested"),
    ]


@pytest.mark.parametrize("by", ["shop", "rival", None])
def test_either_side_revokes_and_it_is_said_which(
    ask: Any, shop: str, rival: str, requested: str, by: str | None
) -> None:
    ask(shop, f"{requested}/approve", "POST")
    token = {"shop": shop, "rival": rival, None: None}[by]
    assert ask(token, f"{requested}/revoke", "POST", {"answer": "Enough."}).json()["status"] == "revoked"
    side = {"shop": "provider", "rival": "consumer", None: "operator"}[by]
    for reader, own in ((shop, "shop"), (rival, "rival")):
        seen = ask(reader, requested).json()
        assert (seen["decidedSide"], seen["answer"]) == (side, "Enough.")
        assert (seen["decidedBy"] is None) is (by is not None and by != own)
        line = audit(ask, reader)[0]
        assert (line["action"], line["after"]["side"]) == ("subscription.revoke", side)
        assert (line["actor"] == "the other side") is (by is not None and by != own)


def test_what_its_state_does_not_allow_is_a_conflict_that_says_what_it_does(
    zekt: Zekt, ask: Any, shop: str, rival: str, requested: str
) -> None:
    possible = {
        "requested": "`approve` or `deny` or `revoke`",
        "approved": "`revoke`",
        "denied": "`request`",
        "revoked": "`request`",
    }
    for status, verbs in possible.items():
        zekt.sql("UPDATE subscriptions SET status = %s WHERE repository_id = 3003", status)
        before = ask(shop, requested).json(), audit(ask)
        for verb in VERBS:
            if f"`{verb}`" not in verbs:
                answer = ask(shop, f"{requested}/{verb}", "POST")
                assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), (status, verb)
                assert answer.json()["detail"].endswith(
                    f"The subscription is {status}, where `{verb}` is not possible. Possible is {verbs}."
                )
        if "`request`" not in verbs:
            answer = ask(rival, PATH, "POST", WANTED)
            assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), status
        assert (ask(shop, requested).json(), audit(ask)) == before


def test_of_many_who_decide_at_once_exactly_one_does(ask: Any, shop: str, requested: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, shop, f"{requested}/{verb}", "POST") for verb in ("approve", "deny") * 4]
        codes = [future.result().status_code for future in asked]
    assert sorted(codes) == [200] + [409] * 7
    found = ask(shop, requested).json()
    assert (found["version"], found["status"]) in ((2, "approved"), (2, "denied"))
    decided = [line for line in audit(ask) if line["action"] in ("subscription.approve", "subscription.deny")]
    assert [line["after"]["status"] for line in decided] == [found["status"]]


def test_a_decision_that_rests_on_an_old_version_is_refused(ask: Any, shop: str, rival: str, requested: str) -> None:
    seen = {"If-Match": ask(shop, requested).headers["etag"]}
    assert ask(rival, requested, "PATCH", {"durable": True}, **seen).status_code == 200
    for path, method in ((f"{requested}/approve", "POST"), (f"{requested}/deny", "POST")):
        assert ask(shop, path, method, **seen).json()["code"] == "version_stale"
    assert ask(rival, requested, "PATCH", {"durable": False}, **seen).json()["code"] == "version_stale"
    assert ask(shop, requested).json()["status"] == "requested"


def test_each_verb_is_one_side_s_and_nobody_else_s(ask: Any, make: Any, shop: str, infra: str, requested: str) -> None:
    readers = [make("shop-team", scope="read"), make("rival-team", scope="read")]
    rival = make("rival-team")
    before = ask(None, requested).json()
    nowhere = ask(infra, f"{PATH}/999999").content
    refused = [(infra, verb) for verb in (*VERBS, "")]
    refused += [(reader, verb) for reader in readers for verb in (*VERBS, "")]
    refused += [(rival, "approve"), (rival, "deny"), (shop, "")]
    for token, verb in refused:
        answer = (
            ask(token, f"{requested}/{verb}", "POST") if verb else ask(token, requested, "PATCH", {"durable": True})
        )
        assert (answer.status_code, answer.content) == (403, nowhere), verb
    for token in (infra, shop, *readers):
        assert ask(token, PATH, "POST", WANTED).content == nowhere
    assert ask(infra, requested).content == nowhere
    assert [ask(reader, requested).status_code for reader in readers] == [200, 200]
    assert ask(None, requested).json() == before


def test_the_consumer_changes_what_it_takes_and_sets_it_back(ask: Any, rival: str, requested: str) -> None:
    before = ask(rival, requested).json()
    answer = ask(rival, requested, "PATCH", {"branches": ["main"], "confirmTimeout": 90, "durable": True})
    assert answer.json() == {**before, "branches": ["main"], "confirmTimeout": 90, "durable": True, "version": 2}
    line = audit(ask, rival)[0]
    assert (line["action"], line["before"]) == (
        "subscription.change",
        {"branches": None, "confirmTimeout": None, "durable": False},
    )
    lines = audit(ask)
    assert ask(rival, requested, "PATCH", {"branches": ["main"]}).json() == answer.json()
    assert audit(ask) == lines
    back = ask(rival, requested, "PATCH", {"branches": None, "confirmTimeout": None, "durable": False}).json()
    assert back == {**before, "version": 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"conclusions": []},
        {"conclusions": ["won"]},
        {"branches": ["a b"]},
        {"eventTypes": ["x"] * 51},
        {"confirmTimeout": 59},
        {"branches": ["x" * 250] * 9},
        {"eventTypes": ["x" * 100] * 21},
        {"confirmTimeout": 3_024_001},
        {"maxDispatches": 11},
        {"durable": None},
        {"status": "approved"},
        {"answer": "yes"},
        {"note": "x" * 1001},
    ],
)
def test_what_a_subscription_cannot_be_is_refused(ask: Any, rival: str, requested: str, wrong: dict[str, Any]) -> None:
    assert ask(rival, requested, "PATCH", wrong).json()["code"] == "body_invalid"
    assert ask(rival, PATH, "POST", {**WANTED, **wrong}).json()["code"] == "body_invalid"
    assert ask(rival, requested).json()["version"] == 1


def test_who_does_not_consume_is_told_what_makes_a_consumer(zekt: Zekt, ask: Any, shop: str, rival: str) -> None:
    wanted = {**WANTED, "consumer": "shop-team/orders"}
    assert "shop-team is no consumer yet" in ask(shop, PATH, "POST", wanted).json()["detail"]
    zekt.sql("UPDATE repositories SET consumer = false WHERE id = 3003")
    answer = ask(rival, PATH, "POST", WANTED)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "rival-team/tools is not enabled as a consumer" in answer.json()["detail"]


def test_a_retired_service_takes_no_requests_and_no_approval(ask: Any, shop: str, rival: str, requested: str) -> None:
    ask(shop, SERVICE, "DELETE")
    for answer in (ask(shop, f"{requested}/approve", "POST"), ask(rival, PATH, "POST", WANTED)):
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "The service infrastructure-orders is retired" in answer.json()["detail"]
    assert ask(rival, requested).json()["serviceRetired"] is True
    assert ask(shop, f"{requested}/deny", "POST").status_code == 200


def test_a_service_for_the_organisation_is_not_there_for_others(ask: Any, shop: str, rival: str) -> None:
    ask(shop, SERVICE, "PATCH", {"visibility": "organization"})
    nowhere = ask(rival, PATH, "POST", {**WANTED, "service": "nothing-here"})
    answer = ask(rival, PATH, "POST", WANTED)
    assert (answer.status_code, answer.content) == (403, nowhere.content)


@pytest.mark.usefixtures("requested")
def test_each_account_lists_what_it_provides_and_what_it_consumes(ask: Any, make: Any) -> None:
    shop, infra, rival = (make(name, scope="read") for name in ("shop-team", "infra-team", "rival-team"))

    def listed(token: str | None, query: str = "") -> list[str]:
        found = ask(token, f"{PATH}?limit=500{query}").json()["subscriptions"]
        return [subscription["consumer"] for subscription in found]

    assert listed(shop) == listed(shop, "&side=provider") == listed(None) == ["rival-team/tools", "infra-team/platform"]
    assert listed(shop, "&side=consumer") == listed(rival, "&side=provider") == []
    assert listed(rival) == listed(rival, "&side=consumer") == ["rival-team/tools"]
    assert listed(infra) == ["infra-team/platform"]
    assert listed(shop, "&status=approved") == ["infra-team/platform"]
    assert ask(shop, f"{PATH}?side=both").json()["code"] == "body_invalid"
    first = ask(shop, f"{PATH}?limit=1").json()
    second = ask(shop, f"{PATH}?limit=1&before={first['next']}").json()
    assert [page["subscriptions"][0]["consumer"] for page in (first, second)] == listed(shop)
    assert second["next"] is None


def test_a_setup_file_says_the_same_and_the_same_file_again_changes_nothing(zekt: Zekt, ask: Any, infra: str) -> None:
    wanted = three()
    wanted["subscriptions"][0] |= {"status": "denied", "note": "From the file."}
    setup.apply(zekt.database_url, wanted)
    (found,) = ask(infra, PATH).json()["subscriptions"]
    told = {"status": "denied", "note": "From the file.", "decidedSide": "operator", "decidedBy": "operator"}
    assert found.items() >= {**told, "version": 2}.items()
    lines = audit(ask)
    assert (lines[0]["before"], lines[0]["after"]) == (
        {"note": "", "status": "approved"},
        {"note": "From the file.", "status": "denied"},
    )
    setup.apply(zekt.database_url, wanted)
    assert (ask(infra, PATH).json()["subscriptions"], audit(ask)) == ([found], lines)


def test_who_decided_on_one_side_is_not_told_to_the_other_by_a_setup_file_either(
    zekt: Zekt, ask: Any, shop: str, infra: str
) -> None:
    (found,) = ask(infra, PATH).json()["subscriptions"]
    ask(shop, f"{PATH}/{found['id']}/revoke", "POST")
    zekt.sql("UPDATE subscriptions SET decided_by = 'person:shop-alice'")
    setup.apply(zekt.database_url, three())
    assert "shop-alice" not in ask(infra, "/api/audit?limit=500").text + ask(infra, PATH).text
