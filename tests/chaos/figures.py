"""The figures of a run: as JSON, and as a table to read."""

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from chaos import ledger
from chaos.rehearsal import TAKE_OVER_SECONDS, Outcome
from zekt_backend import __version__

Figures = dict[str, Any]


def figures(outcome: Outcome) -> Figures:
    """Everything worth knowing about a run; docs/reliability.md explains each."""
    options, facts = outcome.stage.options, outcome.evidence
    messages = sum(len(owed.messages) for owed in facts.owed)
    events = sum(owed.event for owed in facts.owed)
    attempts = [attempt for delivery in facts.deliveries for attempt in delivery.attempts]
    found = Counter(finding.kind for finding in outcome.findings)
    return {
        "passed": not outcome.findings and not outcome.troubles,
        "at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "version": __version__,
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "options": {"items": options.items, "seed": options.seed, "rate": options.rate},
        "postgresql": outcome.server,
        "seconds": {name: round(value, 1) for name, value in outcome.seconds.items()},
        "acknowledged": {
            "items": ledger.acknowledged(facts),
            "messages": messages,
            "events": events,
            "never": sum(len(owed.doubtful) + (not owed.event) for owed in facts.owed),
        },
        "answers": dict(sorted(outcome.caller.statuses.items())),
        "deliveries": len(facts.deliveries),
        "durable": sum(delivery.durable for delivery in facts.deliveries),
        "statuses": dict(sorted(Counter(delivery.status for delivery in facts.deliveries).items())),
        "dispatches": len(facts.received),
        "redispatched": sum(line.fact == "unheard" for delivery in facts.deliveries for line in delivery.history),
        "extra": ledger.extra(facts),
        "ambiguous": dict(
            sorted(Counter(attempt.category or "open" for attempt in attempts if attempt.ambiguous).items())
        ),
        "duplicates_told": outcome.consumers.told_duplicates,
        "faults": outcome.mischief.struck,
        "kills": dict(sorted(Counter(kill.target for kill in outcome.killer.kills).items())),
        "starts": {service.name: len(service.starts) for service in outcome.stage.services},
        "ended_by_itself": sum(service.ended_by_itself for service in outcome.stage.services),
        "database_down_seconds": _spread([until - since for since, until in outcome.stage.postgres.away]),
        "take_over_seconds": _spread([take_over.seconds for take_over in outcome.take_overs]),
        "take_over_wall_seconds": _spread([take_over.wall for take_over in outcome.take_overs]),
        "findings": {kind: found[kind] for kind in ledger.KINDS},
        "troubles": outcome.troubles[:20],
        "first_findings": [str(finding) for finding in outcome.findings[:20]],
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {"count": 0}
    return {"count": len(values), "median": round(median(values), 1), "longest": round(max(values), 1)}


def rows(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a reader wants to see first, in words."""
    acknowledged, found = run["acknowledged"], run["findings"]
    killed = run["kills"]
    return [
        ("verdict", "passed" if run["passed"] else "FAILED"),
        (
            "acknowledged",
            f"{acknowledged['items']:,} ({acknowledged['messages']:,} messages, {acknowledged['events']:,} events)",
        ),
        ("sent, never acknowledged", f"{acknowledged['never']}"),
        ("deliveries", f"{run['deliveries']:,}, {run['durable']:,} of them durable"),
        ("dispatches GitHub accepted", f"{run['dispatches']:,}"),
        (
            "killed with -9",
            f"{sum(killed.values())}: " + ", ".join(f"{name} {count}" for name, count in killed.items()),
        ),
        ("time between kill and kill", "2 to 5 s, sometimes two at once"),
        ("faults of GitHub's", f"{run['faults']}"),
        ("**lost**", f"**{found['lost']}**"),
        ("**stuck**", f"**{found['stuck']}**"),
        ("wrong, unexpected or duplicate deliveries", f"{found['wrong']}, {found['unexpected']}, {found['duplicate']}"),
        ("illegal histories, wrong ends", f"{found['illegal']}, {found['ended']}"),
        ("extra dispatches", f"{run['extra']}, of which unexplained **{found['unexplained']}**"),
        ("dispatched again, unconfirmed", f"{run['redispatched']}"),
        ("take-overs", _said(run["take_over_seconds"], f"at most {TAKE_OVER_SECONDS:g} s allowed")),
        ("take-overs, everything counted", _said(run["take_over_wall_seconds"], "also while nobody was left to do it")),
        ("PostgreSQL away after a kill", _said(run["database_down_seconds"], "its own recovery")),
        ("processes that ended by themselves", f"{run['ended_by_itself']}"),
        ("time", f"{run['seconds']['played']:.0f} s, and {run['seconds']['settled']:.0f} s to settle"),
        ("seed", f"{run['options']['seed']}"),
    ]


def _said(spread: Mapping[str, float], note: str) -> str:
    if not spread["count"]:
        return f"none ({note})"
    return f"{spread['count']:.0f}: median {spread['median']} s, longest {spread['longest']} s ({note})"


def text(run: Mapping[str, Any]) -> str:
    """For a terminal."""
    lines = [(name.strip("*"), value.replace("**", "")) for name, value in rows(run)]
    width = max(len(name) for name, _ in lines)
    table = [f"{name:<{width}}  {value}" for name, value in lines]
    return "\n".join([*table, *run["troubles"], *run["first_findings"]])


def markdown(runs: Sequence[Mapping[str, Any]]) -> str:
    """For docs/reliability.md: a column for each run."""
    columns = [rows(run) for run in runs]
    head = ["| figure | " + " | ".join(f"run {number}" for number in range(1, len(runs) + 1)) + " |"]
    rule = ["|---|" + "---|" * len(runs)]
    body = [
        f"| {name} | " + " | ".join(column[number][1] for column in columns) + " |"
        for number, (name, _) in enumerate(columns[0] if columns else [])
    ]
    return "\n".join([*head, *rule, *body])
