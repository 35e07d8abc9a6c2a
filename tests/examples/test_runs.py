"""Each example does what its README says: act runs both sides, and what went between them is looked at on the wire."""

import hashlib
import json
from typing import Any

import pytest

from zekt_sandbox.local.attempt import Attempt
from zekt_testing.local import Laptop

pytestmark = [pytest.mark.act, pytest.mark.docker, pytest.mark.long]

Started = dict[str, int]
CLEAN = "the scan that finds nothing"
NAME = 'Chair "$(touch pwned)"; `id` ${{ github.token }}\n::error::not an error\\'
"""A product's name as somebody writes it who wants more than to name a product."""


@pytest.fixture(scope="module")
def started(laptop: Laptop) -> Started:
    """The run that each example begins with, by its repository: all at once, so that none waits for another's end.

    The one that is run again is the first, since it takes longest.
    """
    attempts = [
        laptop.start("web-team/site", "deploy.yml"),
        laptop.start("product-team/payments", "security-scan.yml"),
        laptop.start("shop-team/orders", "order-new-infrastructure.yml", size="large"),
        laptop.start("toolchain-makers/compiler", "build-packages.yml"),
        laptop.start("retail-group/catalogue", "publish-products.yml", name=NAME),
        laptop.start("weather-office/forecasts", "warn.yml", level="red"),
        laptop.start("vehicle-fleet/telemetry", "nightly-report.yml"),
    ]
    clean = laptop.start("product-team/payments", "security-scan.yml", dependencies="dependencies-updated.json")
    return {**{attempt.run.repository.full_name: attempt.run.id for attempt in attempts}, CLEAN: clean.run.id}


def brought(laptop: Laptop, run_id: int, consumer: str, *statuses: str) -> list[dict[str, Any]]:
    """What a run brought a consumer, oldest first, once each has the status that is wanted of it."""
    listed = laptop.zekt.deliveries(correlationId=run_id, consumer=consumer)
    assert len(listed) == len(statuses), listed
    return [laptop.zekt.until(each["deliveryId"], status) for each, status in zip(listed, statuses, strict=True)]


def test_a_failed_attempt_and_its_re_run_are_an_event_each(laptop: Laptop, started: Started) -> None:
    run_id, board, notes = started["web-team/site"], "status-board/board", "release-notes/notes"
    laptop.ended("web-team/site", "deploy.yml", "failure")
    laptop.ended(board, "show.yml", "success")
    (first,) = brought(laptop, run_id, board, "completed")
    assert first["result"] == {"attempt": 1, "light": "red"}
    assert laptop.envelopes(notes) == []

    again: Attempt = laptop.room.local.rerun(run_id)
    assert (again.run.id, again.run.attempt) == (run_id, 2)
    laptop.ended("web-team/site", "deploy.yml", "failure", "success")
    laptop.ended(board, "show.yml", "success", "success")
    laptop.ended(notes, "write-notes.yml", "success")
    shown = brought(laptop, run_id, board, "completed", "completed")
    assert [each["result"] for each in shown] == [first["result"], {"attempt": 2, "light": "green"}]
    (written,) = brought(laptop, run_id, notes, "completed")
    assert written["result"] == {"notes": "www.example.com is new, at attempt 2."}
    told = [(each["provider"]["runAttempt"], each["payload"]["outcome"]) for each in laptop.envelopes(board)]
    assert told == [(1, "failure"), (2, "success")]


def test_an_order_is_built_and_answered(laptop: Laptop, started: Started) -> None:
    shop, infra, number = "shop-team/orders", "infra-team/platform", started["shop-team/orders"]
    (order,) = laptop.ended(shop, "order-new-infrastructure.yml", "success")
    (build,) = laptop.ended(infra, "build-infrastructure.yml", "success")
    (ready,) = laptop.ended(shop, "infrastructure-ready.yml", "success")
    assert "goes to 1 consumer(s)" in laptop.room.log(order)

    (asked,) = laptop.envelopes(infra)
    assert (asked["payload"]["order"], asked["payload"]["size"]) == (str(number), "large")
    (answered,) = laptop.envelopes(shop)
    resource = f"web-northeurope-{number}"
    assert answered["payload"] == {"order": str(number), "resourceId": resource, "monthlyCost": 52.56}
    assert f"Order {number} is {resource}." in laptop.room.log(ready)

    (there,) = brought(laptop, number, infra, "completed")
    assert there["result"] == answered["payload"]
    (back,) = brought(laptop, build.run.id, shop, "completed")
    assert back["consumerRunId"] == ready.run.id
    first, second = laptop.zekt.get(f"/api/traces/{number}")["hops"]
    assert (first["consumer"], second["consumer"], second["parent"]) == (infra, shop, first["hop"])


def test_each_of_three_consumers_hears_of_the_products_that_it_wants(laptop: Laptop, started: Started) -> None:
    run_id = started["retail-group/catalogue"]
    published = laptop.ended("retail-group/catalogue", "publish-products.yml", "success")
    updated = laptop.ended("webshop-co/storefront", "update-products.yml", "success", "success")
    held = laptop.ended("warehouse-co/stock", "hold-recalled.yml", "success")
    written = laptop.ended("press-agency/newsroom", "write-news.yml", "success")
    heard = {
        name: sorted(envelope["eventType"] for envelope in laptop.envelopes(name))
        for name in ("webshop-co/storefront", "warehouse-co/stock", "press-agency/newsroom")
    }
    assert heard == {
        "webshop-co/storefront": ["product-added", "product-recalled"],
        "warehouse-co/stock": ["product-recalled"],
        "press-agency/newsroom": ["product-added"],
    }
    assert "No more TOASTER-2 leaves the house." in laptop.room.log(held[0])
    shown = brought(laptop, run_id, "webshop-co/storefront", "completed", "completed")
    assert [each["result"] for each in shown] == [{"shown": "CHAIR-7", "as": NAME}, {"hidden": "TOASTER-2"}]
    brought(laptop, run_id, "warehouse-co/stock", "completed")
    (news,) = brought(laptop, run_id, "press-agency/newsroom", "dispatched")
    assert news["durable"] is False
    for attempt in (*published, *updated, *held, *written):
        log = laptop.room.log(attempt)
        assert "uid=" not in log
        assert "not an error" not in log


