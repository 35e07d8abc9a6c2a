"""Our action and one in JavaScript, as the published one is, in turn: what else the machine does meets them all."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from zekt_bench import install, letters
from zekt_bench.checkout import Command, Published, javascript
from zekt_bench.figures import OURS, Row
from zekt_bench.house import house
from zekt_bench.install import NotInstalled
from zekt_bench.peers import ORIGINAL_ACTION
from zekt_bench.size import Size
from zekt_bench.work.steps import Bench, Step, bench_of, step_row
from zekt_sandbox.runs import Run

HOW = "send in turn, 1 KB"
Turn = Callable[[Bench, Run], Step]
BARE = f"{OURS}, bare"
ORIGINAL = "original, Node {}"
"""With the major version that a runner starts it with."""
PUBLISHED = "published {}, Node {}"


def in_turn(size: Size, published: Sequence[Path] = ()) -> Iterator[Row]:
    """Each sends the same messages, given as an input, in runs of its own.

    Args:
        size: how often.
        published: folders of JavaScript actions, each named like its version.
    """
    folder = install.installed(ORIGINAL_ACTION)
    nodes = _nodes(folder)
    with house() as here, here.serving(), bench_of(here) as bench:
        turns: dict[str, Turn] = {
            OURS: _composite,
            BARE: _bare,
            **{ORIGINAL.format(major): partial(_javascript, node, folder) for major, node in nodes.items()},
            **dict(theirs(nodes, map(Published, published))),
        }
        for turn in turns.values():
            bench.once(turn(bench, letters.runs(here, 1, 1)[0]), {})
        meters = bench.meters()
        before = meters.read()
        found: dict[str, list[dict[str, float]]] = {who: [] for who in turns}
        for _ in range(size.action_runs):
            for who, turn in turns.items():
                (run,) = letters.runs(here, 1, 1)
                found[who].append(bench.once(turn(bench, run), {"status": "success"}))
        cost = meters.since(before)
        for who, each in found.items():
            yield step_row("step", HOW, each, cost, who)


def theirs(nodes: Mapping[str, str], actions: Iterable[Published]) -> Iterator[tuple[str, Turn]]:
    """What was published, each by the Node that a runner starts it with.

    Raises:
        NotInstalled: there is none of that version.
    """
    for action in actions:
        if action.node not in nodes:
            raise NotInstalled(f"{action.folder.name} wants Node {action.node}, and there is {', '.join(nodes)}")
        yield PUBLISHED.format(action.folder.name, action.node), partial(_published, nodes[action.node], action)


def _published(node: str, action: Published, bench: Bench, run: Run) -> Step:
    return lambda folder: action.command(node, run, folder, bench.here.url, **_given())


def _given() -> dict[str, str]:
    return {"event_type": "order-finished", "payload": letters.payload(letters.KILO).decode()}


def _composite(bench: Bench, run: Run) -> Step:
    return lambda folder: bench.checkout.composite("send", run, folder, bench.here.url, **_given())


def _bare(bench: Bench, run: Run) -> Step:
    return lambda folder: bench.checkout.bare(run, folder, bench.here.url, **_given())


def _nodes(folder: Path) -> dict[str, str]:
    """Those of the lock; on a machine for which it has none, the one that is there."""
    older = folder / "node_modules/node20/bin/node"
    return {"24": install.node(folder), "20": str(older)} if older.exists() else {"": install.node(folder)}


def _javascript(node: str, installed: Path, bench: Bench, run: Run) -> Step:
    def command(folder: Path) -> Command:
        return javascript(node, installed / "dist/index.mjs", run, folder, bench.here.url, **_given())

    return command
