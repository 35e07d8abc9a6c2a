"""One webhook on its way: what it says, how it is signed, and what came back."""

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import requests

from zekt_sandbox.repositories import Repository

_KEPT_RESPONSE_BYTES = 10_000
_ALL_APPS_HEAR = frozenset({"installation", "installation_repositories"})
"""And none can ask for: https://docs.github.com/webhooks/webhook-events-and-payloads#installation ."""


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
    active: bool = True

    def hears(self, event: str, repository: Repository | None) -> bool:
        if self.repository is None and event in _ALL_APPS_HEAR:
            return self.active
        if not self.active or (event not in self.events and "*" not in self.events):
            return False
        return self.repository is None or repository is None or self.repository.id == repository.id


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes to every hook that hears of one event, under one guid."""

    guid: str
    event: str
    action: str | None
    body: bytes
    repository: Repository | None
    redelivery: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `status` is `OK` or what went wrong; `status_code` 0: nothing was answered."""

    status: str
    status_code: int = 0
    duration: float = 0.0
    """Seconds."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str = field(default="", repr=False)


UNSENT = Outcome("failed to connect to host")
"""What the delivery log says of a webhook that never reached anybody."""


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """One line of a hook's delivery log."""

    id: int
    hook: Hook
    letter: Letter
    outcome: Outcome
    delivered_at: datetime

    @property
    def ok(self) -> bool:
        return self.outcome.status == "OK"

    @property
    def guid(self) -> str:
        return self.letter.guid

    @property
    def event(self) -> str:
        return self.letter.event

    @property
    def redelivery(self) -> bool:
        return self.letter.redelivery

    @property
    def status(self) -> str:
        return self.outcome.status

    @property
    def status_code(self) -> int:
        return self.outcome.status_code


def headers(hook: Hook, letter: Letter) -> dict[str, str]:
    """As https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers lists them."""
    signed = {"X-Hub-Signature-256": signature(hook.secret, letter.body)} if hook.secret else {}
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/5a9d1b2",
        "X-GitHub-Delivery": letter.guid,
        "X-GitHub-Event": letter.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(hook.target_id),
        "X-GitHub-Hook-Installation-Target-Type": "repository" if hook.repository else "integration",
        **signed,
    }


def post(hook: Hook, letter: Letter, seconds: float) -> Outcome:
    """Send it once; an answer must begin within `seconds`, and a redirect is not followed."""
    started = time.perf_counter()
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment has no business on loopback
        try:
            answer = session.post(
                hook.url, letter.body, headers=headers(hook, letter), timeout=seconds, allow_redirects=False
            )
        except requests.Timeout:
            return Outcome("timed out", duration=time.perf_counter() - started)
        except requests.RequestException:
            return UNSENT
        return Outcome(
            status="OK" if answer.ok else f"Invalid HTTP Response: {answer.status_code}",
            status_code=answer.status_code,
            duration=time.perf_counter() - started,
            headers=dict(answer.headers),
            body=answer.content[:_KEPT_RESPONSE_BYTES].decode(errors="replace"),
        )
