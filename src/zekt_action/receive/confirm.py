"""confirm: the consumer's job is running, and here is its message."""

from __future__ import annotations

import json
import sys
from typing import Any

from zekt_action import event, inputs, step, stops
from zekt_action.receive import message
from zekt_action.receive.broker import Broker
from zekt_action.receive.connect import connect, ids_body
from zekt_action.receive.inputs import Ids, ids
from zekt_action.report import Report

OUTPUTS = ("delivery-id", "status", "duplicate", "attempt", "payload-path", "payload")


def main() -> int:
    """Confirm the delivery that started this run, and tell how it went."""
    return step.run(Report(inputs.job(), sys.stdout, OUTPUTS), _confirm, fails_by_default=False)


def _confirm(report: Report) -> None:
    found = event.read(report.job.event_file)
    zekt = event.envelope(found) or {}
    asked = ids(zekt)
    # The envelope is of this delivery, or of none that was asked for.
    zekt = zekt if asked.delivery in (None, zekt.get("deliveryId")) else {}
    _note_event(report, asked, zekt)
    broker = connect(report, found)
    answer = broker.acknowledge("confirm", json.dumps(ids_body(asked)).encode())
    report.note(
        delivery_id=answer.delivery_id,
        status=answer.status,
        duplicate=str(answer.duplicate).lower(),
        attempt=str(answer.attempt),
    )
    _fetch(report, zekt, broker, answer.delivery_id)
    stops.ignore()
    line = f"Confirmed {answer.delivery_id}, attempt {answer.attempt}. {answer.text}"
    report.succeeded("Zekt: delivery confirmed", line)


def _note_event(report: Report, asked: Ids, zekt: dict[str, Any]) -> None:
    """What the event alone tells: a job whose broker is down works with this."""
    attempt = zekt.get("attempt")
    report.note(
        delivery_id=asked.delivery or "",
        status="unknown",
        duplicate="false",
        attempt=str(attempt) if isinstance(attempt, int) else "",
    )
    raw = message.inline(zekt)
    if raw is not None:
        report.note(**message.keep(raw, report.job.temp))


def _fetch(report: Report, zekt: dict[str, Any], broker: Broker, delivery_id: str) -> None:
    promise = message.promised(zekt)
    if zekt and promise is None:
        return
    raw = message.fetch(broker, delivery_id, promise)
    if raw is not None:
        report.note(**message.keep(raw, report.job.temp))
