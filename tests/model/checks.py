"""What stands in the database, held against the model and against what must always be true."""

import json
from dataclasses import dataclass
from typing import Any

from model.life import Life
from model.nouns import ENDED, Message
from model.stage import Stage
from zekt_backend.store.database import many

LEGAL = {
    ("created", None, "pending"),
    ("accepted", "pending", "dispatched"),
    ("refused", "pending", "failed"),
    ("unheard", "dispatched", "pending"),
    ("given_up", "dispatched", "failed"),
    ("confirmed", "dispatched", "confirmed"),
    ("confirmed", "pending", "confirmed"),
    ("completed", "confirmed", "completed"),
    ("run_failed", "confirmed", "failed"),
    ("overdue", "confirmed", "failed"),
    ("postponed", "pending", "pending"),
}
"""docs/lifecycle.md, as (fact, from, to)."""

_ROWS = """
    SELECT d.id, d.status, d.due_at, d.attempt, d.tries, d.dispatches, d.event_id, d.late, d.durable, d.is_replay,
           d.replay_of, d.correlation_id, r.full_name AS repository, d.consumer_run_id, d.consumer_run_attempt,
           (SELECT coalesce(json_agg(json_build_array(h.fact, h.from_status, h.to_status) ORDER BY h.id), '[]')
            FROM history h WHERE h.delivery_id = d.id) AS history,
           (SELECT coalesce(json_agg(json_build_array(a.number, a.category, a.accepted, a.ambiguous)
                                     ORDER BY a.number), '[]')
            FROM attempts a WHERE a.delivery_id = d.id) AS attempts
    FROM deliveries d JOIN repositories r ON r.id = d.consumer_id ORDER BY d.seq"""


@dataclass(frozen=True)
class Seen:
    """What stands in the database: deliveries in the order they were made, messages in the order they came."""

    deliveries: list[dict[str, Any]]
    messages: list[str]


async def read(stage: Stage) -> Seen:
    async with stage.broker.db.reading() as connection:
        messages = await many(connection, "SELECT event_id FROM messages ORDER BY seq")
        return Seen(await many(connection, _ROWS), [row["event_id"] for row in messages])


def check(seen: Seen, life: Life, stage: Stage) -> None:
    """Everything that must hold after every step."""
    assert {row["id"] for row in seen.deliveries} == set(life.deliveries)
    assert sorted(m.event_id for m in life.messages.values()) == sorted(seen.messages)
    # What came at the same moment has an order of its own; from here on it is the model's too.
    life.deliveries = {row["id"]: life.deliveries[row["id"]] for row in seen.deliveries}
    life.messages = dict(sorted(life.messages.items(), key=lambda item: seen.messages.index(item[1].event_id)))
    for row in seen.deliveries:
        _check_history(row)
        _check_row(row, life)
    _check_arrivals(life, stage)
    carried = [(d.message, d.to) for d in life.deliveries.values() if d.message and d.replay_of is None]
    assert len(carried) == len(set(carried)), "a message is delivered to a consumer once"


def _check_history(row: dict[str, Any]) -> None:
    status = None
    for fact, before, after in row["history"]:
        assert before == status, f"{row['id']}: {fact} does not follow from {status}"
        assert (fact, before, after) in LEGAL or (fact == "noted" and before == after)
        status = after
    assert status == row["status"]


def _check_row(row: dict[str, Any], life: Life) -> None:
    d = life.deliveries[row["id"]]
    found = {
        "status": row["status"],
        "due": row["due_at"],
        "tries": row["tries"] if row["status"] == "pending" else None,
        "dispatches": row["dispatches"],
        "facts": [fact for fact, *_ in row["history"] if fact != "noted"],
        "attempts": [tuple(attempt) for attempt in row["attempts"]],
        "confirmed by": (row["consumer_run_id"], row["consumer_run_attempt"]) if row["consumer_run_id"] else None,
        "about": (row["repository"], row["event_id"], row["correlation_id"], row["late"], row["durable"]),
        "replay": (row["is_replay"], row["replay_of"]),
    }
    subscriber = life.subscribers[d.to]
    wanted = {
        "status": d.status,
        "due": d.due,
        "tries": d.tries if d.status == "pending" else None,
        "dispatches": d.dispatches,
        "facts": d.facts,
        "attempts": [
            (n, a.category, *((a.accepted, a.ambiguous) if a.category else (None, None)))
            for n, a in enumerate(d.attempts, 1)
        ],
        "confirmed by": d.confirmed_by,
        "about": (subscriber.repository, d.message, str(d.run), d.late, d.durable),
        "replay": (d.replay_of is not None, d.replay_of),
    }
    wrong = {name: (found[name], wanted[name]) for name in found if found[name] != wanted[name]}
    assert not wrong, f"{d.id}: (found, wanted) {wrong}"
    assert row["attempt"] == len(d.attempts)
    owes_nothing = d.status in ENDED or (d.status == "dispatched" and not d.durable)
    assert (row["due_at"] is None) == owes_nothing
    assert d.dispatches <= (subscriber.dispatches if d.durable else 1)


def _check_arrivals(life: Life, stage: Stage) -> None:
    """What GitHub started: as often as recorded, with the right words."""
    count = dict.fromkeys(life.deliveries, 0)
    payloads = {m.event_id: m.payload for m in life.messages.values()}
    for dispatch in stage.arrived():
        envelope = dispatch.client_payload["zekt"]
        d = life.deliveries[envelope["deliveryId"]]
        count[d.id] += 1
        assert dispatch.repository.full_name == life.subscribers[d.to].repository
        assert (envelope["correlationId"], envelope["isReplay"]) == (str(d.run), d.replay_of is not None)
        assert envelope["payload"] == (json.loads(payloads[d.message]) if d.message else None)
        assert 1 <= envelope["attempt"] <= len(d.attempts)
    for d in life.deliveries.values():
        assert count[d.id] == d.arrived
        explained = sum(a.accepted or a.ambiguous or a.category is None for a in d.attempts)
        assert d.arrived <= explained, "every dispatch is accepted, or recorded as perhaps accepted"
        assert d.dispatches <= d.arrived


def check_end(life: Life, seen: Seen, faithful: set[str]) -> None:
    """When nothing is owed any more: all has come to an end that it may come to, and nothing was lost.

    `faithful`: subscribers that were approved all the time.
    """
    given = [(row["event_id"], life.deliveries[row["id"]].to) for row in seen.deliveries if not row["is_replay"]]
    for name in faithful:
        for message in life.messages.values():
            if _was_owed(message, name, life):
                assert given.count((message.event_id, name)) == 1, f"{message} was owed to {name} once"
    for d in life.deliveries.values():
        assert d.status in (ENDED if d.durable else ("dispatched", "failed")), f"{d.id} is stuck as {d.status}"


def _was_owed(message: Message, name: str, life: Life) -> bool:
    """Whether an end of its run was to be told to this subscriber, and no later attempt sent the same anew."""
    subscriber = life.subscribers[name]
    told = [
        attempt
        for (run, attempt), conclusion in life.events.items()
        if run == message.run and attempt >= message.attempt and subscriber.only in (None, conclusion)
    ]
    again = [m for m in life.messages.values() if (m.run, m.sender) == (message.run, message.sender)]
    return (
        bool(told)
        and not subscriber.metadata_only
        and life.workflows[message.run] == subscriber.workflow
        and all(m.attempt <= message.attempt for m in again)
    )
