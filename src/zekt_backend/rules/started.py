"""Was an accepted dispatch followed by a run? GitHub's 204 has no run id, so they are matched by their times. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zekt_backend.rules.facts import (
    MOST_NAMED,
    Facts,
    Finding,
    RepositoryState,
    Run,
    Runs,
    Sent,
    Unknown,
    Verdict,
    listed,
    not_told,
    shown,
)

GRACE = timedelta(minutes=2)
"""A dispatch younger than this may still start its run."""

# Two clocks, and GitHub's in whole seconds; and GitHub may be slow to start what it accepted.
_BEFORE = timedelta(minutes=1)
_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Trace:
    """Every unconfirmed delivery, oldest first, under what became of it."""

    without_run: tuple[str, ...] = ()
    with_run: tuple[tuple[str, Run], ...] = ()
    """(delivery id, the run that may be its own)"""
    untold: tuple[str, ...] = ()
    """Older than the runs that GitHub listed."""


def trace(sent: Iterable[Sent], runs: Runs) -> Trace:
    """Match each dispatch with at most one run, in order of time.

    Other dispatches to the same repository start runs too, so a match is a guess: `with_run` may hold a delivery
    whose run never started, but `without_run` none that GitHub lists a run for.
    """
    ordered = sorted(sent, key=lambda each: (each.at, each.attempt))
    matched = _matches([each.at for each in ordered], sorted(runs.found, key=lambda run: (run.created_at, run.id)))
    started: dict[str, Run] = {}
    seen: dict[str, datetime] = {}
    for each, run in zip(ordered, matched, strict=True):
        seen.setdefault(each.delivery_id, each.at)
        if run is not None:
            started[each.delivery_id] = run
    since = runs.complete_since
    hidden = {name for name, at in seen.items() if since is not None and at - _BEFORE < since} - set(started)
    return Trace(
        without_run=tuple(name for name in seen if name not in started and name not in hidden),
        with_run=tuple(started.items()),
        untold=tuple(name for name in seen if name in hidden),
    )


def _matches(times: Sequence[datetime], runs: Sequence[Run]) -> list[Run | None]:
    """For each time, the earliest run of its window that no earlier time took."""
    found: list[Run | None] = []
    free = 0
    for at in times:
        while free < len(runs) and runs[free].created_at < at - _BEFORE:
            free += 1
        fits = free < len(runs) and runs[free].created_at <= at + _AFTER
        found.append(runs[free] if fits else None)
        free += fits
    return found


def started(facts: Facts) -> Finding:
    """Were the durable deliveries of late followed by a run?"""
    check = "runs"
    if not facts.dispatched:
        what = f"No durable delivery was dispatched in the last {facts.hours} hours."
        if not facts.connection.durable:
            what += " Of fire-and-forget deliveries Zekt does not hear whether they start anything."
        return Finding(check, Verdict.OK, what)
    of = f"of {facts.dispatched} durable deliveries of the last {facts.hours} hours"
    if not facts.unconfirmed:
        return Finding(check, Verdict.OK, f"None {of} waits for its confirmation longer than it should.")
    if isinstance(facts.runs, Unknown):
        count = len({sent.delivery_id for sent in facts.unconfirmed})
        return not_told(check, f"{count} {of} are not confirmed; whether runs started could not be asked", facts.runs)
    found = trace(facts.unconfirmed, facts.runs)
    state = facts.consumer.repository
    return _traced(check, of, found, state.html_url if isinstance(state, RepositoryState) else "")


def _traced(check: str, of: str, found: Trace, home: str) -> Finding:
    parts = []
    if found.without_run:
        parts.append(f"{len(found.without_run)} {of} were never followed by a run: {listed(found.without_run)}.")
    if found.with_run:
        runs = ", ".join(f"{name} ({_run(run)})" for name, run in found.with_run[:MOST_NAMED])
        parts.append(f"{len(found.with_run)} {of} were followed by a run that never confirmed: {runs}.")
    if found.untold:
        parts.append(f"{len(found.untold)} {of} are older than the runs that GitHub lists.")
    if not found.without_run and not found.with_run:
        return Finding(check, Verdict.UNKNOWN, " ".join(parts))
    if found.without_run:
        why = "GitHub took the dispatch (204) and started nothing: see consumer.workflow."
        why += f" {shown(home)}/actions?query=event%3Arepository_dispatch" if home else ""
        return Finding(check, Verdict.PROBLEM, " ".join(parts), why)
    why = "The confirm step is missing, comes too late or fails: it must be the job's first. Its log says which."
    return Finding(check, Verdict.PROBLEM, " ".join(parts), why, _CONFIRM)


_CONFIRM = """\
permissions:
  id-token: write
steps:
  - uses: zekt-dev-org/zekt-action/confirm@v0"""


def _run(run: Run) -> str:
    return f"{shown(run.status)}, {shown(run.html_url)}"
