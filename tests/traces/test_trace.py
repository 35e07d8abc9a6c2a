"""`GET /api/traces/{correlationId}` and `zekt trace`: the whole chain, as far as it is somebody's."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from traces.chain import INFRA, RIVAL, SHOP, WHOLE, Chain, envelope_of, ids_of, played, shape
from zekt_backend.cli import app
from zekt_backend.flows import follow_chain
from zekt_testing.broker import ADMIN_TOKEN


@pytest.fixture
def zekt_command(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("ZEKT_DATABASE_URL", chain.zekt.database_url)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=True)


def test_the_operator_sees_the_whole_chain_whichever_run_is_asked_about(chain: Chain, ask: Any) -> None:
    ordered, run, answer = played(chain)
    assert shape(ask(ordered)) == WHOLE
    assert shape(ask(run)) == WHOLE
    found = ask(run).json()
    assert found["more"] is False
    assert found["traceId"] == envelope_of(answer)["traceparent"].split("-")[1]
    assert [hop["asked"] for hop in found["hops"]] == [False, True, False]
    first, second, _ = found["hops"]
    assert (first["service"], first["serviceAlias"], first["conclusion"]) == ("orders", "Orders", "success")
    assert second["deliveryId"] == ids_of(answer)["deliveryId"]
    assert first["consumerRunId"] == run.id
    for name in ("toEvent", "toDecision", "toDispatch", "toConfirm", "toComplete", "total"):
        assert first["durations"][name] >= 0
    times = [first[name] for name in ("messageReceivedAt", "eventReceivedAt", "decidedAt", "dispatchedAt")]
    assert times == sorted(times)
    assert found["startedAt"] == first["messageReceivedAt"]
    assert found["durationMs"] >= first["durations"]["total"]


def test_a_replay_is_marked_and_stands_beside_what_it_repeats(chain: Chain, ask: Any) -> None:
    _, order = chain.order()
    old = ids_of(order)["deliveryId"]
    chain.zekt.until(old, "dispatched")
    new = chain.zekt.post(f"/api/replay/{old}", ADMIN_TOKEN, b"").json()["deliveryId"]
    again = chain.sent_to(INFRA, 2)
    run, _ = chain.answer(again)
    hops = ask(run).json()["hops"]
    assert [(hop["deliveryId"], hop["isReplay"], hop["replayOf"]) for hop in hops if hop["consumer"] == INFRA] == [
        (old, False, None),
        (new, True, old),
    ]
    (repeated,) = [hop["hop"] for hop in hops if hop["isReplay"]]
    assert [hop["parent"] for hop in hops if hop["provider"] == INFRA] == [repeated]


def test_a_run_that_is_its_own_cause_is_drawn_once(chain: Chain, ask: Any) -> None:
    """shop-team's run is run again, and names the answer to its first attempt as its cause."""
    ordered, run, answer = played(chain)
    chain.zekt.sql(
        "UPDATE messages SET causation = jsonb_build_object('deliveryId', %s::text) WHERE run_id = %s",
        ids_of(answer)["deliveryId"],
        ordered.id,
    )
    for which in (ordered, run):
        hops = ask(which).json()["hops"]
        assert sorted((hop["provider"], hop["consumer"]) for hop in hops) == sorted(
            [(SHOP, INFRA), (INFRA, SHOP), (SHOP, RIVAL)]
        )


def test_what_a_message_of_before_claims_of_others_is_not_believed(chain: Chain, ask: Any) -> None:
    """The version before kept what senders named, unseen."""
    chain.order()
    rival = ids_of(chain.sent_to(RIVAL))
    run = chain.run(INFRA)
    chain.send(run)
    chain.end(run)
    chain.sent_to(SHOP)
    chain.zekt.sql(
        "UPDATE messages SET causation = jsonb_build_object('deliveryId', %s::text) WHERE run_id = %s",
        rival["deliveryId"],
        run.id,
    )
    assert len(ask(run).json()["hops"]) == 1
    assert len(ask(rival["correlationId"]).json()["hops"]) == 2


