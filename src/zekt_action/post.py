"""Send the message, as often as it takes, inside one deadline. 3.9."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from zekt_action import __version__, event
from zekt_action.errors import ActionError, broker_code
from zekt_action.oidc import TokenSource
from zekt_action.transport import Answer, Request, Transport
from zekt_action.tries import Deadline, keep_trying

_MAX_TEXT = 500
_MOST_PLACES = 5
_MAX_PLACE = 200


class Receipt:
    """What the broker answered, as far as this step needs it (`wire.Receipt` is the whole of it)."""

    def __init__(
        self, event_id: str, consumers_notified: int, *, known_before: bool, tries: int, redacted: tuple[str, ...]
    ) -> None:
        """Keep it; `redacted` is where the broker took credentials out, and of what kind, in its own words."""
        self.event_id, self.consumers_notified, self.known_before = event_id, consumers_notified, known_before
        self.tries, self.redacted = tries, redacted


class Letter:
    """A message ready to go."""

    def __init__(self, api_url: str, repository: str, message_id: str, body: bytes) -> None:
        self.api_url, self.repository, self.message_id, self.body = api_url, repository, message_id, body


def post(
    letter: Letter,
    tokens: TokenSource,
    send: Transport,
    *,
    most: int,
    deadline: Deadline,
    mask: Callable[[str], None],
    tell: Callable[[str], None],
) -> Receipt:
    """Deliver one message and return the receipt.

    Raises:
        ActionError: no token, no broker, or it refused; then `code` is the broker's own.
    """

    def attempt() -> Answer:
        token = tokens.fetch(send, deadline, mask)
        return send(_request(letter, token), deadline.for_one_try())

    answer, tries = keep_trying(attempt, most=most, deadline=deadline, tell=tell)
    refuse(answer)
    return _receipt(answer, tries)


def _request(letter: Letter, token: str) -> Request:
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "User-Agent": f"zekt-action/{__version__}",
        "x-github-repository": letter.repository,
        "Idempotency-Key": letter.message_id,
    }
    return Request("POST", f"{letter.api_url}/api/events/receive", headers, token, letter.body)


def refuse(answer: Answer) -> None:
    """Turn every final answer but 200 and 202 into an error.

    Raises:
        ActionError: `redirected`, or the broker's own code with its own words.
    """
    if answer.ok:
        return
    if answer.redirects:
        raise ActionError("redirected", f"HTTP {answer.status} to {answer.headers.get('location', '')[:_MAX_TEXT]}")
    problem = answer.json()
    words = next((problem[key] for key in ("detail", "message", "error") if isinstance(problem.get(key), str)), "")
    raise ActionError(broker_code(problem.get("code")), f"HTTP {answer.status}. {words[:_MAX_TEXT]}")


def _receipt(answer: Answer, tries: int) -> Receipt:
    found = answer.json()
    event_id, consumers = event.identifier(found.get("eventId")), event.count(found.get("consumersNotified"))
    if event_id is None or consumers is None:
        raise ActionError("answer_unreadable", f"HTTP {answer.status} came without an eventId and consumersNotified.")
    known, redacted = answer.status == HTTPStatus.OK, _redacted(found.get("redacted"))
    return Receipt(event_id, consumers, known_before=known, tries=tries, redacted=redacted)


def _redacted(places: object) -> tuple[str, ...]:
    """At most so many as a person reads; whatever else an answer holds there is left out."""
    if not isinstance(places, list):
        return ()
    pairs = [(event.member(place, "pointer"), event.member(place, "kind")) for place in places[:_MOST_PLACES]]
    return tuple(
        f"{pointer[:_MAX_PLACE] or 'the whole message'} ({kind[:_MAX_PLACE]})"
        for pointer, kind in pairs
        if isinstance(pointer, str) and isinstance(kind, str)
    )
