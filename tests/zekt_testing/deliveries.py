"""What tests of deliveries share."""

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
    status: str | None = None
    for line in delivery["history"]:
        assert line["from"] == status
        fact = Fact(line["fact"])
        if line["from"] != line["to"] and fact is not Fact.CREATED:
            assert TRANSITIONS[fact][Status(line["from"])] == line["to"]
        status = line["to"]
    assert status == delivery["status"]


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
