"""`python -m chaos.publish run-1.json run-2.json run-3.json`: the runs' figures into docs/reliability.md and .json."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos import figures

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reliability.md"
DATA = ROOT / "docs/reliability.json"
BEGIN, END = "<!-- figures: written by chaos.publish -->\n", "<!-- /figures -->\n"


def block(runs: Sequence[Mapping[str, Any]]) -> str:
    """What stands between the marks."""
    if not runs:
        return "\nNo full run has been published yet.\n\n"
    run = runs[-1]
    server = run["postgresql"]
    head = (
        f"Zekt {run['version']} on {run['at']}, {run['machine']}, Python {run['python']}, PostgreSQL"
        f" {server['server_version']} with fsync {server['fsync']}, synchronous_commit {server['synchronous_commit']}:"
    )
    commands = [
        f'make chaos ARGS="--items {one["options"]["items"]} --rate {one["options"]["rate"]:g}'
        f' --seed {one["options"]["seed"]}"'
        for one in runs
    ]
    return "\n".join(["", head, "", "```sh", *commands, "```", "", figures.markdown(runs), "", ""])


def rendered(page: str, runs: Sequence[Mapping[str, Any]]) -> str:
    """The page with these runs' figures between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + block(runs) + END + after


def main() -> int:
    """Replace what was published; every run must have passed."""
    runs = [json.loads(Path(name).read_text("utf-8")) for name in sys.argv[1:]]
    if not runs or not all(run["passed"] for run in runs):
        sys.stderr.write("Name the JSON files of one or more runs that passed.\n")
        return 1
    DATA.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(rendered(PAGE.read_text("utf-8"), runs), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
