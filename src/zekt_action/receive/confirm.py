"""confirm: the consumer's job is running, and here is its message."""

from __future__ import annotations

import json
import sys
from typing import Any

from zekt_action import event, inputs, step, stops
from zekt_action.errors import UnheardError
from zekt_action.receive import message
from zekt_action.receive.broker import Acknowledgement, Broker
from zekt_action.receive.connect import connect, ids_body
from zekt_action.receive.inputs import Ids, ids
from zekt_action.report import Report

OUTPUTS = ("delivery-id", "status", "duplicate", "attempt", "payload-path", "payload", "error-code")


def main() -> int:
    """Confirm the delivery that started this run, and tell how it went."""
    return step.run(Report(inputs.Job(), sys.stdout, OUTPUTS), _confirm, fails_by_default=False)


def _confirm(report: Report) -> None:
    found = event.read(report.job.event_file)
    zekt = event.envelope(found) or {}
    asked = ids(zekt)
    # The envelope is of this delivery, or of none that was asked for.
    zekt = zekt if asked.delivery in (None, zekt.get("deliveryId")) else {}
    _note_event(report, asked, zekt)
    broker = connect(report, found)
    answer = _acknowledge(report, asked, zekt, broker)
    report.note(
        delivery_id=answer.delivery_id,
        status=answer.status,
        duplicate=str(answer.duplicate).lower(),
        attempt=str(answer.attempt),
    )
    # The broker has vouched for the delivery it named, and for no other that an envelope may claim to be of.
    _give_message(report, zekt if zekt.get("deliveryId") == answer.delivery_id else {}, broker, answer.delivery_id)
    stops.ignore()
    line = f"Confirmed {answer.delivery_id}, attempt {answer.attempt}. {answer.text}"
    report.succeeded("Zekt: delivery confirmed", line)


def _note_event(report: Report, asked: Ids, zekt: dict[str, Any]) -> None:
    """What the event alone tells, but for the message."""
    attempt = event.count(zekt.get("attempt"))
    report.note(
        delivery_id=asked.delivery or "",
        status="unknown",
        duplicate="false",
        attempt="" if attempt is None else str(attempt),
    )


def _acknowledge(report: Report, asked: Ids, zekt: dict[str, Any], broker: Broker) -> Acknowledgement:
    """Confirm. A job whose broker is down works with the event's message; one that was refused gets none.

    Whoever may write to the repository can dispatch an event that looks like Zekt's, and only the broker knows.
    """
    try:
        return broker.acknowledge("confirm", json.dumps(ids_body(asked)).encode())
    except (UnheardError, stops.AlarmError):
        _give_inline(report, zekt)
        raise


def _give_message(report: Report, zekt: dict[str, Any], broker: Broker, delivery_id: str) -> None:
    promise = message.promised(zekt)
    if zekt and promise is None:
        _give_inline(report, zekt)
        return
    raw = message.fetch(broker, delivery_id, promise)
    if raw is not None:
        report.note(**message.keep(raw, report.job.temp))


def _give_inline(report: Report, zekt: dict[str, Any]) -> None:
    raw = message.inline(zekt)
    if raw is not None:
        report.note(**message.keep(raw, report.job.temp))
