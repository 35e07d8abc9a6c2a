"""Traces: what is believed of a sender's, and who shares one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_backend.rules.trace import Cause, Context, Known, begin, of_attempt, parse

T, OTHER = "ab" * 16, "12" * 16
TOLD = f"00-{T}-{'cd' * 8}-01"
CAUSE = Cause("7", "delivery-7", 2, f"00-{OTHER}-{'ef' * 8}-01")


def test_a_traceparent_is_read_and_written() -> None:
    assert parse(TOLD) == Context(T, "cd" * 8)
    assert str(parse(TOLD)) == TOLD
    # Whatever its sender's flags and version are: the operator decides what is sampled.
    assert str(parse(TOLD.replace("00-", "01-")[:-2] + "00")) == TOLD


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        [TOLD],
        "",
        TOLD + "\n",
        TOLD + "-x",
        TOLD.upper(),
        TOLD.replace("00-", "ff-"),
        f"00-{'0' * 32}-{'cd' * 8}-01",
        f"00-{T}-{'0' * 16}-01",
        TOLD.replace("a", "\u0430"),
    ],
)
def test_what_is_no_traceparent_is_none(text: object) -> None:
    assert parse(text) is None


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"))
def test_reading_one_never_raises(text: str) -> None:
    found = parse(text)
    assert found is None or parse(str(found)) == found


def test_a_message_without_anything_begins_a_trace_of_its_own() -> None:
    one, other = begin("event-1", Known(), ()), begin("event-2", Known(), (None, "nonsense"))
    assert one.parent is None
    assert one.own.trace_id != other.own.trace_id
    assert one.own.span_id != other.own.span_id


def test_its_sender_s_trace_is_taken_up() -> None:
    begun = begin("event-1", Known(), (TOLD,))
    assert (begun.own.trace_id, begun.parent) == (T, "cd" * 8)


def test_somebody_else_s_trace_is_not() -> None:
    begun = begin("event-1", Known(foreign=True), (TOLD,))
    assert begun.own.trace_id != T
    assert begun.parent is None


def test_a_cause_s_trace_goes_on_whatever_its_sender_says() -> None:
    begun = begin("event-1", Known(cause=CAUSE), (TOLD,))
    assert begun.own.trace_id == OTHER
    assert begun.parent == of_attempt(OTHER, "delivery-7", 2).span_id


def test_within_the_cause_s_trace_the_sender_says_which_span_was_nearest() -> None:
    begun = begin("event-1", Known(cause=CAUSE), (TOLD.replace(T, OTHER), None))
    assert (begun.own.trace_id, begun.parent) == (OTHER, "cd" * 8)


def test_all_messages_of_a_run_share_its_trace() -> None:
    first = begin("event-1", Known(), ())
    second = begin("event-2", Known(run=str(first.own), cause=CAUSE), (TOLD,))
    assert second.own.trace_id == first.own.trace_id
    assert second.own.span_id != first.own.span_id
    assert second.parent is None


def test_a_cause_from_before_there_were_traces_has_none() -> None:
    begun = begin("event-1", Known(cause=Cause("7", "delivery-7", 1, None)), (TOLD,))
    assert (begun.own.trace_id, begun.parent) == (T, "cd" * 8)
