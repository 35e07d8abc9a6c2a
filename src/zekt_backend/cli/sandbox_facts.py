"""What of a broker's log somebody on a laptop wants to see, as sentences."""

import json
from collections.abc import Callable
from typing import Any

Tell = Callable[..., object]

_NOT_OURS = "whitelist"
_BAD, _AGAIN, _GOOD = "bold red", "bold yellow", "green"


class Facts:
    """Hears each line of the broker's log.

    Args:
        tell: is given a sentence, and its style.
        advice: by a delivery's id, what its owner is told about it; empty where nothing.
    """

    def __init__(self, tell: Tell, advice: Callable[[str], str]) -> None:
        self._tell = tell
        self._advice = advice
        self._accepted: set[str] = set()

    def hear(self, line: str) -> None:
        try:
            fact = json.loads(line)
        except ValueError:
            return
        if not isinstance(fact, dict):
            return
        match fact.get("event"):
            case "dispatch_answered":
                self._dispatched(fact)
            case "delivery_ended":
                self._ended(fact)
            case "event_received":
                self._received(fact)
            case _ if fact.get("level") == "error":
                self._tell(f"the broker: {fact.get('event')}, {fact.get('error') or fact.get('code') or ''}", _BAD)

    def _dispatched(self, fact: dict[str, Any]) -> None:
        delivery, attempt = fact["delivery_id"], fact["attempt"]
        what = f"{delivery} of run {fact['correlation_id']} to {fact['consumer']}, attempt {attempt}"
        if fact["category"] != "accepted":
            self._tell(f"not dispatched ({fact['category']}, HTTP {fact['http_status']}): {what}", _BAD)
        elif delivery in self._accepted:
            self._tell(f"dispatched AGAIN, since no run confirmed it in time: {what}", _AGAIN)
        else:
            self._accepted.add(delivery)
            self._tell(f"dispatched: {what}", _GOOD)

    def _ended(self, fact: dict[str, Any]) -> None:
        delivery = fact["delivery_id"]
        if fact["status"] == "completed":
            self._tell(f"completed: {delivery} of run {fact['correlation_id']}", _GOOD)
            return
        self._tell(f"FAILED ({fact['failure']}): {delivery} of run {fact['correlation_id']}", _BAD)
        self._advise(delivery)

    def _received(self, fact: dict[str, Any]) -> None:
        """A run that the setup file does not name as a provider's goes nowhere, as it should."""
        if not fact["deliveries"] and fact["against"] and _NOT_OURS not in fact["against"]:
            rules = ", ".join(map(str, fact["against"]))
            self._tell(
                f"nobody gets the end of run {fact['run_id']} ({rules}): `zekt explain {fact['run_id']}` says why",
                _AGAIN,
            )

    def _advise(self, delivery: str) -> None:
        if advice := self._advice(delivery):
            self._tell(f"  {advice}")
