"""Why did this (not) arrive? What is known of a run's attempt, in sentences and as the wire has it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]

NOTHING_KNOWN = """\
Nothing is known of this run: no webhook of it has arrived, and no message.
It may still be running: GitHub tells of a run when it ends.
If it has ended, its webhook was lost: `zekt reconcile` asks GitHub for those that failed, and looks up runs.
If nothing ever arrives, `zekt doctor SERVICE-SLUG@OWNER/REPO` says whether a webhook and the app are there.
Of a repository that is not set up here no message is taken: `zekt setup apply` (docs/setup.md).
""".splitlines()


def explain(found: Row, *, only: str | None = None) -> dict[str, Any]:
    """One attempt of a run.

    Args:
        found: the rows, as `store/explanations.py` gives them.
        only: the event id of a message: leave everything out that is about other ones.
    """
    messages = [message for message in found["messages"] if only in (None, message["event_id"])]
    refusals = found["refusals"] if only is None else []
    late = {decision["event_id"] for decision in found["decisions"]}
    decisions = [
        {
            "runAttempt": found["key"].run_attempt,
            **_decision(decision, [d for d in found["deliveries"] if _belongs(d, decision, late)], only),
        }
        for decision in found["decisions"]
        if only is None or decision["event_id"] == only or (decision["event_id"] is None and only not in late)
    ]
    return {
        "repository": found["repository"],
        "runId": found["key"].correlation_id,
        "runAttempt": found["key"].run_attempt,
        "event": _event(found["event"]),
        "messages": [_message(message) for message in messages],
        "refusals": [_refusal(refusal) for refusal in refusals],
        "summary": _summary(found, messages, refusals),
        "decisions": decisions,
    }


def explain_all(found: Sequence[Row], *, only: str | None) -> dict[str, Any]:
    """Of a message that several attempts decided about: as the first of them is told, with the decisions of all."""
    told = [explain(rows, only=only) for rows in found]
    ended = [attempt for attempt in told if attempt["event"]] or told
    return {**ended[0], "decisions": [decision for attempt in ended for decision in attempt["decisions"]]}


def for_consumer(whole: Row, own: Mapping[int, bool]) -> dict[str, Any]:
    """What a consumer may see of a provider's run: its own rules and deliveries, and which of the other side's passed.

    Never that side's names; nor, while it is not approved, how the run ended; nor who else there is.

    Args:
        whole: as `explain` gives it.
        own: the caller's subscriptions, and whether each one's service hides its provider, or did when it was decided.
    """
    return {
        **whole,
        "repository": None,
        "event": {name: whole["event"][name] for name in ("guid", "receivedAt")} if whole["event"] else None,
        "messages": [],
        "refusals": [],
        "summary": [],
        "decisions": [told for decision in whole["decisions"] if (told := _of_own(decision, own))["consumers"]],
    }


def why_blocked(reasons: Mapping[str, Any]) -> str:
    """Why an event went to nobody, for its provider: what its own side lacks, else that no consumer took it."""
    lacking = [rule["detail"] for rule in reasons["provider"] if not rule["passed"]]
    taken = f"None of {len(reasons['consumers'])} subscription(s) took it: by their filters, or not approved."
    return " ".join(lacking) or taken


_WITHHELD = "This is for the provider to see."


def _of_own(decision: Row, own: Mapping[int, bool]) -> dict[str, Any]:
    consumers = [
        _own(consumer, hidden=own[consumer["subscription"]])
        for consumer in decision["consumers"]
        if consumer["subscription"] in own
    ]
    given = any(consumer["deliveries"] for consumer in consumers)
    return {
        **decision,
        "outcome": "delivered" if given else "blocked",
        "eventId": decision["eventId"] if given else None,
        "provider": [{**rule, "detail": _WITHHELD} for rule in decision["provider"]],
        "consumers": consumers,
    }


def _own(consumer: Row, *, hidden: bool) -> dict[str, Any]:
    refused = [rule for rule in consumer["rules"] if rule["name"] == "approved" and not rule["passed"]]
    if refused:
        return {**consumer, "rules": refused, "messages": [], "answer": f"Nothing was sent. {refused[0]['detail']}"}
    if hidden:
        # The rules speak of the provider's branches and conclusions.
        rules = [{**rule, "detail": _WITHHELD} for rule in consumer["rules"]]
        told = " ".join(delivery["what"] for delivery in consumer["deliveries"])
        return {**consumer, "rules": rules, "messages": [], "answer": told or "Nothing was sent."}
    failed = [rule["detail"] for rule in consumer["rules"] if not rule["passed"]]
    answer = consumer["answer"] if consumer["deliveries"] else " ".join(["Nothing was sent.", *failed])
    return {**consumer, "answer": answer}


def _belongs(delivery: Row, decision: Row, late: Collection[str | None]) -> bool:
    """A late message was decided alone; everything else with the event."""
    if decision["event_id"] is not None:
        return bool(delivery["event_id"] == decision["event_id"])
    return delivery["event_id"] is None or delivery["event_id"] not in late


def _decision(decision: Row, deliveries: Collection[Row], only: str | None) -> dict[str, Any]:
    reasons = decision["reasons"]
    against = [rule["detail"] for rule in reasons["provider"] if not rule["passed"]]
    return {
        "decidedAt": decision["decided_at"].isoformat(),
        "outcome": decision["outcome"],
        "eventId": decision["event_id"],
        "provider": reasons["provider"],
        "consumers": [
            _consumer(consumer, [d for d in deliveries if _of(d, consumer, only)], against, only)
            for consumer in reasons["consumers"]
        ],
    }


def _of(delivery: Row, consumer: Row, only: str | None) -> bool:
    if delivery["event_id"] not in (None, only) and only is not None:
        return False
    if (subscription := consumer.get("subscription")) is not None:
        return bool(delivery["subscription_id"] == subscription)
    # Decisions of the first version name the two ends only.
    return (delivery["service"], delivery["consumer"]) == (consumer["service"], consumer["consumer"])


def _consumer(consumer: Row, deliveries: list[Row], against: list[str], only: str | None) -> dict[str, Any]:
    messages = [m for m in consumer.get("messages", []) if only is None or m["eventId"] in (None, only)]
    failed = [rule["detail"] for rule in consumer["rules"] if not rule["passed"]]
    refused = [rule["detail"] for message in messages for rule in message["rules"] if not rule["passed"]]
    why_not = [*against, *failed, *dict.fromkeys(refused)]
    told = [_delivery(delivery) for delivery in deliveries]
    if not told:
        why_not = why_not or ["Every rule passes, but no delivery carries it: its step has sent another one since."]
        answer = " ".join(["Nothing was sent.", *why_not])
    else:
        answer = " ".join([*(delivery["what"] for delivery in told), *dict.fromkeys(refused)])
    # Decisions of the first version name the two ends only; its deliveries know.
    subscription = next((delivery["subscription_id"] for delivery in deliveries), consumer.get("subscription"))
    return {
        "subscription": subscription,
        "service": consumer["service"],
        "consumer": consumer["consumer"],
        "rules": consumer["rules"],
        "messages": messages,
        "deliveries": told,
        "answer": answer,
    }


def _delivery(row: Row) -> dict[str, Any]:
    return {
        "deliveryId": row["id"],
        "eventId": row["event_id"],
        "eventType": row["event_type"],
        "status": row["status"],
        "attempts": row["attempt"],
        "replayOf": row["replay_of"],
        "what": _became(row),
    }


def _became(row: Row) -> str:
    """How a delivery stands, and what comes next."""
    if row["status"] == "pending":
        return _pending(row)
    due, doctor = _at(row["due_at"]), f"`zekt doctor {row['service']}@{row['consumer']}` says why a run did not start."
    match row["status"]:
        case "dispatched" if row["durable"]:
            return f"GitHub took it at {_at(row['dispatched_at'])}; no run has confirmed it by now, due {due}. {doctor}"
        case "dispatched":
            return f"GitHub took it at {_at(row['dispatched_at'])}; more is not tracked (fire-and-forget). {doctor}"
        case "confirmed":
            return f"Run {row['consumer_run_id']} confirmed it at {_at(row['confirmed_at'])}, and has not ended by now."
        case "completed":
            return f"Run {row['consumer_run_id']} completed it at {_at(row['completed_at'])}."
        case _:
            return f"It failed: {row['failure']}. {row['advice'] or ''}".strip()


def _pending(row: Row) -> str:
    due = _at(row["due_at"])
    if row["failure"] is not None:
        return f"It is held ({row['failure']}): {row['advice']} It is looked at again at {due}, at the latest."
    if row["attempt"] == 0:
        return f"It waits for its turn at GitHub, at {due}; a worker must be running."
    if row["category"] in (None, "accepted"):
        return f"Attempt {row['attempt']} is under way, or was not confirmed; the next is due at {due}."
    return f"Attempt {row['attempt']} failed ({row['category']}: {row['detail']}); the next is due at {due}."


def _summary(found: Row, messages: Collection[Row], refusals: Collection[Row]) -> list[str]:
    said = [f"This run confirmed {delivery_id}, as its consumer." for delivery_id in found["confirmed"]]
    said += [_refused(refusal) for refusal in refusals]
    said += [_redacted(message) for message in messages if message["guarded"]]
    event = found["event"]
    if event is None:
        said += [_waiting(message) for message in messages]
        if found["asked"]:
            said.append(f"GitHub was asked {found['asked']['asked']} times how it ended.")
        return said
    if not found["messages"]:
        what = "was taken" if refusals else "has come"
        said.append(f"No message of it {what}: its end is delivered by itself.")
    blocked = [decision for decision in found["decisions"] if decision["outcome"] == "blocked"]
    for decision in blocked:
        what = f"Message {decision['event_id']} is" if decision["event_id"] else "The event is"
        failed = [rule["detail"] for rule in decision["reasons"]["provider"] if not rule["passed"]]
        why = " ".join(failed) or "No subscription takes it; its rules are below."
        said.append(f"{what} blocked. {why}")
    return said


def _waiting(message: Row) -> str:
    if message["closed_at"] is not None:
        return f"Message {message['event_id']} waits no more since {_at(message['closed_at'])}: {message['closed_why']}"
    return (
        f"Message {message['event_id']} waits for the end of its run, of which GitHub has told nothing. If the run has"
        " ended, its webhook did not arrive: `zekt reconcile` asks GitHub, `zekt doctor SERVICE-SLUG@OWNER/REPO` checks"
        " the webhook."
    )


def _refused(row: Row) -> str:
    often = "" if row["times"] == 1 else f", {row['times']} times"
    return f"A message was refused at {_at(row['at'])}{often} ({row['code']}). {row['reasons']['detail']}"


def _redacted(message: Row) -> str:
    places = ", ".join(f"{p['pointer'] or 'the whole of it'} ({p['kind']})" for p in message["guarded"]["places"])
    return f"Of message {message['event_id']} credentials were taken out before it was stored: {places}."


def _refusal(row: Row) -> dict[str, Any]:
    return {
        "at": row["at"].isoformat(),
        "code": row["code"],
        "service": row["service"],
        "detail": row["reasons"]["detail"],
        "places": row["reasons"]["places"],
        "bytes": row["bytes"],
        "times": row["times"],
    }


def _event(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "guid": row["guid"],
        "workflow": row["workflow_name"],
        "workflowPath": row["workflow_path"],
        "conclusion": row["conclusion"],
        "headBranch": row["head_branch"],
        "event": row["event"],
        "receivedAt": row["received_at"].isoformat(),
    }


def _message(row: Row) -> dict[str, Any]:
    return {
        "eventId": row["event_id"],
        "eventType": row["event_type"],
        "runAttempt": row["run_attempt"],
        "job": row["job"],
        "step": row["step"],
        "bytes": row["bytes"],
        "late": row["late"],
        "redacted": row["guarded"]["places"] if row["guarded"] else [],
        "receivedAt": row["received_at"].isoformat(),
    }


def _at(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "no known time"
