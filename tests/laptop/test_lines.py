"""How runs' logs look: whose line it is, in colours where they are wanted, and nothing that steers a terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from zekt_backend.cli.sandbox_lines import Lines

ABOUT = {
    "run": 16123456789,
    "attempt": 1,
    "repository": "shop-team/orders",
    "workflow": ".github/workflows/order-new-infrastructure.yml",
}
WHO = "shop-team/orders · order-new-infrastructure.yml #16123456789"
TRICKS = {
    "a title": "\x1b]0;pwned\x07",
    "a link": "\x1b]8;;https://evil.example\x1b\\",
    "the clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "the cursor": "\x1b[2A",
    "an erased line": "\x1b[2K",
    "the other screen": "\x1b[?1049h",
    "a C1 control": "\x9b2J",
    "a turned direction": "\u202e",
}


def printed(entry: dict[str, Any], **console: Any) -> str:
    out = io.StringIO()
    Lines(Console(file=out, width=40, **console)).run(entry)
    return out.getvalue()


def coloured(entry: dict[str, Any]) -> str:
    return printed(entry, force_terminal=True, color_system="standard", no_color=False)


def test_each_line_says_whose_it_is_and_stays_one_line() -> None:
    line = "x" * 100
    assert printed({"type": "line", **ABOUT, "line": line}) == f"{WHO} | {line}\n"


def test_a_later_attempt_is_named() -> None:
    assert printed({"type": "line", **ABOUT, "attempt": 2, "line": "x"}) == f"{WHO} (attempt 2) | x\n"


def test_starts_are_told_and_ends_by_their_logs() -> None:
    started = {"type": "started", **ABOUT, "event": "repository_dispatch", "eventType": "infrastructure-order"}
    assert printed(started) == f"{WHO} | started by repository_dispatch infrastructure-order\n"
    assert printed({**started, "event": "push", "eventType": None}) == f"{WHO} | started by push\n"
    assert printed({"type": "ended", **ABOUT, "conclusion": "failure"}) == ""


def test_what_belongs_to_no_run_is_told_of_its_repository() -> None:
    remark = {"type": "remark", "repository": "infra-team/platform", "line": "No workflow listens for `x`."}
    assert printed(remark) == "infra-team/platform | No workflow listens for `x`.\n"
    assert printed({"type": "missed", "entries": 7}).startswith("GitHub | 7 lines came too fast")


def test_a_terminal_shows_the_runs_in_colours_and_keeps_those_of_their_logs() -> None:
    shown = coloured({"type": "line", **ABOUT, "line": "\x1b[31mred\x1b[0m plain"})
    assert shown == f"\x1b[36m{WHO} | \x1b[0m\x1b[31mred\x1b[0m plain\n"
    out = io.StringIO()
    lines = Lines(Console(file=out, width=40, force_terminal=True, color_system="standard", no_color=False))
    for run in (1, 2, 1):
        lines.run({"type": "line", **ABOUT, "run": run, "line": "x"})
    one, other, again = (line.partition("s")[0] for line in out.getvalue().splitlines())
    assert one == again != other


def test_a_pipe_and_no_color_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"type": "line", **ABOUT, "line": "\x1b[31mred\x1b[0m"}
    assert printed(entry) == f"{WHO} | red\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert printed(entry, force_terminal=True, color_system="standard") == f"{WHO} | red\n"


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_no_line_of_a_log_steers_the_terminal(trick: str) -> None:
    entry = {"type": "line", **ABOUT, "line": f"before{trick}after \x1b[31mred"}
    rest = coloured(entry).replace("\x1b[36m", "").replace("\x1b[31m", "").replace("\x1b[0m", "").rstrip("\n")
    assert rest.isprintable()
    assert rest.startswith(f"{WHO} | before")
    assert rest.endswith("red")


def test_no_name_steers_it_either() -> None:
    entry = {"type": "started", **ABOUT, "workflow": "x\x1b[2J.yml", "event": "push\x1b]0;x\x07", "eventType": None}
    assert "\x1b" not in printed(entry)
