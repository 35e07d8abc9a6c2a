"""What tests of deliveries share."""

from collections.abc import Sequence
from typing import Any

from zekt_backend.rules.lifecycle import TRANSITIONS, Fact, Status


def dispatched(zekt: Any) -> tuple[Any, str]:
    """(the consumer's run, the delivery id) of a fresh delivery."""
    run = zekt.start_run()
    zekt.send(run, messageId=f"m-{run.id}")
    zekt.github.finish_run(run)
    dispatch = zekt.dispatched(len(zekt.deliveries()))[-1]
    delivery_id = dispatch.client_payload["zekt"]["deliveryId"]
    zekt.until(delivery_id, "dispatched", "confirmed")
    return zekt.github.start_run_for(dispatch), delivery_id


def ids(zekt: Any, delivery_id: str) -> dict[str, str]:
    return {"correlationId": zekt.delivery(delivery_id)["correlationId"], "deliveryId": delivery_id}


def assert_legal(delivery: dict[str, Any]) -> None:
    lines = [(line["fact"], line["from"], line["to"]) for line in delivery["history"]]
    assert illegality(lines, delivery["status"]) is None


def illegality(lines: Sequence[tuple[str, str | None, str]], status: str) -> str | None:
    """What in a history (fact, from, to) no transition allows; None when it is legal and leads to `status`."""
    now: str | None = None
    for name, before, after in lines:
        fact = Fact(name)
        if before != now:
            return f"{name} begins at {before}, after {now}"
        if before is None:
            if (fact, after) != (Fact.CREATED, Status.PENDING):
                return f"it begins with {name} to {after}"
        elif before != after and TRANSITIONS.get(fact, {}).get(Status(before)) != after:
            return f"{name} leads from {before} to {after}"
        elif before == after and fact in {*TRANSITIONS, Fact.CREATED}:
            return f"{name} changes nothing"
        now = after
    return None if now == status else f"it ends at {now}, and the row says {status}"


def decision_of(zekt: Any, run: Any) -> list[Any]:
    """(outcome, reasons) of every decision about this attempt of a run."""
    return list(
        zekt.sql(
            """SELECT c.outcome, c.reasons FROM decisions c JOIN events e ON e.guid = c.event_guid
               WHERE e.run_id = %s AND e.run_attempt = %s ORDER BY c.id""",
            run.id,
            run.attempt,
        )
    )
