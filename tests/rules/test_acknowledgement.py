import pytest

from zekt_backend.rules.acknowledgement import Standing, on_complete, on_confirm
from zekt_backend.rules.lifecycle import Fact, Status


def standing(status: str, run: int | None = None, *, durable: bool = True) -> Standing:
    return Standing(Status(status), durable, run)


@pytest.mark.parametrize("status", ["dispatched", "pending"])
def test_the_first_confirmation_counts(status: str) -> None:
    assert on_confirm(standing(status), 7).facts == (Fact.CONFIRMED,)


def test_the_same_run_may_confirm_again_and_is_no_duplicate() -> None:
    ruling = on_confirm(standing("confirmed", 7), 7)
    assert (ruling.facts, ruling.duplicate) == ((), False)


@pytest.mark.parametrize("status", ["confirmed", "completed", "failed"])
def test_another_run_is_told_that_it_is_a_duplicate(status: str) -> None:
    ruling = on_confirm(standing(status, 7), 8)
    assert (ruling.facts, ruling.duplicate) == ((), True)
    assert "skip the work" in ruling.message


def test_a_confirmation_after_the_end_changes_nothing() -> None:
    assert on_confirm(standing("failed"), 7).facts == ()


@pytest.mark.parametrize(("success", "fact"), [(True, Fact.COMPLETED), (False, Fact.RUN_FAILED)])
def test_a_confirmed_delivery_ends_as_its_run_did(success: bool, fact: Fact) -> None:
    assert on_complete(standing("confirmed", 7), 7, success=success).facts == (fact,)


@pytest.mark.parametrize("status", ["pending", "dispatched"])
def test_completing_before_confirming_counts_as_both(status: str) -> None:
    assert on_complete(standing(status), 7, success=True).facts == (Fact.CONFIRMED, Fact.COMPLETED)


def test_a_duplicate_run_cannot_end_the_delivery_of_the_run_that_works() -> None:
    ruling = on_complete(standing("confirmed", 7), 8, success=False)
    assert (ruling.facts, ruling.duplicate) == ((), True)


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_completing_after_the_end_changes_nothing_and_says_so(status: str) -> None:
    ruling = on_complete(standing(status, 7), 7, success=True)
    assert ruling.facts == ()
    assert f"ended as {status}" in ruling.message


def test_fire_and_forget_is_not_tracked_and_the_caller_is_told() -> None:
    for ruling in (
        on_confirm(standing("dispatched", durable=False), 7),
        on_complete(standing("dispatched", durable=False), 7, success=True),
    ):
        assert ruling.facts == ()
        assert "fire-and-forget" in ruling.message
