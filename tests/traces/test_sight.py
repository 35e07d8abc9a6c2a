"""What of a chain each account sees: its own hops, that there are others', and nothing of whose they are."""

from typing import Any

import pytest

from traces.chain import INFRA, RIVAL, SHOP, WHOLE, Chain, envelope_of, ids_of, played, shape


def test_each_party_sees_its_own_hops_and_nobody_else(chain: Chain, ask: Any) -> None:
    ordered, run, _ = played(chain)
    assert shape(ask(ordered, "shop-team")) == WHOLE
    assert shape(ask(run, "infra-team")) == WHOLE[:2]
    rival = ask(ordered, "rival-team")
    assert shape(rival) == [(1, None, 0, SHOP, RIVAL, "dispatched")]
    assert "infra-team" not in rival.text
    assert "answers" not in rival.text


def test_of_others_hops_one_learns_only_that_there_are_some(chain: Chain, ask: Any) -> None:
    """infra-team answers to rival-team as well, and shop-team is no party of that."""
    ordered, run, _ = played(chain)
    chain.zekt.sql("UPDATE deliveries SET consumer_id = 3003, consumer = %s WHERE provider_id = 2002", RIVAL)
    answer = ask(ordered, "shop-team")
    assert shape(answer)[:2] == [WHOLE[0], (2, 1, 1, None, None, None)]
    blank = answer.json()["hops"][1]
    known = {name for name, value in blank.items() if value is not None}
    assert known == {"hop", "parent", "depth", "yours", "asked", "durations"}
    assert set(blank["durations"].values()) == {None}
    assert str(run.id) not in answer.text.replace(f'"consumerRunId":{run.id}', "")


def test_a_chain_in_which_nothing_is_one_s_own_looks_like_none_at_all(chain: Chain, ask: Any) -> None:
    run = chain.run()
    chain.zekt.sql("UPDATE subscriptions SET status = 'revoked' WHERE repository_id = 3003")
    chain.send(run)
    chain.end(run)
    chain.sent_to(INFRA)
    theirs, nowhere, odd = (ask(which, "rival-team") for which in (run, 1, "x"))
    assert (theirs.status_code, theirs.json()["code"]) == (403, "not_yours")
    assert theirs.content == nowhere.content == odd.content
    for which in (1, "x", "9" * 60, "-1", "%C2%B2"):
        assert (ask(which).status_code, ask(which).json()["code"]) == (404, "not_found")


def test_a_run_of_whose_hops_none_is_one_s_own_looks_like_none_also_where_its_chain_has_some(
    chain: Chain, ask: Any
) -> None:
    """rival-team gets the same order as infra-team, and must not learn that infra-team gets it."""
    ordered, run, _ = played(chain)
    theirs, nowhere = ask(run, "rival-team"), ask(1, "rival-team")
    assert (theirs.status_code, theirs.json()["code"]) == (403, "not_yours")
    assert theirs.content == nowhere.content
    assert theirs.headers.keys() == nowhere.headers.keys()
    assert shape(ask(ordered, "rival-team")) == [(1, None, 0, SHOP, RIVAL, "dispatched")]


@pytest.mark.parametrize("at", ["top", "bottom"])
def test_nor_does_who_stands_two_hops_away_learn_of_a_run(chain: Chain, ask: Any, at: str) -> None:
    """shop-team, infra-team, shop-team, infra-team: rival-team gets the first order alone, or the second."""

    def subscribe(approved: bool) -> None:
        status = "approved" if approved else "revoked"
        chain.zekt.sql("UPDATE subscriptions SET status = %s WHERE repository_id = 3003", status)

    subscribe(at == "top")
    first, order = chain.order()
    middle, answer = chain.answer(order)
    subscribe(at == "bottom")
    last = chain.run(SHOP, answer)
    assert chain.send(last, causation=ids_of(answer)).ok
    chain.end(last)
    chain.sent_to(INFRA, 2)
    chain.sent_to(RIVAL)
    nowhere = ask(1, "rival-team")
    assert nowhere.status_code == 403
    own, far = (first, last) if at == "top" else (last, first)
    for which in (middle, far):
        assert ask(which, "rival-team").content == nowhere.content
    assert len(ask(far).json()["hops"]) == 4
    assert [hop["consumer"] for hop in ask(own, "rival-team").json()["hops"] if hop["yours"]] == [RIVAL]


@pytest.mark.parametrize("chain", [{"hides": True}], indirect=True)
def test_a_hidden_provider_is_in_nobody_s_chain_but_its_own(chain: Chain, ask: Any) -> None:
    ordered, run, answer = played(chain)
    assert shape(ask(run)) == WHOLE
    assert shape(ask(run, "infra-team")) == WHOLE[:2]
    from_above = ask(ordered, "shop-team")
    assert shape(from_above) == [WHOLE[0], (2, 1, 1, None, None, None), WHOLE[2][:1] + WHOLE[2][1:]]
    from_below = ask(run, "shop-team")
    assert shape(from_below) == [(1, None, 0, None, SHOP, "dispatched")]
    assert "infra-team" not in from_below.text
    (hop,) = from_below.json()["hops"]
    assert (hop["messageReceivedAt"], hop["eventReceivedAt"]) == (None, None)
    assert from_below.json()["traceId"] == envelope_of(answer)["traceparent"].split("-")[1]
    assert from_below.json()["traceId"] != from_above.json()["traceId"]


def test_a_message_that_waits_or_that_nobody_got_is_its_sender_s_to_see(chain: Chain, ask: Any) -> None:
    _, order = chain.order()
    chain.zekt.sql("UPDATE subscriptions SET status = 'revoked' WHERE repository_id = 1001")
    run = chain.run(INFRA, order)
    assert chain.send(run, causation=ids_of(order)).ok
    for account, seen in ((None, True), ("infra-team", True), ("shop-team", False)):
        hops = [hop for hop in ask(envelope_of(order)["correlationId"], account).json()["hops"] if hop["parent"]]
        assert [(hop["status"], hop["deliveryId"], hop["parent"]) for hop in hops] == [("waiting", None, 1)][:seen]
    chain.end(run)
    (_, hop) = ask(run, "infra-team").json()["hops"]
    assert (hop["status"], hop["provider"], hop["asked"]) == ("blocked", INFRA, True)
    assert hop["decidedAt"] is not None
