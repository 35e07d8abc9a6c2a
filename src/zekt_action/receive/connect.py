"""From the inputs to a broker that can be asked."""

from __future__ import annotations

from typing import Any

from zekt_action import by_http_client, event, step
from zekt_action.oidc import TokenSource
from zekt_action.receive.broker import Broker
from zekt_action.receive.inputs import Ids, wishes
from zekt_action.report import Report


def connect(report: Report, found: dict[str, Any]) -> Broker:
    """Read the inputs, start the clock, and check that tokens can be had.

    Raises:
        ActionError: an input does not fit, or the job lacks `id-token: write`.
    """
    asked = wishes()
    job = report.job
    fork = event.from_fork(found, job.repository)
    tokens = TokenSource(job.oidc_url, job.oidc_secret, asked.audience, fork=fork)
    tokens.check()
    return Broker(asked, tokens, by_http_client.send, step.start_clock(asked.timeout_seconds), report)


def ids_body(asked: Ids) -> dict[str, Any]:
    """The ids as the wire wants them; a delivery id that is not known is left out."""
    body = {"correlationId": asked.correlation}
    return {**body, "deliveryId": asked.delivery} if asked.delivery else body