def long_chain(chain: Chain, length: int, *, beside: int = 0) -> list[int]:
    """Copies the order: each run was started by the delivery of the one before. Gives the runs' ids."""
    run, order = chain.order()
    chain.zekt.until(ids_of(order)["deliveryId"], "dispatched")
    chain.zekt.sql("UPDATE deliveries SET consumer_id = 1001 WHERE id = %s", ids_of(order)["deliveryId"])
    columns = [
        name
        for (name,) in chain.zekt.sql(
            "SELECT column_name::text FROM information_schema.columns"
            " WHERE table_name = 'deliveries' AND is_identity = 'NO'"
        )
    ]
    put = {"id": "'copy-' || n", "correlation_id": "(%(run)s + n)::text"}
    first = {"id": "'beside-' || n"}

    def copy(made: dict[str, str], count: int) -> None:
        into, values = ", ".join(columns), ", ".join(made.get(name, f"d.{name}") for name in columns)
        query = (
            f"INSERT INTO deliveries ({into}) SELECT {values} FROM deliveries d, generate_series(1, {count}) n"
            f" WHERE d.id = '{ids_of(order)['deliveryId']}'"
        ).replace("%(run)s", str(run.id))
        chain.zekt.sql(query)

    copy(put, length)
    copy(first, beside)
    chain.zekt.sql(
        f"""INSERT INTO messages (event_id, dedupe_key, repository_id, run_id, run_attempt, workflow_path, payload,
                payload_sha256, causation, consumers_notified, received_at)
            SELECT 'made-' || n, 'made-' || n, 1001, {run.id} + n, 1, 'x', '', 'x',
                   jsonb_build_object('deliveryId', CASE n WHEN 1 THEN '{ids_of(order)["deliveryId"]}'
                                                    ELSE 'copy-' || (n - 1) END), 0, now()
            FROM generate_series(1, {length}) n"""
    )
    return [run.id + number for number in range(length + 1)]


def test_a_chain_without_end_is_cut_and_says_so(chain: Chain, ask: Any) -> None:
    runs = long_chain(chain, 80)
    top, middle = ask(runs[0]).json(), ask(runs[70]).json()
    assert top["more"]
    assert middle["more"]
    assert max(hop["depth"] for hop in top["hops"]) == follow_chain.MAX_DEPTH
    assert [hop["depth"] for hop in middle["hops"] if hop["asked"]] == [follow_chain.MAX_DEPTH]
    assert ask(runs[70], "shop-team").json()["hops"] == middle["hops"]


def test_a_run_with_very_many_consumers_is_cut_and_still_shows_each_its_own(chain: Chain, ask: Any) -> None:
    runs = long_chain(chain, 1, beside=3_000)
    chain.zekt.sql("ANALYZE")
    found = ask(runs[0]).json()
    assert found["more"]
    assert len(found["hops"]) <= follow_chain.MAX_HOPS
    assert shape(ask(runs[0], "rival-team")) == [(1, None, 0, SHOP, RIVAL, "dispatched")]


def test_the_command_shows_the_chain(chain: Chain, zekt_command: Any) -> None:
    ordered, run, answer = played(chain)
    told = zekt_command("trace", str(ordered.id))
    assert told.exit_code == 0, told.output
    lines = [line for line in told.output.splitlines() if "/" in line and "│" in line]
    assert [(SHOP in line, INFRA in line, "└─" in line) for line in lines] == [
        (True, True, False),
        (True, True, True),
        (True, False, False),
    ]
    assert re.search(r"3 hops in .*; trace [0-9a-f]{32}", told.output)
    assert ids_of(answer)["deliveryId"] in told.output
    shown = json.loads(zekt_command("trace", str(run.id), "--json").output)
    assert [hop["consumer"] for hop in shown["hops"]] == [INFRA, SHOP, RIVAL]


def test_the_command_says_so_when_there_is_no_such_chain(zekt_command: Any) -> None:
    told = zekt_command("trace", "17")
    assert told.exit_code == 1
    assert "No run '17' has sent anything" in str(told.exception)
