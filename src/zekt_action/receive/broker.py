"""What confirm and complete say to the broker."""

from __future__ import annotations

from typing import Any, NamedTuple

from zekt_action import __version__, event
from zekt_action.errors import ActionError
from zekt_action.oidc import TokenSource
from zekt_action.post import refuse
from zekt_action.receive.inputs import Wishes
from zekt_action.report import Report
from zekt_action.transport import Answer, Request, Transport
from zekt_action.tries import Deadline, keep_trying

_STATUSES = {"pending", "dispatched", "confirmed", "completed", "failed"}
_MAX_TEXT = 500


class Acknowledgement(NamedTuple):
    """What the broker answered, as far as these steps need it (`wire.Acknowledgement` is the whole of it)."""

    delivery_id: str
    status: str
    attempt: int
    duplicate: bool
    text: str


class Broker(NamedTuple):
    """The broker, at the one address that the workflow named; nothing of the event changes where it is."""

    wishes: Wishes
    tokens: TokenSource
    send: Transport
    deadline: Deadline
    report: Report

    def acknowledge(self, verb: str, body: bytes) -> Acknowledgement:
        """`POST /api/event-delivery/confirm` or `…/complete`; both may be repeated without harm.

        Raises:
            ActionError: no token, no broker, or it refused.
        """
        answer = self._ask("POST", f"/api/event-delivery/{verb}", body)
        refuse(answer)
        return _acknowledgement(answer)

    def message(self, delivery_id: str) -> Answer | None:
        """`GET /api/event-delivery/{id}/payload`: the message's own bytes; None when there is none.

        Raises:
            ActionError: as above.
        """
        answer = self._ask("GET", f"/api/event-delivery/{delivery_id}/payload", None)
        if answer.json().get("code") == "no_payload" and not answer.ok:
            return None
        refuse(answer)
        return answer

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {
            "Accept": "application/json",
            "User-Agent": f"zekt-action/{__version__}",
            "x-github-repository": self.report.job.repository,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"

        def attempt() -> Answer:
            token = self.tokens.fetch(self.send, self.deadline, self.report.mask)
            request = Request(method, self.wishes.api_url + path, headers, token, body)
            return self.send(request, self.deadline.for_one_try())

        most = self.wishes.max_attempts
        answer, _ = keep_trying(attempt, most=most, deadline=self.deadline, tell=self.report.say)
        return answer


def _acknowledgement(answer: Answer) -> Acknowledgement:
    found: dict[str, Any] = answer.json()
    delivery_id, status = event.identifier(found.get("deliveryId")), found.get("status")
    if delivery_id is None or status not in _STATUSES:
        raise ActionError("answer_unreadable", f"HTTP {answer.status} came without a delivery's id and status.")
    attempt, text = event.count(found.get("attempt")), found.get("message")
    return Acknowledgement(
        delivery_id=delivery_id,
        status=str(status),
        attempt=1 if attempt is None else attempt,
        duplicate=found.get("duplicate") is True,
        text=text[:_MAX_TEXT] if isinstance(text, str) else "",
    )
