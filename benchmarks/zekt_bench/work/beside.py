"""The same works by others: what each of the peers does, and the original action in turn with ours."""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from zekt_bench.figures import Row, missing
from zekt_bench.install import NotInstalled, installed
from zekt_bench.peers import PEERS, Peer
from zekt_bench.size import Size
from zekt_bench.work import action, flow, ingest

_WORKS: dict[str, Callable[[Size, type[Peer]], Iterator[Row]]] = {
    "webhooks": partial(ingest.webhooks, concurrencies=(16,)),
    "latency": flow.latency,
    "through": flow.through,
    "idle": flow.idle,
}


def beside(work: str, size: Size, published: Sequence[Path]) -> Iterator[Row]:
    """What stands below ours; `published` are JavaScript actions, as `action.in_turn` takes them."""
    if work in _WORKS:
        for peer in PEERS:
            yield from rows_of(peer, work, size)
    if work == "steps":
        yield from or_why(work, "original action", partial(action.in_turn, size, published))


def rows_of(peer: type[Peer], work: str, size: Size) -> Iterator[Row]:
    """One row that says why, where it is not to be had or did not do the work: it costs no other row."""
    for row in or_why(work, peer.who, partial(_measured, peer, work, size)):
        yield msgspec.structs.replace(row, who=peer.who)


def _measured(peer: type[Peer], work: str, size: Size) -> Iterator[Row]:
    installed(peer.folder_name)
    return _WORKS[work](size, peer)


def or_why(work: str, who: str, rows: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    """The rows, or one that says why there are none."""
    try:
        yield from rows()
    except NotInstalled as error:
        yield missing(work, "", who, f"not installed: {error}")
    except (RuntimeError, TimeoutError) as error:
        sys.stderr.write(f"{work} {who}: {error}\n")
        yield missing(work, "", who, str(error).splitlines()[0])
