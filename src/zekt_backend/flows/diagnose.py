"""Collect what a connection rests on, from our database and from GitHub, and say what is wrong with it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from zekt_backend.errors import ZektError
from zekt_backend.github.inspect import Inspector
from zekt_backend.rules.diagnosis import diagnose as judge
from zekt_backend.rules.facts import Connection, Facts, Finding, Runs, Sent, Unknown
from zekt_backend.rules.started import GRACE
from zekt_backend.store import connections
from zekt_backend.store.database import Tx

HOURS = 24
"""How far back deliveries are looked at."""

_TYPES_SINCE = timedelta(days=30)
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Diagnosis:
    connection: Connection
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What our database has."""

    connection: Connection
    event_types: tuple[str, ...]
    dispatched: int
    unconfirmed: tuple[Sent, ...]
    confirming: frozenset[int]


async def diagnose(name: str, *, tx: Tx, now: datetime, inspector: Inspector) -> Diagnosis:
    """Every check of one connection.

    Args:
        name: `SERVICE-SLUG@OWNER/REPO`, the repository being the consumer's.
        tx: only read from.
        now: the end of the time that is looked at.
        inspector: asks GitHub; in a thread, since it blocks.

    Raises:
        ZektError: `not_found`, with the connections that there are.
    """
    kept = await _kept(tx, name, now)
    facts = await asyncio.to_thread(_facts, kept, inspector, now)
    return Diagnosis(kept.connection, judge(facts))


async def _kept(tx: Tx, name: str, now: datetime) -> _Kept:
    service, _, consumer = name.partition("@")
    connection = await connections.find(tx, service, consumer)
    if connection is None:
        known = await connections.names(tx, _MOST_NAMED)
        there = f"There are: {', '.join(known)}." if known else "There is none yet: `zekt setup apply` makes them."
        raise ZektError("not_found", f"There is no connection {name!a}; write SERVICE-SLUG@OWNER/REPO. {there}")
    since = now - timedelta(hours=HOURS)
    return _Kept(
        connection=connection,
        event_types=await _event_types(tx, connection, now),
        dispatched=await connections.dispatched(tx, connection, since),
        unconfirmed=await connections.unconfirmed(tx, connection, since, now - GRACE),
        confirming=await connections.confirming_runs(tx, connection.consumer.id, since),
    )


async def _event_types(tx: Tx, connection: Connection, now: datetime) -> tuple[str, ...]:
    """What the consumer should listen for: what it asked for, else what the service has sent of late and its own."""
    if connection.metadata_only:
        return (connection.event_type,)
    if connection.wanted is not None:
        return connection.wanted
    sent = await connections.event_types(tx, connection, now - _TYPES_SINCE)
    return tuple(dict.fromkeys((connection.event_type, *sent)))


def _facts(kept: _Kept, inspector: Inspector, now: datetime) -> Facts:
    """Blocks while GitHub is asked."""
    connection = kept.connection
    provider = inspector.side(connection.provider, hooks=True)
    consumer = inspector.side(connection.consumer, hooks=connection.completion_tracking)
    runs: Runs | Unknown = Runs(())
    if kept.unconfirmed:
        runs = inspector.runs(connection.consumer, consumer, now - timedelta(hours=HOURS) - GRACE)
    if isinstance(runs, Runs):
        runs = replace(runs, found=tuple(run for run in runs.found if run.id not in kept.confirming))
    return Facts(
        connection=connection,
        event_types=kept.event_types,
        hook_url=inspector.hook_url,
        provider=provider,
        consumer=consumer,
        files=inspector.files(connection.consumer, consumer),
        hours=HOURS,
        dispatched=kept.dispatched,
        unconfirmed=kept.unconfirmed,
        runs=runs,
    )
