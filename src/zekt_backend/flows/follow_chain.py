"""The whole chain around one run: from its first cause down to all that followed."""

from collections.abc import Sequence
from typing import Any

from zekt_backend.rules import chain
from zekt_backend.rules.chain import Hop, Place, Run, Sight, Tree
from zekt_backend.store import chains
from zekt_backend.store.database import Tx

MAX_DEPTH = 30
"""Hops above the run that is asked about, and below the first one."""
MAX_HOPS = 200
_PER_RUN = 50
"""Deliveries of one run."""
_MAX_RUN_ID = 2**63 - 1

_EMPTY: dict[str, Any] = dict.fromkeys(
    (
        "deliveryId",
        "correlationId",
        "provider",
        "consumer",
        "service",
        "serviceAlias",
        "eventType",
        "status",
        "durable",
        "late",
        "attempts",
        "isReplay",
        "replayOf",
        "consumerRunId",
        "conclusion",
        "failure",
        "advice",
        *chain.TIMES,
    )
)


async def follow_chain(tx: Tx, correlation_id: str, *, mine: Sequence[int] | None) -> dict[str, Any] | None:
    """What somebody with the repositories `mine` (None: the operator) may see of it.

    None when no such run is known, or nobody of theirs was a party of what it sent: by the chain around a run that is
    not theirs, they would learn who else got what they got.
    """
    if not (correlation_id.isascii() and correlation_id.isdigit()) or int(correlation_id) > _MAX_RUN_ID:
        return None
    tree = Tree(Sight(None if mine is None else frozenset(mine)))
    runs = await chains.runs_of(tx, int(correlation_id))
    asked = await _hops(tx, runs, mine, tree)
    own = [hop for hop in asked if tree.sight.sees(hop)]
    if not own:
        return None
    if all(tree.sight.is_wall(hop) for hop in own):
        for hop in own:
            tree.add(hop, None)
    else:
        await _climb(tx, asked, mine, tree)
    await _descend(tx, mine, tree)
    places = chain.draw(tree)
    return await _told(tx, correlation_id, places, tree) if places else None


async def _hops(tx: Tx, runs: Sequence[Run], mine: Sequence[int] | None, tree: Tree) -> list[Hop]:
    """Of these runs; of one that delivered nothing, its own side sees what it sent."""
    if not runs:
        return []
    found = await chains.hops_of(tx, runs, mine=mine, per_run=_PER_RUN + 1)
    kept: dict[Run, list[Hop]] = {run: [] for run in runs}
    for hop in found:
        if len(kept[hop.run]) < _PER_RUN:
            kept[hop.run].append(hop)
        else:
            tree.more = True
    if barren := [run for run in runs if not kept[run]]:
        for hop in await chains.sent_in_vain(tx, barren, mine=mine):
            kept[hop.run].append(hop)
    return [hop for hops in kept.values() for hop in hops]


async def _climb(tx: Tx, asked: list[Hop], mine: Sequence[int] | None, tree: Tree) -> None:
    """Up to the first cause, or to the wall before it; then put the way there, and what was asked for, in the tree."""
    above: list[Hop] = []
    run, seen = asked[0].run, {hop.run for hop in asked}
    while (cause := await chains.cause_of(tx, run)) is not None:
        above.insert(0, cause)
        tree.more |= len(above) == MAX_DEPTH
        if tree.sight.is_wall(cause) or cause.run in seen or len(above) == MAX_DEPTH:
            break
        seen.add(cause.run)
        run = cause.run
    for number, hop in enumerate(above):
        tree.add(hop, above[number - 1].key if number else None)
    for hop in asked:
        tree.add(hop, above[-1].key if above else None)
    if above and cause is None:
        # The first cause's own run: all of what it delivered is a beginning.
        for hop in await _hops(tx, [run], mine, tree):
            tree.add(hop, None)


async def _descend(tx: Tx, mine: Sequence[int] | None, tree: Tree) -> None:
    """Level by level, each run once."""
    seen: set[Run] = {tree.hops[key].run for key in tree.roots}
    level = [tree.hops[key] for key in tree.roots]
    for _ in range(MAX_DEPTH):
        ids = [hop.delivery_id for hop in level if hop.delivery_id and not tree.ends_at(hop)]
        started = await chains.caused_by(tx, ids, MAX_HOPS + 1) if ids else []
        parents: dict[Run, str] = {}
        for delivery_id, run in started:
            if run not in seen:
                seen.add(run)
                parents[run] = delivery_id
        if not parents:
            return
        tree.more |= len(started) > MAX_HOPS
        level = await _hops(tx, list(parents), mine, tree)
        for hop in level:
            if len(tree.hops) >= MAX_HOPS and hop.key not in tree.hops:
                tree.more = True
                return
            tree.add(hop, parents[hop.run])
    tree.more |= bool(level)


async def _told(tx: Tx, correlation_id: str, places: list[Place], tree: Tree) -> dict[str, Any]:
    shown = [place.hop for place in places if place.hop]
    delivered = await chains.told_of(tx, [hop.delivery_id for hop in shown if hop.delivery_id])
    in_vain = await chains.told_in_vain(tx, [hop.run for hop in shown if not hop.delivery_id])
    # What went while it was being read is left blank.
    known = {**delivered, **{Hop(run).key: row for run, row in in_vain.items()}}
    hops = [
        _hop(place, known[place.hop.key], correlation_id, tree.sight)
        if place.hop and place.hop.key in known
        else _blank(place)
        for place in places
    ]
    times = [hop[name] for hop in hops for name in chain.TIMES if hop[name]]
    traces = (known[hop.key]["trace"] for hop in shown if hop.key in known)
    return {
        "correlationId": correlation_id,
        "traceId": next(filter(None, traces), None),
        "startedAt": min(times, default=None),
        "endedAt": max(times, default=None),
        "durationMs": chain.total(times),
        "more": tree.more,
        "hops": hops,
    }


def _blank(place: Place) -> dict[str, Any]:
    where = {"hop": place.number, "parent": place.parent, "depth": place.depth, "yours": False, "asked": False}
    return {**where, **_EMPTY, "durations": chain.durations(_EMPTY)}


def _hop(place: Place, row: dict[str, Any], asked: str, sight: Sight) -> dict[str, Any]:
    told = {**_blank(place), **{name: value for name, value in row.items() if name in _EMPTY}, "yours": True}
    hop = place.hop or Hop(Run(0, 0))
    if hop.delivery_id is None:
        told["correlationId"] = str(hop.run.run_id)
        told["status"] = "waiting" if row["eventReceivedAt"] is None else "blocked"
    if sight.is_wall(hop):
        # Times of its provider's run, and its name, are the provider's.
        told |= {"provider": None, "messageReceivedAt": None, "eventReceivedAt": None}
    return {**told, "asked": told["correlationId"] == asked, "durations": chain.durations(told)}
