"""The directory: everybody finds what is published to them, nobody what is not, nor whose it is where that hides."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st

from market.town import SERVICE, three
from zekt_backend.flows.reread_installations import AGE
from zekt_testing import setup
from zekt_testing.broker import ADMIN_TOKEN, ORDER, Zekt
from zekt_testing.canaries import mentions
from zekt_testing.fuzzing import steadily
from zekt_testing.reconciling import round_of

PATH = "/api/directory"


def find(zekt: Zekt, token: str | None = None, **query: Any) -> list[str]:
    """The slugs that a search finds."""
    headers = {"Authorization": f"Bearer {token or ADMIN_TOKEN}"}
    answer = requests.get(zekt.url + PATH, params=query, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return [entry["slug"] for entry in answer.json()["directory"]]


@pytest.fixture
def publish(ask: Any) -> Callable[..., None]:
    def made(slug: str, **said: Any) -> None:
        wanted = {"repository": "shop-team/orders", "workflow": ORDER, "slug": slug, "eventType": "x"}
        answer = ask(None, "/api/services", "POST", {**wanted, "visibility": "public", **said})
        assert answer.status_code == 201, answer.text

    return made


def test_an_entry_tells_what_a_consumer_needs(ask: Any, publish: Any, rival: str) -> None:
    publish("web-servers", alias="Web", description="Ordered by form.", tags=["web"], eventType="order")
    (entry,) = ask(rival, PATH).json()["directory"]
    assert entry == {
        "slug": "web-servers",
        "alias": "Web",
        "description": "Ordered by form.",
        "tags": ["web"],
        "eventType": "order",
        "provider": "shop-team",
        "badge": "organization",
        "messages": True,
        "schemaVersion": None,
        "subscriptions": [],
    }
    whole = ask(rival, f"{PATH}/web-servers").json()
    example = whole.pop("example")
    assert whole == {**entry, "schema": None}
    assert (example["event_type"], example["client_payload"]["zekt"]["provider"]["repository"]) == (
        "order",
        "shop-team/repository",
    )


def test_who_finds_a_service_reads_its_schema_and_an_example_without_a_hidden_provider(
    ask: Any, publish: Any, rival: str
) -> None:
    publish("web-servers", hideProvider=True, metadataOnly=True)
    schema = {"type": "object", "title": "Order"}
    assert ask(None, "/api/services/web-servers/schema", "PUT", schema).status_code == 200
    answer = ask(rival, f"{PATH}/web-servers")
    told = answer.json()
    sent = told["example"]["client_payload"]["zekt"]
    assert (told["schemaVersion"], told["schema"]) == (1, schema)
    assert (sent["provider"], sent["payload"], sent["service"]["slug"]) == (None, None, "web-servers")
    assert "shop-team" not in answer.text


@pytest.mark.parametrize(("verified", "badge"), [(True, "verified-organization"), (False, "organization")])
def test_the_badge_is_what_github_says_of_the_account(
    zekt: Zekt, ask: Any, publish: Any, verified: bool, badge: str
) -> None:
    publish("web-servers")
    zekt.github.set_installation("shop-team/orders", verified=verified)
    round_of(zekt, later=2 * AGE)
    assert ask(None, f"{PATH}/web-servers").json()["badge"] == badge


@pytest.mark.parametrize("verified", [True, False])
def test_a_user_s_badge_never_says_verified(zekt: Zekt, ask: Any, publish: Any, verified: bool) -> None:
    publish("web-servers")
    zekt.sql("UPDATE accounts SET kind = 'user', verified = %s WHERE login = 'shop-team'", verified)
    assert ask(None, f"{PATH}/web-servers").json()["badge"] == "user"


def test_who_finds_a_service_is_as_its_visibility_says(
    zekt: Zekt, ask: Any, make: Any, publish: Any, rival: str
) -> None:
    for visibility in ("public", "organization", "unlisted"):
        publish(f"is-{visibility}", visibility=visibility)
    publish("is-retired")
    ask(None, "/api/services/is-retired", "DELETE")
    found = {
        "rival": (rival, ["is-public"], ["is-public", "is-unlisted"]),
        "shop": (
            make("shop-team", scope="read"),
            ["is-organization", "is-public"],
            ["is-organization", "is-public", "is-unlisted"],
        ),
        "operator": (
            None,
            ["is-organization", "is-public"],
            ["is-organization", "is-public", "is-unlisted"],
        ),
    }
    slugs = [f"is-{kind}" for kind in ("organization", "public", "retired", "unlisted")]
    for token, searched, named in found.values():
        assert sorted(find(zekt, token)) == sorted(find(zekt, token, q="is-")) == searched
        answers = {slug: ask(token, f"{PATH}/{slug}") for slug in slugs}
        assert [slug for slug, answer in answers.items() if answer.ok] == named
        nowhere = ask(token, f"{PATH}/nothing-here").content
        assert {answer.content for answer in answers.values() if not answer.ok} == {nowhere}


def test_who_is_not_signed_in_finds_nothing(zekt: Zekt, publish: Any) -> None:
    publish("web-servers")
    for path in (PATH, f"{PATH}/web-servers"):
        assert requests.get(zekt.url + path, timeout=30).status_code == 401


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["other", "web-servers"]),
        ({"q": " "}, ["other", "web-servers"]),
        ({"q": "WEB"}, ["web-servers"]),
        ({"q": "serv"}, ["web-servers"]),
        ({"q": "form"}, ["web-servers"]),
        ({"q": '"ordered by"'}, ["web-servers"]),
        ({"q": '"by ordered"'}, []),
        ({"q": "form or thing"}, ["other", "web-servers"]),
        ({"q": "some or form -thing"}, ["other", "web-servers"]),
        ({"q": "ordered -linux"}, []),
        ({"q": "ordered -thing"}, ["web-servers"]),
        ({"q": "-thing"}, []),
        ({"q": "Müll"}, ["other"]),
        ({"q": "linux"}, ["web-servers"]),
        ({"q": "shop-team"}, []),
        ({"q": "%"}, []),
        ({"q": "_"}, []),
        ({"q": "w_b"}, []),
        ({"tag": "linux"}, ["web-servers"]),
        ({"tag": "lin"}, []),
        ({"tag": "linux", "q": "thing"}, []),
    ],
)
def test_text_and_tags_find_what_they_should(
    zekt: Zekt, publish: Any, rival: str, query: dict[str, str], found: list[str]
) -> None:
    publish("web-servers", alias="Servers", description="Ordered by form.", tags=["linux", "vm"])
    publish("other", alias="Some thing", description="müll")
    assert find(zekt, rival, **query) == found


def test_no_text_finds_what_must_not_be_found_or_breaks_the_search(
    zekt: Zekt, ask: Any, publish: Any, rival: str
) -> None:
    publish("is-public", description="a & b | !c <-> d:* 'quoted' \\ (x)")
    publish("is-unlisted", visibility="unlisted", description="secret")
    publish("is-organization", visibility="organization", description="secret")
    publish("is-retired", description="secret")
    ask(None, "/api/services/is-retired", "DELETE")
    oddities = st.text(alphabet="%_\\'\"&|!<->():*,- \t\x7f\u202e\ud7ffaisœ", max_size=30)

    @settings(steadily, max_examples=150)
    @given(st.one_of(oddities, st.text(max_size=60)), st.one_of(st.none(), st.text(max_size=10)))
    @example("is-unlisted or is-retired or is-organization", None)
    @example("-nothing", None)
    @example("') OR true --", None)
    @example("\x00", None)
    def ask_for(text: str, tag: str | None) -> None:
        answer = requests.get(
            zekt.url + PATH,
            params={"q": text, **({} if tag is None else {"tag": tag})},
            headers={"Authorization": f"Bearer {rival}"},
            timeout=30,
        )
        if "\x00" in text + (tag or ""):
            assert answer.json()["code"] == "body_invalid"
            return
        assert answer.status_code == 200, answer.text
        slugs = [entry["slug"] for entry in answer.json()["directory"]]
        assert slugs in ([], ["is-public"])
        if tag is None and (not text.strip() or text.strip().lower() in "is-public"):
            assert slugs == ["is-public"]

    ask_for()


def test_every_service_is_on_one_page_while_others_are_added(ask: Any, publish: Any, rival: str) -> None:
    for number in range(5):
        publish(f"old-{number}")
    pages, following = [], ""
    while True:
        page = ask(rival, f"{PATH}?limit=2{following}").json()
        pages.append([entry["slug"] for entry in page["directory"]])
        publish(f"new-{len(pages)}")
        if page["next"] is None:
            break
        following = f"&before={page['next']}"
    assert pages == [["old-4", "old-3"], ["old-2", "old-1"], ["old-0"]]


def test_an_entry_has_the_caller_s_own_subscriptions_and_nobody_else_s(ask: Any, rival: str, infra: str) -> None:
    ask(None, SERVICE, "PATCH", {"visibility": "public"})
    wanted = {"service": "infrastructure-orders", "consumer": "rival-team/tools"}
    made = ask(rival, "/api/subscriptions", "POST", wanted).json()
    own = {"id": made["id"], "consumer": "rival-team/tools", "status": "requested"}
    assert ask(rival, PATH).json()["directory"][0]["subscriptions"] == [own]
    (other,) = ask(infra, PATH).json()["directory"][0]["subscriptions"]
    assert (other["consumer"], other["status"]) == ("infra-team/platform", "approved")
    assert ask(None, PATH).json()["directory"][0]["subscriptions"] == []


def test_a_hidden_provider_is_nowhere_in_what_a_consumer_can_read(
    zekt: Zekt, ask: Any, shop: str, infra: str, rival: str
) -> None:
    """Every endpoint, every byte, while everything happens that can."""
    wanted = three()
    wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"] |= {
        "hide-provider": True,
        "visibility": "public",
    }
    setup.apply(zekt.database_url, wanted)
    (theirs,) = ask(infra, "/api/subscriptions").json()["subscriptions"]
    one = f"/api/subscriptions/{theirs['id']}"
    asked = {"service": "infrastructure-orders", "consumer": "rival-team/tools", "note": "Please."}
    made = ask(rival, "/api/subscriptions", "POST", asked)
    told = [made]
    for token, path in (
        (shop, f"/api/subscriptions/{made.json()['id']}/deny"),
        (rival, f"/api/subscriptions/{made.json()['id']}/approve"),
        (shop, f"{one}/revoke"),
        (infra, f"{one}/approve"),
    ):
        answer = ask(token, path, "POST", {"answer": "So it is."})
        told += [] if token == shop else [answer]
    told.append(ask(infra, "/api/subscriptions", "POST", {**asked, "consumer": "infra-team/platform"}))
    told.append(ask(infra, "/api/subscriptions", "POST", {**asked, "consumer": "infra-team/platform"}))
    ask(shop, f"{one}/approve", "POST")
    ask(shop, SERVICE, "DELETE")
    told.append(ask(infra, f"{one}/revoke", "POST"))
    told.append(ask(infra, "/api/subscriptions", "POST", {**asked, "consumer": "infra-team/platform"}))
    ask(shop, SERVICE, "PATCH", {"retired": False})
    for token in (infra, rival):
        for path in (PATH, f"{PATH}?q=shop", f"{PATH}/infrastructure-orders", SERVICE, one, "/api/subscriptions"):
            told.append(ask(token, path))
        told += [ask(token, "/api/audit?limit=500"), ask(token, "/api/services", "POST", {**NEW})]
    assert len([answer for answer in told if answer.ok]) > len(told) / 2
    for secret in ("shop-team", "orders/", "1001"):
        assert not [answer.url for answer in told if mentions(f"{answer.headers}{answer.text}", secret)], secret
    # Else everything above might hold because nobody is told anything.
    assert "shop-team" in ask(shop, one).text


NEW = {"repository": "rival-team/tools", "workflow": ".github/workflows/x.yml", "slug": "x", "eventType": "x"}


def test_the_command_searches(zekt_command: Any, publish: Any, ask: Any) -> None:
    publish("web-servers", tags=["web"], hideProvider=True)
    publish("own", visibility="organization")
    assert "web-servers" in zekt_command("directory", "search", "web").stdout
    assert "shop-team" not in zekt_command("directory", "search", "web").stdout
    found = json_of(zekt_command("directory", "search", "--tag", "web", "--account", "rival-team", "--json"))
    assert found == [entry for entry in ask(None, PATH).json()["directory"] if entry["slug"] == "web-servers"]
    assert [entry["slug"] for entry in json_of(zekt_command("directory", "search", "--json"))] == ["own", "web-servers"]
    rival = json_of(zekt_command("directory", "search", "--account", "rival-team", "--json"))
    assert [entry["slug"] for entry in rival] == ["web-servers"]


def json_of(result: Any) -> Any:
    return json.loads(result.stdout)
