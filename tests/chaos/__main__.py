"""`make chaos ARGS="--items 10000 --seed 1 --json chaos.json"`."""

import argparse
import json
import sys
from pathlib import Path

from chaos import figures, rehearsal


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description="Kill everything at random, and count what was lost.")
    parser.add_argument("--items", type=int, default=10_000, help="messages and events to acknowledge (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="what is sent, played and killed follows from it")
    parser.add_argument("--rate", type=float, default=25.0, help="messages and events a second (default 25)")
    parser.add_argument("--drain", type=float, default=300.0, help="seconds for everything to settle (default 300)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--careless", action="store_true", help="synchronous_commit off: the test must fail")
    return parser.parse_args()


def main() -> int:
    """0: nothing lost, stuck, illegal or unexplained."""
    asked = _options()
    options = rehearsal.Options(
        items=asked.items, seed=asked.seed, rate=asked.rate, drain_seconds=asked.drain, careless=asked.careless
    )
    if asked.json is not None:
        # Before it begins: ten minutes are not for nothing because a folder is missing.
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.touch()
    found = figures.figures(rehearsal.run(options, _say))
    _say(figures.text(found))
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
