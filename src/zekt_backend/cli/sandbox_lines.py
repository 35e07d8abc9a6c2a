"""How runs' logs and a broker's doings look in a terminal: who says it in colours, what is said without tricks."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from zekt_backend.cli.look import plain
from zekt_sandbox.local.lines import clean

_PALETTE = ("cyan", "magenta", "green", "blue", "yellow", "bright_cyan", "bright_magenta", "bright_green")
_ZEKT, _GITHUB = "Zekt", "GitHub"


def shown(line: str) -> Text:
    """A stranger's line: its colours, where the console has any, and no other control sequence."""
    return Text.from_ansi(clean(line), end="")


class Lines:
    """Prints what the runs and the broker do, as it happens. Safe to call from several threads.

    Args:
        console: decides about colours: a terminal has them, unless NO_COLOR is set.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._styles: dict[str, str] = {}

    def run(self, entry: Mapping[str, Any]) -> None:
        """One entry of `GET /_sandbox/local/log`: a line of a run's log, its start, or a remark that is of none."""
        said = _said(entry)
        if said is None:
            return
        if "run" in entry:
            number = str(entry["run"])
            style = self._styles.setdefault(number, _PALETTE[len(self._styles) % len(_PALETTE)])
            again = f" (attempt {entry['attempt']})" if entry["attempt"] > 1 else ""
            who = f"{entry['repository']} · {entry['workflow'].rpartition('/')[2]} #{number}{again}"
            self._print(who, style, said)
        else:
            self._print(str(entry.get("repository", _GITHUB)), "bold", said)

    def zekt(self, text: str, style: str = "") -> None:
        """What the broker does."""
        self._print(_ZEKT, "bold", Text(plain(text), style))

    def _print(self, who: str, style: str, text: Text) -> None:
        line = Text.assemble((f"{plain(who)} | ", style), text)
        self._console.print(line, highlight=False, soft_wrap=True)


def _said(entry: Mapping[str, Any]) -> Text | None:
    match entry["type"]:
        case "started":
            kind = f" {entry['eventType']}" if entry.get("eventType") else ""
            return Text(plain(f"started by {entry['event']}{kind}"), "bold")
        case "ended":
            return None  # the last line of its log says how
        case "missed":
            return Text(f"{entry['entries']} lines came too fast to be shown here; `zekt sandbox logs RUN` has all.")
        case "remark":
            return Text(plain(entry["line"]), "bold yellow")
        case _:
            return shown(str(entry["line"]))
