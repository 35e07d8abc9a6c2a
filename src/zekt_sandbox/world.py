"""All that the stand-in GitHub knows, in one place: what the routes read and the Python API drives."""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zekt_sandbox.clock import Clock
from zekt_sandbox.credentials import Credentials
from zekt_sandbox.dispatches import Dispatches
from zekt_sandbox.faults import Faults
from zekt_sandbox.hooks import Hooks
from zekt_sandbox.issues import Issues
from zekt_sandbox.keys import SigningKeys
from zekt_sandbox.limits import Limits
from zekt_sandbox.oauth import OAuth
from zekt_sandbox.oidc import Issuer
from zekt_sandbox.people import People
from zekt_sandbox.repositories import Repositories
from zekt_sandbox.runs import Runs
from zekt_sandbox.workflows import Workflows

if TYPE_CHECKING:
    from zekt_sandbox.local.room import LocalRoom

_REMEMBERED_REQUESTS = 20_000


@dataclass(slots=True)
class Visit:
    """One request to the stand-in (but to its own control routes). `status` None: nothing was answered."""

    method: str
    path: str
    where: str
    """dispatch, rest, oidc or jwks."""
    repository: str | None
    installation_id: int | None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    status: int | None = None
    fault: str | None = None


class World:
    """Everything here may be used from any thread."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.faults = Faults()
        self.limits = Limits()
        self.repositories = Repositories()
        self.credentials = Credentials(self.repositories)
        self.people = People()
        self.oauth = OAuth()
        self.keys = SigningKeys()
        self.issuer = Issuer(f"{url}/oidc", self.keys)
        self.clock = Clock()
        self.runs = Runs(url, self.issuer, self.clock)
        self.workflows = Workflows()
        self.closing = threading.Event()
        self.hooks = Hooks(self.faults, self.closing, self.clock)
        self.dispatches = Dispatches()
        self.issues = Issues()
        self.local: LocalRoom | None = None
        self.visits: deque[Visit] = deque(maxlen=_REMEMBERED_REQUESTS)
