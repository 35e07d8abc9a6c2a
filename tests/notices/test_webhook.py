"""A failed delivery is told its owners by a webhook that anybody's library of Standard Webhooks verifies."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from zekt_testing.broker import Zekt


def test_the_document_s_example_is_signed_as_the_library_signs_it(root: Path) -> None:
    page = (root / "docs/notices.md").read_text("utf-8")
    head, _, body = page.partition("```http\n")[2].partition("\n```")[0].partition("\n\n")
    headers = dict(line.split(": ") for line in head.splitlines()[1:])
    secret = re.search("`(whsec_[A-Za-z0-9+/=]+)`", page)
    assert secret is not None
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert Webhook(secret[1]).sign(headers["webhook-id"], at, body) == headers["webhook-signature"]
    assert json.loads(body)["type"] == "delivery.failed"


@pytest.fixture
def told(receiver: Any, choose: Any, rotate: Any, fail: Any) -> dict[str, Any]:
    """What the consumer is told of a failure, and how: verified, parsed."""
    choose("infra-team", url=receiver.url)
    secret = rotate("infra-team")
    (delivery_id,) = fail()
    (letter,) = receiver.wait()
    notice = Webhook(secret).verify(letter.body, letter.headers)
    return {"letter": letter, "secret": secret, "delivery": delivery_id, "notice": notice}


def test_an_independent_library_verifies_it_and_nothing_that_was_changed(told: dict[str, Any]) -> None:
    letter, webhook = told["letter"], Webhook(told["secret"])
    assert letter.path == "/hooks/zekt?key=of-theirs"
    for changed in ({**letter.headers, "webhook-id": "notice-another"}, {**letter.headers, "webhook-timestamp": "1"}):
        with pytest.raises(WebhookVerificationError):
            webhook.verify(letter.body, changed)
    with pytest.raises(WebhookVerificationError):
        webhook.verify(letter.body + b" ", letter.headers)


def test_it_tells_which_delivery_why_and_what_to_do_and_nothing_of_the_message(told: dict[str, Any]) -> None:
    notice = told["notice"]
    data = notice["data"]
    assert (notice["type"], data["account"], data["side"]) == ("delivery.failed", "infra-team", "consumer")
    assert data["connection"] == {
        "id": 1,
        "service": "infrastructure-orders",
        "alias": "Orders",
        "provider": "shop-team/orders",
        "consumer": "infra-team/platform",
        "health": "critical",
    }
    assert data["delivery"]["id"] == told["delivery"]
    assert data["delivery"]["url"].endswith(f"/api/deliveries/{told['delivery']}")
    assert (data["delivery"]["failure"], data["delivery"]["eventType"]) == ("not_found", "infrastructure-order")
    assert "The Zekt app does not see this repository" in data["delivery"]["advice"]
    assert b"of the message" not in told["letter"].body


def test_what_was_told_and_how_it_was_answered_is_shown(told: dict[str, Any], notices: Any, zekt: Zekt) -> None:
    zekt.until_sql("SELECT 1 FROM notices WHERE status = 'sent'")
    (notice,) = notices()
    assert notice["id"] == told["letter"].headers["webhook-id"]
    assert (notice["account"], notice["channel"], notice["kind"]) == ("infra-team", "webhook", "delivery.failed")
    assert (notice["status"], notice["tries"], notice["times"], notice["answer"]) == ("sent", 1, 1, "HTTP 204")
    assert (notice["service"], notice["consumer"]) == ("infrastructure-orders", "infra-team/platform")


def test_both_sides_are_told_each_where_it_chose_to_be_and_with_its_own_secret(
    receivers: Any, choose: Any, rotate: Any, fail: Any
) -> None:
    sides = {"shop-team": receivers(), "infra-team": receivers()}
    secrets = {}
    for account, receiver in sides.items():
        choose(account, url=receiver.url)
        secrets[account] = rotate(account)
    fail()
    for account, receiver in sides.items():
        (letter,) = receiver.wait()
        notice = Webhook(secrets[account]).verify(letter.body, letter.headers)
        assert notice["data"]["account"] == account
        other = next(secret for name, secret in secrets.items() if name != account)
        with pytest.raises(WebhookVerificationError):
            Webhook(other).verify(letter.body, letter.headers)


def test_a_consumer_learns_nothing_of_a_provider_who_hides(
    start: Callable[..., Zekt], directory: Any, receivers: Any
) -> None:
    wanted = directory(durable=False)
    wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]["hide-provider"] = True
    hidden = start(wanted=wanted)
    theirs, own = receivers(), receivers()
    for account, receiver in (("infra-team", theirs), ("shop-team", own)):
        hidden.sql(
            "INSERT INTO notice_settings (account_id, url) SELECT id, %s FROM accounts WHERE login = %s",
            receiver.url,
            account,
        )
    hidden.github.faults.add(where="dispatch", kind="status", status=404)
    run = hidden.start_run()
    hidden.send(run)
    hidden.github.finish_run(run)
    (letter,), (mine,) = theirs.wait(), own.wait()
    assert json.loads(letter.body)["data"]["connection"]["provider"] is None
    assert b"shop-team" not in letter.body
    assert json.loads(mine.body)["data"]["connection"]["provider"] == "shop-team/orders"


def test_whoever_chose_nothing_is_told_nothing_and_nothing_is_kept(fail: Any, zekt: Zekt, notices: Any) -> None:
    fail(2)
    assert zekt.sql("SELECT count(*) FROM failures") == [(0,)]
    assert notices() == []


def test_after_a_rotation_the_secret_before_signs_too_for_a_day(
    receiver: Any, choose: Any, rotate: Any, zekt: Zekt, ask: Any
) -> None:
    choose("infra-team", url=receiver.url)
    first, second = rotate("infra-team"), rotate("infra-team")
    ask("POST", "/api/accounts/infra-team/notices/test")
    (letter,) = receiver.wait()
    for secret in (first, second):
        assert Webhook(secret).verify(letter.body, letter.headers)
    zekt.sql("UPDATE notice_settings SET rotated_at = now() - interval '25 hours', tested_at = '-infinity'")
    assert ask("POST", "/api/accounts/infra-team/notices/test").json()["delivered"]
    late = receiver.wait(2)[1]
    assert Webhook(second).verify(late.body, late.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(late.body, late.headers)
