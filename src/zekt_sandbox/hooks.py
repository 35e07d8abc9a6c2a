"""Webhooks: sent once, written into a log, and sent again only when somebody asks."""

import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from zekt_sandbox.clock import Clock
from zekt_sandbox.faults import Faults
from zekt_sandbox.letters import UNSENT, Hook, HookDelivery, Letter, Outcome, post, require_loopback
from zekt_sandbox.repositories import Repository

ANSWER_SECONDS = 10.0
"""How long GitHub waits: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks."""


class Hooks:
    """All hooks and their log. A delivery is tried once; GitHub never redelivers by itself.

    Args:
        faults: what goes wrong at `webhook`.
        closing: set when the server ends; no delayed webhook outlives it.
        clock: stamps the log's lines.
    """

    def __init__(self, faults: Faults, closing: threading.Event, clock: Clock) -> None:
        self.answer_seconds = ANSWER_SECONDS
        self._faults = faults
        self._closing = closing
        self._clock = clock
        self._lock = threading.Lock()
        self._hooks: dict[int, Hook] = {}
        self._log: list[HookDelivery] = []
        self._hook_ids = count(400_001)
        self._delivery_ids = count(12_345_678_901)

    def add(
        self,
        url: str,
        secret: str | None,
        *,
        repository: Repository | None = None,
        events: tuple[str, ...] = ("workflow_run",),
        target_id: int = 0,
        active: bool = True,
    ) -> Hook:
        """A new hook; without a repository it is the app's, of which there is one.

        Raises:
            ValueError: the URL is not on this machine.
        """
        require_loopback(url)
        with self._lock:
            if repository is None:
                self._hooks = {number: hook for number, hook in self._hooks.items() if hook.repository}
            target = repository.id if repository else target_id
            hook = Hook(next(self._hook_ids), url, secret, repository, events, target, active)
            self._hooks[hook.id] = hook
        return hook

    def change(self, hook: Hook, **fields: Any) -> Hook:
        """Replace its `url`, `secret`, `events` or `active`; what it sent before stays in the log as it was.

        Raises:
            ValueError: the URL is not on this machine.
        """
        require_loopback(fields.get("url", hook.url))
        with self._lock:
            self._hooks[hook.id] = changed = replace(self._hooks[hook.id], **fields)
        return changed

    def remove(self, hook_id: int) -> bool:
        with self._lock:
            return self._hooks.pop(hook_id, None) is not None

    def all(self) -> list[Hook]:
        with self._lock:
            return list(self._hooks.values())

    def get(self, hook_id: int) -> Hook | None:
        with self._lock:
            return self._hooks.get(hook_id)

    def app_hook(self) -> Hook | None:
        return next((hook for hook in self.all() if hook.repository is None), None)

    def send(
        self, event: str, payload: Mapping[str, Any], repository: Repository | None, *, app_only: bool = False
    ) -> list[HookDelivery]:
        """Tell every hook that hears of it, or the app's alone, one by one, under one guid, until all answered."""
        body = json.dumps(payload, separators=(",", ":")).encode()
        letter = Letter(str(uuid.uuid4()), event, payload.get("action"), body, repository)
        asked = [hook for hook in self.all() if hook.repository is None or not app_only]
        heard = [hook for hook in asked if hook.hears(event, repository)]
        return [delivery for hook in heard for delivery in self._deliver(hook, letter)]

    def ping(self, hook: Hook) -> HookDelivery:
        """GitHub pings a new hook."""
        kind = "Repository" if hook.repository else "App"
        config = {"url": hook.url, "content_type": "json", "insecure_ssl": "0"}
        about = {"id": hook.id, "type": kind, "active": True, "events": list(hook.events), "config": config}
        body = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": about}
        letter = Letter(str(uuid.uuid4()), "ping", None, json.dumps(body).encode(), hook.repository)
        return self._post(hook, letter)

    def redeliver(self, delivery_id: int) -> HookDelivery:
        """Send a logged delivery once more: same guid, same body, a new line in the log.

        Raises:
            LookupError: no such delivery, or its hook is gone.
        """
        old = self.delivery(delivery_id)
        hook = self.get(old.hook.id) if old else None
        if old is None or hook is None:
            raise LookupError(f"no delivery {delivery_id} of a hook that still exists")
        return self._post(hook, replace(old.letter, redelivery=True))

    def delivery(self, delivery_id: int) -> HookDelivery | None:
        return next((line for line in self.log() if line.id == delivery_id), None)

    def log(self, hook_id: int | None = None) -> list[HookDelivery]:
        """The delivery log, newest first: of one hook, or of all."""
        with self._lock:
            return [line for line in reversed(self._log) if hook_id in (None, line.hook.id)]

    def forget(self) -> None:
        """As after three days: the log is empty."""
        with self._lock:
            self._log.clear()

    def _deliver(self, hook: Hook, letter: Letter) -> list[HookDelivery]:
        fault = self._faults.take("webhook", str(letter.repository) if letter.repository else None)
        if fault is None:
            return [self._post(hook, letter)]
        if fault.kind == "lose":
            return []
        if fault.kind == "drop":
            return [self._keep(hook, letter, UNSENT)]
        if fault.kind == "hang" and self._closing.wait(fault.seconds):
            return [self._keep(hook, letter, UNSENT)]
        times = 2 if fault.kind == "duplicate" else 1
        return [self._post(hook, letter) for _ in range(times)]

    def _post(self, hook: Hook, letter: Letter) -> HookDelivery:
        return self._keep(hook, letter, post(hook, letter, self.answer_seconds))

    def _keep(self, hook: Hook, letter: Letter, outcome: Outcome) -> HookDelivery:
        with self._lock:
            line = HookDelivery(next(self._delivery_ids), hook, letter, outcome, self._clock.now())
            self._log.append(line)
        return line
