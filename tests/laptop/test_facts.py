"""Of a broker's log, what somebody on a laptop wants to see, and nothing else."""

import json
from typing import Any

import pytest

from zekt_backend.cli.sandbox_facts import Facts

RUN, DELIVERY = "16123456789", "delivery-1"


class Told:
    """A log that is heard, and the sentences that come of it."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.facts = Facts(self._say, lambda _: "Look at that run.")

    def _say(self, text: str, _style: str = "") -> None:
        self.sentences.append(text)

    def hear(self, event: str, **fields: Any) -> list[str]:
        before = len(self.sentences)
        self.facts.hear(json.dumps({"event": event, "level": "info", **fields}))
        return self.sentences[before:]

    def dispatched(self, attempt: int, category: str = "accepted") -> list[str]:
        return self.hear(
            "dispatch_answered", delivery_id=DELIVERY, correlation_id=RUN, consumer="infra-team/platform",
            attempt=attempt, category=category, http_status=204 if category == "accepted" else 503,
        )  # fmt: skip


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_dispatch_names_its_run_its_consumer_and_its_attempt(told: Told) -> None:
    (sentence,) = told.dispatched(1)
    assert sentence == f"dispatched: {DELIVERY} of run {RUN} to infra-team/platform, attempt 1"


def test_a_dispatch_that_nobody_confirmed_is_told_as_one_made_again(told: Told) -> None:
    told.dispatched(1)
    (sentence,) = told.dispatched(2)
    assert sentence.startswith("dispatched AGAIN, since no run confirmed it in time:")
    assert sentence.endswith("attempt 2")


def test_a_dispatch_that_github_refused_first_is_not_told_as_one_that_nobody_confirmed(told: Told) -> None:
    (refused,) = told.dispatched(1, "unavailable")
    assert refused.startswith("not dispatched (unavailable, HTTP 503)")
    (accepted,) = told.dispatched(2)
    assert "AGAIN" not in accepted


def test_a_delivery_that_failed_comes_with_its_reason(told: Told) -> None:
    ended = {"delivery_id": DELIVERY, "correlation_id": RUN}
    sentences = told.hear("delivery_ended", **ended, status="failed", failure="run_failed")
    assert sentences == [f"FAILED (run_failed): {DELIVERY} of run {RUN}", "  Look at that run."]
    assert told.hear("delivery_ended", **ended, status="completed", failure=None) == [
        f"completed: {DELIVERY} of run {RUN}"
    ]


def test_a_providers_run_that_nobody_gets_is_told_and_any_other_is_not(told: Told) -> None:
    received = {"run_id": int(RUN), "deliveries": 0, "outcome": "blocked"}
    (sentence,) = told.hear("event_received", **received, against=["conclusion"])
    assert sentence == f"nobody gets the end of run {RUN} (conclusion): `zekt explain {RUN}` says why"
    assert told.hear("event_received", **received, against=["whitelist", "service"]) == []
    assert told.hear("event_received", **{**received, "deliveries": 1}, against=["branch"]) == []


@pytest.mark.parametrize("line", ["no JSON", "[]", '"event"', "{}", '{"event": "swept", "level": "info"}'])
def test_the_rest_of_the_log_is_not_told(told: Told, line: str) -> None:
    told.facts.hear(line)
    assert told.sentences == []


def test_a_fault_of_the_brokers_own_is_told(told: Told) -> None:
    assert told.hear("request_failed", level="error", error="KeyError") == ["the broker: request_failed, KeyError"]
