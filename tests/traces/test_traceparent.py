"""A trace goes from message to envelope to message, and nobody gets into a chain that is not theirs."""

from typing import Any

import pytest

from traces.chain import INFRA, RIVAL, SHOP, Chain, envelope_of, ids_of
from zekt_backend.rules.trace import Context, parse
from zekt_testing.broker import ADMIN_TOKEN

CI = Context("ab" * 16, "cd" * 8)


def place_of(dispatch: Any) -> Context:
    found = parse(envelope_of(dispatch)["traceparent"])
    assert found is not None
    return found


def kept(chain: Chain, run: Any) -> tuple[Any, Any]:
    """(causation, trace id) of a run's first message."""
    query = "SELECT causation, traceparent FROM messages WHERE run_id = %s ORDER BY seq LIMIT 1"
    ((causation, traceparent),) = chain.zekt.sql(query, run.id)
    found = parse(traceparent)
    assert found is not None
    return causation, found.trace_id


def test_a_chain_has_one_trace_id_and_each_hop_a_span_of_its_own(chain: Chain) -> None:
    _, order = chain.order()
    run, answer = chain.answer(order)
    there, back = place_of(order), place_of(answer)
    assert there.trace_id == back.trace_id
    assert there.span_id != back.span_id
    assert kept(chain, run) == (ids_of(order), there.trace_id)
    _, another = chain.order()
    assert place_of(another).trace_id != there.trace_id


def test_all_consumers_of_a_run_share_its_trace(chain: Chain) -> None:
    _, order = chain.order()
    other = chain.sent_to(RIVAL)
    assert place_of(order).trace_id == place_of(other).trace_id
    assert place_of(order).span_id != place_of(other).span_id


def test_the_trace_of_a_sender_s_own_tools_is_taken_up(chain: Chain) -> None:
    _, order = chain.order(traceparent=str(CI))
    assert place_of(order).trace_id == CI.trace_id
    _, again = chain.order(traceparent=str(CI))
    assert place_of(again).trace_id == CI.trace_id


def test_a_trace_that_somebody_else_began_is_not(chain: Chain) -> None:
    chain.order(traceparent=str(CI))
    run = chain.run(INFRA)
    assert chain.send(run, traceparent=str(CI)).status_code == 202
    assert kept(chain, run)[1] != CI.trace_id


@pytest.mark.parametrize("goes_on", [False, True])
def test_nor_is_one_that_somebody_else_s_run_began_without_a_message(chain: Chain, goes_on: bool) -> None:
    """Whoever it was delivered to may go on with it, and that alone."""
    began = chain.run()
    chain.end(began)
    order = chain.sent_to(INFRA)
    if goes_on:
        run, _ = chain.answer(order)
        assert kept(chain, run)[1] == place_of(order).trace_id
    told = str(Context(place_of(order).trace_id, CI.span_id))
    for repository in (INFRA, SHOP):
        run = chain.run(repository)
        assert chain.send(run, traceparent=told).status_code == 202
        assert (kept(chain, run)[1] == place_of(order).trace_id) is (repository == SHOP), repository


@pytest.mark.parametrize("chain", [{"hides": True}], indirect=True)
def test_nor_is_one_that_a_hidden_provider_s_delivery_began(chain: Chain) -> None:
    _, order = chain.order()
    _, answer = chain.answer(order)
    run = chain.run()
    assert chain.send(run, traceparent=str(Context(place_of(answer).trace_id, CI.span_id))).status_code == 202
    assert kept(chain, run)[1] != place_of(answer).trace_id


def test_a_trace_stays_its_beginner_s_when_others_go_on_with_it_without_a_message(chain: Chain) -> None:
    _, order = chain.order(traceparent=str(CI))
    run = chain.run(INFRA, order)
    assert chain.zekt.confirm(run, **ids_of(order)).ok
    chain.end(run)
    assert place_of(chain.sent_to(SHOP)).trace_id == CI.trace_id
    _, again = chain.order(traceparent=str(CI))
    assert place_of(again).trace_id == CI.trace_id


