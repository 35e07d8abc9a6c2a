"""The nouns, as frozen records: what the rules reason about and the store keeps."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RunKey:
    """What correlates an event with its messages: one attempt of one run of one repository."""

    repository_id: int
    run_id: int
    run_attempt: int

    @property
    def correlation_id(self) -> str:
        return str(self.run_id)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A completed `workflow_run`, as GitHub's webhook told it. Metadata only, never content."""

    guid: str
    """`X-GitHub-Delivery`: the same on a redelivery and for every hook that hears of this event."""
    key: RunKey
    repository: str
    workflow_id: int | None
    workflow_path: str | None
    """Normalised: `.github/workflows/x.yml`. None where an old-style payload has no path."""
    workflow_name: str
    conclusion: str | None
    head_branch: str | None
    head_sha: str
    event: str
    """The name of what started the run: push, schedule, repository_dispatch, …"""
    actor: str
    html_url: str
    started_at: str | None
    completed_at: str | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A genuine webhook that asks nothing of us, and why."""

    guid: str
    reason: str


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """Claims of a GitHub OIDC token whose signature, issuer, audience and times were verified.

    Identity comes from here and nowhere else (never from the body, never from `sub`).
    """

    issuer: str
    repository: str
    repository_id: int
    run_id: int
    run_attempt: int
    workflow_path: str
    """From `workflow_ref`: `.github/workflows/x.yml` (the caller's, also inside a reusable workflow)."""
    ref: str
    sha: str
    event_name: str
    actor: str
    token_id: str
    """`jti`: no two tokens of an issuer have the same."""
    expires_at: datetime
    check_run_id: str = ""
    """Tells the legs of a matrix apart; empty where the issuer does not send it."""
    extra: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> RunKey:
        return RunKey(self.repository_id, self.run_id, self.run_attempt)


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub said to one dispatch, sorted into what it means for the delivery.

    Exactly one of these holds: `accepted` (204), `permanent` (trying again cannot help), or neither (try
    again). `ambiguous` says that GitHub may have accepted it although we did not hear so. `limited` says that
    the whole installation must wait, `retry_after` seconds where GitHub named a time; an answer of any kind may be.
    """

    accepted: bool
    permanent: bool
    ambiguous: bool
    limited: bool
    http_status: int | None
    request_id: str | None
    category: str
    """accepted, auth, permission, suspended, not_found, invalid, rate_limit, unavailable, timeout, network, lost or
    unexpected; of what was not sent also revoked, or what kept the app from the repository (`rules/reach.py`)."""
    text: str
    """GitHub's own words, at most 2,000 characters, fit to show."""
    advice: str
    """What to do about it; empty when accepted."""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class RunState:
    """A workflow run as GitHub tells it when asked. `conclusion` is None until `status` is completed."""

    status: str
    conclusion: str | None
    run_attempt: int
