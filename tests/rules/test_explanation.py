"""What a consumer may see of a decision about somebody else's run."""

from typing import Any

from zekt_backend.rules.explanation import for_consumer


def rule(name: str, detail: str, *, passed: bool = True) -> dict[str, Any]:
    return {"name": name, "passed": passed, "detail": detail}


def consumer(subscription: int, *rules: dict[str, Any], deliveries: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {
        "subscription": subscription,
        "service": "orders",
        "consumer": f"consumer-{subscription}",
        "rules": list(rules),
        "messages": [],
        "deliveries": list(deliveries),
        "answer": "Nothing was sent. secret/provider is switched off.",
    }


WHOLE: dict[str, Any] = {
    "repository": "secret/provider",
    "event": {"guid": "g", "receivedAt": "t", "headBranch": "secret-branch", "conclusion": "failure"},
    "messages": [{"eventId": "secret-message"}],
    "summary": ["secret/provider is switched off."],
    "decisions": [
        {
            "outcome": "delivered",
            "eventId": "secret-late-message",
            "provider": [rule("repository", "secret/provider is switched off.", passed=False)],
            "consumers": [
                consumer(
                    1,
                    rule("approved", "Asked.", passed=False),
                    rule("conclusion", "secret-end", passed=False),
                ),
                consumer(2, rule("approved", "It is approved."), rule("conclusion", "Ended badly.", passed=False)),
                consumer(3, rule("approved", "secret-neighbour")),
            ],
        }
    ],
}


def test_a_consumer_sees_its_own_subscriptions_and_nothing_that_names_the_other_side() -> None:
    seen = for_consumer(WHOLE, {1: False, 2: False})
    assert "secret" not in str(seen)
    (decision,) = seen["decisions"]
    # That somebody else got it is none of its business.
    assert decision["outcome"] == "blocked"
    assert [(r["name"], r["passed"]) for r in decision["provider"]] == [("repository", False)]
    requested, approved = decision["consumers"]
    assert [r["name"] for r in requested["rules"]] == ["approved"]
    assert requested["answer"] == "Nothing was sent. Asked."
    assert approved["answer"] == "Nothing was sent. Ended badly."


def test_what_was_delivered_to_it_stays_told() -> None:
    told = {**consumer(4, deliveries=({"deliveryId": "d"},)), "answer": "Run 1 completed it."}
    got = {**WHOLE, "decisions": [{**WHOLE["decisions"][0], "consumers": [told]}]}
    (own,) = for_consumer(got, {4: False})["decisions"][0]["consumers"]
    assert own["answer"] == "Run 1 completed it."


def test_the_rules_of_a_hidden_provider_say_only_whether_they_passed() -> None:
    spoken = {**consumer(5, rule("branch", "secret-branch", passed=False)), "messages": [{"eventId": "secret-message"}]}
    got = {**WHOLE, "decisions": [{**WHOLE["decisions"][0], "consumers": [spoken]}]}
    seen = for_consumer(got, {5: True})
    assert "secret" not in str(seen)
    (own,) = seen["decisions"][0]["consumers"]
    assert [(r["name"], r["passed"]) for r in own["rules"]] == [("branch", False)]
    assert own["answer"] == "Nothing was sent."


def test_a_decision_in_which_it_has_no_part_is_not_shown() -> None:
    assert for_consumer(WHOLE, {6: False})["decisions"] == []