@pytest.mark.parametrize(
    "given", ["x" * 10_000, 7, None, ["a"], {"a": 1}, "\u0000", f"00-{'0' * 32}-{'cd' * 8}-01", "\x1b[31m"]
)
def test_what_is_no_trace_is_ignored_and_logged_nowhere(
    chain: Chain, capfd: pytest.CaptureFixture[str], given: Any
) -> None:
    run = chain.run()
    assert chain.send(run, traceparent=given, causation={"traceparent": given}).status_code == 202
    assert len(kept(chain, run)[1]) == 32
    logged = capfd.readouterr().err
    assert str(run.id) in logged
    assert "xxxx" not in logged
    assert "\x1b[31m" not in logged


def test_a_cause_that_was_sent_to_somebody_else_is_left_out_and_said_so(chain: Chain) -> None:
    """Else anybody could graft themselves into others' chains, by an id that a public log shows."""
    _, order = chain.order()
    strange = ids_of(chain.sent_to(RIVAL))
    for claimed in (strange, {**ids_of(order), "correlationId": "1"}, {"deliveryId": "delivery-none"}, {}):
        run = chain.run(INFRA)
        receipt = chain.send(run, causation={**claimed, "traceparent": envelope_of(order)["traceparent"]})
        assert receipt.status_code == 202
        assert "causation is left out" in receipt.json()["message"]
        assert kept(chain, run)[0] is None
        assert kept(chain, run)[1] != place_of(order).trace_id


def test_a_delivery_that_was_never_sent_causes_nothing(chain: Chain) -> None:
    _, order = chain.order()
    chain.zekt.sql("UPDATE deliveries SET attempt = 0, status = 'pending', due_at = NULL")
    run = chain.run(INFRA)
    assert "causation is left out" in chain.send(run, causation=ids_of(order)).json()["message"]


def test_what_a_run_has_confirmed_is_its_cause_though_it_names_none(chain: Chain) -> None:
    _, order = chain.order()
    run, answer = chain.answer(order, causation=None)
    assert kept(chain, run) == (ids_of(order), place_of(order).trace_id)
    assert place_of(answer).trace_id == place_of(order).trace_id


def test_the_end_of_a_run_that_sends_nothing_goes_on_with_its_cause_s_trace(chain: Chain) -> None:
    _, order = chain.order()
    run = chain.run(INFRA, order)
    assert chain.zekt.confirm(run, **ids_of(order)).ok
    chain.end(run)
    assert place_of(chain.sent_to(SHOP)).trace_id == place_of(order).trace_id


def test_a_message_that_comes_late_shares_the_trace_of_its_run_s_end(chain: Chain) -> None:
    run = chain.run()
    chain.end(run)
    bare = chain.sent_to(INFRA)
    assert chain.send(run).status_code == 202
    assert place_of(chain.sent_to(INFRA, 2)).trace_id == place_of(bare).trace_id


@pytest.mark.parametrize("chain", [{"hides": True}], indirect=True)
def test_who_began_a_chain_does_not_know_a_hidden_provider_by_the_trace(chain: Chain) -> None:
    _, order = chain.order()
    _, answer = chain.answer(order)
    assert envelope_of(answer)["provider"] is None
    assert place_of(answer).trace_id != place_of(order).trace_id


def test_a_replay_stays_in_its_trace_as_another_span(chain: Chain) -> None:
    _, order = chain.order()
    ids = ids_of(order)
    chain.zekt.until(ids["deliveryId"], "dispatched")
    assert chain.zekt.post(f"/api/replay/{ids['deliveryId']}", ADMIN_TOKEN, b"").status_code == 202
    again = chain.sent_to(INFRA, 2)
    assert place_of(again).trace_id == place_of(order).trace_id
    assert place_of(again).span_id != place_of(order).span_id
