"""Webhooks: signed, sent once, written into a log, and sent again only when somebody asks."""

import hashlib
import hmac
import ipaddress
import json
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import requests

from zekt_sandbox.faults import Faults
from zekt_sandbox.repositories import Repository

ANSWER_SECONDS = 10.0
"""How long GitHub waits: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks."""

_KEPT_RESPONSE_BYTES = 10_000


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def require_loopback(url: str) -> None:
    """The sandbox talks to this machine alone.

    Raises:
        ValueError: the URL's host is another one.
    """
    host = urlsplit(url).hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ValueError(f"the sandbox sends to this machine only (127.0.0.1, ::1 or localhost), not to {url!r}")


@dataclass(frozen=True, slots=True)
class Hook:
    """A repository's hook, or the app's own where `repository` is None."""

    id: int
    url: str
    secret: str | None = field(repr=False)
    repository: Repository | None = None
    events: tuple[str, ...] = ("workflow_run",)
    target_id: int = 0
    """`X-GitHub-Hook-Installation-Target-ID`: the repository's id or the app's."""

    def hears(self, event: str, repository: Repository | None) -> bool:
        if event != "ping" and event not in self.events and "*" not in self.events:
            return False
        return self.repository is None or repository is None or self.repository.id == repository.id


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """One line of a hook's delivery log. `status_code` 0: nothing was answered."""

    id: int
    guid: str
    hook_id: int
    event: str
    action: str | None
    delivered_at: datetime
    redelivery: bool
    duration: float
    """Seconds."""
    status: str
    """`OK`, or what went wrong."""
    status_code: int
    url: str
    request_headers: Mapping[str, str] = field(repr=False)
    request_body: bytes = field(repr=False)
    response_headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    response_body: str = field(repr=False, default="")
    installation_id: int | None = None
    repository_id: int | None = None

    @property
    def ok(self) -> bool:
        return self.status == "OK"


@dataclass(frozen=True, slots=True)
class _Letter:
    """What goes to every hook that hears of one event."""

    guid: str
    event: str
    action: str | None
    body: bytes
    repository: Repository | None
    redelivery: bool = False


def _headers(hook: Hook, letter: _Letter) -> dict[str, str]:
    """As https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers lists them."""
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/5a9d1b2",
        "X-GitHub-Delivery": letter.guid,
        "X-GitHub-Event": letter.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(hook.target_id),
        "X-GitHub-Hook-Installation-Target-Type": "repository" if hook.repository else "integration",
    }
    if hook.secret:
        headers["X-Hub-Signature-256"] = signature(hook.secret, letter.body)
    return headers


class Hooks:
    """All hooks and their log. A delivery is tried once; GitHub never redelivers by itself."""

    def __init__(self, faults: Faults) -> None:
        self.answer_seconds = ANSWER_SECONDS
        self._faults = faults
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
            hook = Hook(next(self._hook_ids), url, secret, repository, events, target)
            self._hooks[hook.id] = hook
        return hook

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

    def send(self, event: str, payload: Mapping[str, Any], repository: Repository | None) -> list[HookDelivery]:
        """Tell every hook that hears of it, one after the other, under one guid, until all answered."""
        letter = _Letter(
            guid=str(uuid.uuid4()),
            event=event,
            action=payload.get("action"),
            body=json.dumps(payload, separators=(",", ":")).encode(),
            repository=repository,
        )
        heard = [hook for hook in self.all() if hook.hears(event, repository)]
        return [delivery for hook in heard for delivery in self._deliver(hook, letter)]

    def ping(self, hook: Hook) -> HookDelivery:
        """GitHub pings a new hook."""
        body = {
            "zen": "Keep it logically awesome.",
            "hook_id": hook.id,
            "hook": {"id": hook.id, "type": "Repository"},
        }
        letter = _Letter(str(uuid.uuid4()), "ping", None, json.dumps(body).encode(), hook.repository)
        return self._keep(self._post(hook, letter))

    def redeliver(self, delivery_id: int) -> HookDelivery:
        """Send a logged delivery once more: same guid, same body, a new line in the log.

        Raises:
            LookupError: no such delivery, or its hook is gone.
        """
        old = self.delivery(delivery_id)
        hook = self.get(old.hook_id) if old else None
        if old is None or hook is None:
            raise LookupError(f"no delivery {delivery_id} of a hook that still exists")
        letter = _Letter(old.guid, old.event, old.action, old.request_body, hook.repository, redelivery=True)
        sent = self._post(hook, letter)
        return self._keep(replace(sent, installation_id=old.installation_id, repository_id=old.repository_id))

    def delivery(self, delivery_id: int) -> HookDelivery | None:
        return next((line for line in self.log() if line.id == delivery_id), None)

    def log(self, hook_id: int | None = None) -> list[HookDelivery]:
        """The delivery log, newest first: of one hook, or of all."""
        with self._lock:
            return [line for line in reversed(self._log) if hook_id in (None, line.hook_id)]

    def _deliver(self, hook: Hook, letter: _Letter) -> list[HookDelivery]:
        named = letter.repository.full_name if letter.repository else None
        fault = self._faults.take("webhook", named)
        kind = fault.kind if fault else "none"
        if kind == "lose":
            return []
        if kind == "drop":
            return [self._keep(self._line(hook, letter, status="failed to connect to host"))]
        if fault and kind == "hang":
            threading.Event().wait(fault.seconds)
        times = 2 if kind == "duplicate" else 1
        return [self._keep(self._post(hook, letter)) for _ in range(times)]

    def _keep(self, line: HookDelivery) -> HookDelivery:
        with self._lock:
            self._log.append(line)
        return line

    def _line(self, hook: Hook, letter: _Letter, *, status: str, **what: Any) -> HookDelivery:
        repo = letter.repository
        return HookDelivery(
            id=next(self._delivery_ids),
            guid=letter.guid,
            hook_id=hook.id,
            event=letter.event,
            action=letter.action,
            delivered_at=datetime.now(UTC),
            redelivery=letter.redelivery,
            duration=what.pop("duration", 0.0),
            status=status,
            status_code=what.pop("status_code", 0),
            url=hook.url,
            request_headers=_headers(hook, letter),
            request_body=letter.body,
            installation_id=repo.installation_id if repo else None,
            repository_id=repo.id if repo else None,
            **what,
        )

    def _post(self, hook: Hook, letter: _Letter) -> HookDelivery:
        started = time.perf_counter()
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment has no business on loopback
            try:
                answer = session.post(
                    hook.url,
                    data=letter.body,
                    headers=_headers(hook, letter),
                    timeout=self.answer_seconds,
                    allow_redirects=False,
                )
            except requests.Timeout:
                return self._line(hook, letter, status="timed out", duration=time.perf_counter() - started)
            except requests.RequestException:
                return self._line(hook, letter, status="failed to connect to host")
            return self._line(
                hook,
                letter,
                status="OK" if answer.ok else f"Invalid HTTP Response: {answer.status_code}",
                status_code=answer.status_code,
                duration=time.perf_counter() - started,
                response_headers=dict(answer.headers),
                response_body=answer.content[:_KEPT_RESPONSE_BYTES].decode(errors="replace"),
            )
