"""What a diagnosis rests on, and what comes of it. What GitHub did not tell is `Unknown`, what it denied is None."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from zekt_backend.rules.answers import printable
from zekt_backend.rules.reach import Barrier
from zekt_workflows.listening import Listening

MOST_NAMED = 10
"""Files, deliveries and types that a finding names; more are counted."""


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and how it came out; every text is fit to show."""

    check: str
    verdict: Verdict
    what: str
    why: str = ""
    paste: str = ""
    """Lines to copy, or empty."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be found out."""

    why: str


@dataclass(frozen=True, slots=True)
class Member:
    """One end of a connection, as our database has it."""

    id: int
    full_name: str
    enabled: bool
    installation_id: int | None
    barrier: Barrier | None = None
    """What GitHub has told that keeps the app out."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A subscription with both its ends, as our database has it."""

    subscription_id: int
    status: str
    durable: bool
    as_provider: bool
    """Whether the provider's repository is enabled as one; `as_consumer`, the consumer's."""
    as_consumer: bool
    service: str
    event_type: str
    metadata_only: bool
    workflow_path: str
    whitelisted: bool
    completion_tracking: bool
    provider: Member
    consumer: Member
    wanted: tuple[str, ...] | None = None
    """The event types that the subscription asks for; None for all."""

    @property
    def name(self) -> str:
        """As it is written on the command line."""
        return f"{self.service}@{self.consumer.full_name}"


@dataclass(frozen=True, slots=True)
class Installation:
    id: int
    suspended: bool
    permissions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RepositoryState:
    id: int
    archived: bool
    disabled: bool
    default_branch: str
    html_url: str


@dataclass(frozen=True, slots=True)
class File:
    """A workflow file of the default branch."""

    path: str
    listening: Listening
    state: str | None = None
    """`active`, `disabled_manually`, `disabled_inactivity`, …; None where GitHub did not say."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The newest line of a hook's delivery log that is about a run."""

    ok: bool
    status: str
    at: str


@dataclass(frozen=True, slots=True)
class Hook:
    name: str
    """For people: `the app's webhook`, `webhook 17 of owner/name`."""
    url: str
    ours: bool
    """Whether that is where our webhooks should arrive."""
    active: bool
    content_type: str
    events: tuple[str, ...]
    newest: Delivered | Unknown | None


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a connection, as GitHub tells it."""

    installation: Installation | Unknown | None
    """The app's installation that covers the repository."""
    known_installation: Installation | Unknown | None
    """The one our database names, where none covers the repository."""
    repository: RepositoryState | Unknown | None
    hooks: tuple[Hook, ...] = ()
    untold: tuple[Unknown, ...] = ()
    """Hooks that could not be asked for."""


@dataclass(frozen=True, slots=True)
class Files:
    """The consumer's workflow files, and what GitHub would not say about them."""

    found: tuple[File, ...] | Unknown
    states: Unknown | None = None
    left_out: int = 0
    """Files that were not read, because there are too many."""
    actions_enabled: bool | None = None
    """None: the app may not ask (it needs administration: read), so nothing is made of it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An accepted dispatch of a durable delivery that nobody has confirmed."""

    delivery_id: str
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    id: int
    created_at: datetime
    status: str
    """Its conclusion, or how it stands."""
    html_url: str


@dataclass(frozen=True, slots=True)
class Runs:
    """The consumer's runs of `repository_dispatch`, without those that confirmed something."""

    found: tuple[Run, ...]
    complete_since: datetime | None = None
    """The list begins here, because GitHub has more; None: it has all of the time that was asked for."""


@dataclass(frozen=True, slots=True)
class Facts:
    connection: Connection
    event_types: tuple[str, ...]
    """What the service can send: its own event type first, then those its messages had."""
    hook_url: str | None
    """Where GitHub should send webhooks; None when nobody said where we are."""
    provider: Side
    consumer: Side
    files: Files
    hours: int
    """How far back `dispatched` and `unconfirmed` go."""
    dispatched: int = 0
    """Durable deliveries that were dispatched."""
    unconfirmed: tuple[Sent, ...] = ()
    runs: Runs | Unknown = field(default_factory=lambda: Runs(()))


def not_told(check: str, what: str, unknown: Unknown) -> Finding:
    """What could not be found out, and why."""
    return Finding(check, Verdict.UNKNOWN, f"{what}.", shown(unknown.why, 500))


def listed(names: Sequence[str]) -> str:
    """`a, b and 3 more`, fit to show."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(shown, names[:MOST_NAMED])) + more


def shown(text: str, most: int = 200) -> str:
    """A stranger's text, fit for a terminal, a log and a page; at most so many characters."""
    return printable(text[: 4 * most])[:most]
