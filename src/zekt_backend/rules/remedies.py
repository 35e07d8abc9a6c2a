"""What to do about a connection that is not well: each recommendation names the fix. Pure.

What is said depends on who reads it: the provider's side is its own business, and a consumer may not even know who it
is.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from zekt_backend.errors import DOCS
from zekt_backend.rules import health
from zekt_backend.rules.facts import Connection, Member
from zekt_backend.rules.failures import TITLES, Failed, Group, cause_of
from zekt_backend.rules.health import Statistics, Webhook
from zekt_backend.rules.listeners import listener

_FIRST_STEP = """
# the job's first step
- uses: zekt-dev-org/zekt-action/confirm@v0"""
_LAST_STEP = """# the job's last step
- uses: zekt-dev-org/zekt-action/complete@v0
  if: always()
  with:
    status: ${{ job.status }}"""


@dataclass(frozen=True, slots=True)
class Fix:
    """In words; and to copy: commands of `zekt` (on the broker's machine), requests of the API, lines of a file."""

    text: str
    commands: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    paste: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remedy:
    about: str
    """`status`, `retired`, `provider`, `consumer`, `inactive`, `late`, `webhook`, or the category of failures."""
    who: str
    """Who can do it: `provider`, `consumer`, `either`, `operator`; `nobody` has to do anything."""
    what: str
    fix: Fix
    count: int | None = None
    newest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """A connection, how it is doing, and who wants to know."""

    connection: Connection
    retired: bool
    provides: bool
    """Whoever reads may see the provider's side; else nothing is said of it but that it is the provider's."""
    statistics: Statistics
    groups: Sequence[Group]
    webhooks: Sequence[Webhook]
    """Of the ends that the reader may see."""
    web_url: str
    """GitHub's, for people."""
    now: datetime


def recommend(found: Situation) -> list[Remedy]:
    """What keeps it from running now, then what went wrong in 30 days, the newest first. Empty when all is well."""
    failed = sorted((part for group in found.groups for part in group.parts), key=lambda part: part.newest_at)
    return [
        *_standing(found),
        *_provider_side(found),
        *_consumer_side(found),
        *_lately(found),
        *(_webhook(hook, found) for hook in found.webhooks if hook.missed),
        *(_failed(part, found) for part in reversed(failed)),
    ]


def _standing(found: Situation) -> list[Remedy]:
    connection, name = found.connection, _word(found.connection.name)
    path = f"POST /api/subscriptions/{connection.subscription_id}"
    link = (f"{DOCS}/services.md#subscriptions",)
    if found.retired:
        fix = Fix(
            "Its provider publishes it again, or the consumer revokes the subscription.",
            (f"zekt subscriptions revoke {name}",),
            (f"{path}/revoke",),
            links=(f"{DOCS}/services.md#retire",),
        )
        return [Remedy("retired", "either", "The service is retired: nothing is delivered.", fix)]
    if connection.status == "requested":
        what = "The subscription waits for the provider's approval: nothing is delivered before."
        fix = Fix("The provider approves it.", (f"zekt subscriptions approve {name}",), (f"{path}/approve",), "", link)
        return [Remedy("status", "provider", what, fix)]
    if connection.status != "approved":
        fix = Fix(
            "The consumer asks for the service again, and the provider approves.",
            (f"zekt subscriptions request {name}", f"zekt subscriptions approve {name}"),
            ("POST /api/subscriptions",),
            links=link,
        )
        return [Remedy("status", "consumer", f"The subscription is {connection.status}: nothing is delivered.", fix)]
    return []


def _provider_side(found: Situation) -> list[Remedy]:
    connection, end = found.connection, found.connection.provider
    barrier = None if end.barrier is None or end.barrier.kind == "not_installed" else end.barrier
    whole = end.enabled and connection.as_provider and connection.whitelisted and barrier is None
    if whole:
        return []
    if not found.provides:
        fix = Fix("Ask the provider: its side has to be put right, and nothing here can do that.")
        return [Remedy("provider", "provider", "The provider's side sends nothing as things stand.", fix)]
    if not (end.enabled and connection.as_provider):
        return [_disabled(end, "provider")]
    if barrier is not None:
        return [_unreachable(end, "provider", found)]
    file = connection.workflow_path.rpartition("/")[2]
    what = f"{connection.workflow_path} of {end.full_name} is not whitelisted: what ends there is blocked."
    fix = Fix(
        "Whitelist the workflow.",
        (f"zekt workflows allow {_word(end.full_name)} {_word(file)}",),
        (f"PUT /api/repositories/{end.id}/workflows/{file}",),
    )
    return [Remedy("provider", "provider", what, fix)]


def _consumer_side(found: Situation) -> list[Remedy]:
    end = found.connection.consumer
    if not (end.enabled and found.connection.as_consumer):
        return [_disabled(end, "consumer")]
    return [] if end.barrier is None else [_unreachable(end, "consumer", found)]


def _disabled(end: Member, role: str) -> Remedy:
    fix = Fix(
        f"Enable it as a {role}.",
        (f"zekt repositories enable {_word(end.full_name)} --{role}",),
        (f"PUT /api/repositories/{end.id}/{role}",),
        links=(f"{DOCS}/api.md#repositories",),
    )
    return Remedy(role, role, f"{end.full_name} is not enabled as a {role}: nothing is delivered.", fix)


def _unreachable(end: Member, role: str, found: Situation) -> Remedy:
    if end.barrier is None:
        raise AssertionError("only where something keeps the app out")
    link = f"{DOCS}/lifecycle.md#suspended-and-removed"
    fix = Fix(end.barrier.advice, (_doctor(found),), links=(link,))
    return Remedy(role, role, f"{end.full_name} {end.barrier.what}.", fix)


def _lately(found: Situation) -> list[Remedy]:
    remedies, last = [], found.statistics.last_event_at
    if found.statistics.late:
        what = f"{_deliveries(found.statistics.late)} of the last 24 hours wait beyond their time."
        fix = Fix(
            "Each is tried again by itself, and fails with its reason when that does not help. If many are pending,"
            " look whether a worker runs, and whether GitHub limits the consumer's installation.",
            (f"zekt deliveries --status {'dispatched' if found.connection.durable else 'pending'}", _doctor(found)),
            links=(f"{DOCS}/lifecycle.md#from-pending-to-dispatched",),
        )
        remedies.append(Remedy("late", "nobody", what, fix, found.statistics.late))
    if last is not None and not health.is_active(found.statistics, found.now):
        repository = _word(found.connection.provider.full_name)
        blocked = (f"zekt events --repository {repository} --outcome blocked",) if found.provides else ()
        fix = Fix(
            "Did the provider's workflow run? If so, its event tells why nothing was delivered; if not, nothing is"
            " wrong here."
            + ("" if found.provides else " The provider knows; the subscription's own filters are yours to widen."),
            (*blocked, _doctor(found)),
            links=(f"{DOCS}/services.md#subscriptions",),
        )
        what = f"Nothing was delivered since {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC, for more than 7 days."
        remedies.append(Remedy("inactive", "either", what, fix, newest_at=last))
    return remedies


def _webhook(hook: Webhook, found: Situation) -> Remedy:
    times = "once" if hook.missed == 1 else f"{hook.missed} times"
    what = f"In the last 24 hours GitHub failed {times} to tell of the end of a run in {hook.repository}"
    what += f", and {hook.owed} of these did not come yet." if hook.owed else ", and it came later."
    fix = Fix(
        "The webhook's recent deliveries at GitHub tell why: usually the broker was down, or its address is wrong."
        " GitHub is asked to send each again.",
        (_doctor(found), "zekt reconcile"),
        links=(f"{DOCS}/reconcile.md",),
    )
    return Remedy("webhook", "operator", what, fix, hook.missed)


_WHO = {
    "auth": "operator",
    "network": "operator",
    "lost": "operator",
    "unexpected": "operator",
    "rate_limit": "nobody",
    "unavailable": "nobody",
    "timeout": "nobody",
    "invalid": "provider",
    "retired": "provider",
    "permission": "consumer",
    "not_found": "consumer",
    "unconfirmed": "consumer",
    "run_failed": "consumer",
    "overdue": "consumer",
}
_ASK_GITHUB = {"auth", "permission", "not_found", "unconfirmed", "suspended", "uninstalled", "not_installed"}
"""Where `zekt doctor` tells more."""


def _failed(part: Failed, found: Situation) -> Remedy:
    consumer = found.connection.consumer.full_name
    runs = f"{found.web_url}/{consumer}/actions?query=event%3Arepository_dispatch"
    paste = {
        "unconfirmed": listener([found.connection.event_type], "the default branch") + _FIRST_STEP,
        "overdue": _LAST_STEP,
    }
    links = {
        "unavailable": "https://www.githubstatus.com",
        "unconfirmed": f"{DOCS}/doctor.md",
        "run_failed": runs,
        "overdue": runs,
    }
    again, requests = _again(part, found)
    fix = Fix(
        part.advice or "Look at the newest of these deliveries: its history tells what happened.",
        (
            *((_doctor(found),) if part.category in _ASK_GITHUB else ()),
            *again,
        ),
        requests,
        paste.get(part.category, ""),
        tuple(filter(None, (links.get(part.category), f"{DOCS}/errors.md#why-a-delivery-failed"))),
    )
    what = f"{_deliveries(part.count)} failed in the last 30 days: {TITLES[cause_of(part.category)]}."
    return Remedy(part.category, _WHO.get(part.category, "either"), what, fix, part.count, part.newest_at)


def _again(part: Failed, found: Situation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Commands and requests that deliver once more: one, to try; then what failed of the whole connection."""
    if part.category == "revoked" or not part.delivery_id:
        return (), ()
    commands, requests = (f"zekt replay {part.delivery_id}",), (f"POST /api/replay/{part.delivery_id}",)
    if part.count == 1:
        return commands, requests
    number = found.connection.subscription_id
    return (
        (*commands, f"zekt replay --connection {_word(found.connection.name)} --since 30d --dry-run"),
        (*requests, f'POST /api/replays {{"connection": {number}, "dryRun": true}}'),
    )


def _deliveries(count: int) -> str:
    return "1 delivery" if count == 1 else f"{count:,} deliveries"


def _doctor(found: Situation) -> str:
    return f"zekt doctor {_word(found.connection.name)}"


def _word(text: str) -> str:
    """One word for a shell, whatever is in it."""
    return shlex.quote(text)