def test_a_failed_scan_is_judged_by_the_audit_team_and_the_provider_proceeds(laptop: Laptop, started: Started) -> None:
    product, audit = "product-team/payments", "audit-team/decisions"
    (decided,) = laptop.ended(audit, "decide.yml", "success")
    (proceeded,) = laptop.ended(product, "proceed.yml", "success")
    (told,) = laptop.envelopes(audit)
    assert told["provider"]["conclusion"] == "failure"
    assert [finding["id"] for finding in told["payload"]["findings"]] == ["ADV-2026-0417"]

    (verdict,) = laptop.envelopes(product)
    commit = told["provider"]["headSha"]
    assert verdict["payload"] == {"repository": product, "commit": commit, "verdict": "proceed"}
    assert f"Releases {commit}." in laptop.room.log(proceeded)
    (scan,) = brought(laptop, started[product], audit, "completed")
    assert scan["result"] == verdict["payload"]
    brought(laptop, decided.run.id, product, "completed")


def test_a_scan_that_finds_nothing_is_told_to_nobody(laptop: Laptop, started: Started) -> None:
    failed, clean = laptop.ended("product-team/payments", "security-scan.yml", "failure", "success")
    assert (failed.run.id, clean.run.id) == (started["product-team/payments"], started[CLEAN])
    laptop.room.wait_for(lambda: bool(laptop.zekt.get(f"/api/events?runId={clean.run.id}")["events"]))
    why = laptop.command("explain", str(clean.run.id))
    assert "The run ended with success; wanted: failure." in " ".join(why.split())
    assert laptop.zekt.deliveries(correlationId=clean.run.id) == []


def test_a_message_of_512_kb_arrives_byte_for_byte(laptop: Laptop, started: Started) -> None:
    (sent,) = laptop.ended("vehicle-fleet/telemetry", "nightly-report.yml", "success")
    (analysed,) = laptop.ended("analytics-lab/reports", "analyse.yml", "success")
    readings = [{"vehicle": n, "km": n * 7919 % 100_000} for n in range(15_000)]
    bare = len(json.dumps({"readings": readings, "remarks": ""}))
    report = json.dumps({"readings": readings, "remarks": "." * (524_288 - bare)}).encode()
    digest = hashlib.sha256(report).hexdigest()

    (told,) = laptop.envelopes("analytics-lab/reports")
    assert (told["payload"], told["payloadSha256"], told["payloadRef"]["bytes"]) == (None, digest, 524_288)
    (delivery,) = brought(laptop, started["vehicle-fleet/telemetry"], "analytics-lab/reports", "completed")
    km = sum(reading["km"] for reading in readings)
    assert delivery["result"] == {"bytes": 524_288, "sha256": digest, "vehicles": 15_000, "km": km}
    assert (delivery["payloadBytes"], delivery["payloadSha256"]) == (524_288, digest)
    for attempt in (sent, analysed):
        assert digest in laptop.room.log(attempt)
        assert '"vehicle": 7' not in laptop.room.log(attempt)


def test_one_message_is_durable_for_one_consumer_and_not_for_the_other(laptop: Laptop, started: Started) -> None:
    run_id = started["weather-office/forecasts"]
    laptop.ended("weather-office/forecasts", "warn.yml", "success")
    (slow,) = laptop.ended("rail-operator/operations", "slow-down.yml", "success")
    (banner,) = laptop.ended("city-news/website", "show-banner.yml", "success")
    assert "Trains go at 0 km/h." in laptop.room.log(slow)
    assert "Banner: Dangerous: stay at home." in laptop.room.log(banner)

    (rail,) = brought(laptop, run_id, "rail-operator/operations", "completed")
    (news,) = brought(laptop, run_id, "city-news/website", "dispatched")
    assert rail["message"] == news["message"]
    assert (rail["result"], news["result"]) == ({"speed": 0}, None)
    assert [line["to"] for line in rail["history"]] == ["pending", "dispatched", "confirmed", "completed"]
    assert [line["to"] for line in news["history"]] == ["pending", "dispatched"]


def test_each_leg_of_a_matrix_is_a_delivery_of_its_own_queued_in_their_order(laptop: Laptop, started: Started) -> None:
    laptop.ended("toolchain-makers/compiler", "build-packages.yml", "success")
    added = laptop.ended("package-mirror/index", "add-package.yml", "success", "success", "success")
    targets = ["linux", "macos", "windows"]
    # They are queued in their order; on the way two that are due together may overtake each other.
    assert sorted(each["payload"]["target"] for each in laptop.envelopes("package-mirror/index")) == targets
    found = brought(laptop, started["toolchain-makers/compiler"], "package-mirror/index", *["completed"] * 3)
    assert [each["result"] for each in found] == [{"added": target} for target in targets]
    assert {each["consumerRunId"] for each in found} == {attempt.run.id for attempt in added}
    assert len({each["message"] for each in found}) == 3
