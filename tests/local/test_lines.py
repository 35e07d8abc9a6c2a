"""What of act's log is shown, and that nothing in it can steer a terminal."""

import json
from typing import Any

import pytest

from zekt_sandbox.local.lines import MAX_CHARACTERS, clean, rendered, skipped_for_want_of_an_image
from zekt_sandbox.local.rewriting import SETUP_STEP

SUFFIX = "ab12-16123-1"
PLAIN = "\x1b[0m"


def _shown(msg: str, **more: Any) -> list[str]:
    said = {"job": f"Order/build-{SUFFIX}", "jobID": "build", "level": "info", "matrix": {}, "msg": msg, **more}
    return rendered(json.dumps(said), SUFFIX, "Order")


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("a\x1b[2Jb", "ab"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;never ended", ""),
        ("\x1bPq stuff\x1b\\x", "x"),
        ("\x1bc\x1b(Bx\x9b2Jy\x90z", "x2Jyz"),
        ("bell\x07 back\x08 nul\x00 tab\there", "bell back nul tab\there"),
        ("10%\r 50%\r100%", "100%"),
        ("left \u202eright\u2066 \u2028", "left right "),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[38;5;9mred", "\x1b[38;5;9mred\x1b[0m"),
        ("\x1b[1\x1b[0m", "\x1b[0m"),
    ],
)
def test_of_control_sequences_colours_alone_are_left(dirty: str, cleaned: str) -> None:
    assert clean(dirty) == cleaned
    assert clean(cleaned) == cleaned


def test_a_long_line_is_cut() -> None:
    assert len(clean("x" * 1_000_000)) == MAX_CHARACTERS + 2


def test_output_stands_behind_its_job() -> None:
    assert _shown("one\n", raw_output=True) == [f"\x1b[36mbuild\x1b[0m | one{PLAIN}"]
    leg = {"job": f"Order/build-{SUFFIX}-2", "matrix": {"os": "linux", "python": 3.13}}
    assert _shown("one\n", raw_output=True, **leg) == [f"\x1b[36mbuild (linux, 3.13)\x1b[0m | one{PLAIN}"]
    inner = {"job": f"call-{SUFFIX}/Order/inner-{SUFFIX}.0"}
    assert _shown("one\n", raw_output=True, **inner) == [f"\x1b[36mcall / inner\x1b[0m | one{PLAIN}"]


def test_a_workflow_cannot_put_a_line_of_its_own_beside_a_job() -> None:
    assert [each.count(" | ") for each in _shown("one\nError: forged\n", raw_output=True)] == [1, 1]


@pytest.mark.parametrize(
    ("msg", "more", "shown"),
    [
        ("⭐ Run Main Deploy", {}, "▶ Deploy"),
        ("⭐ Run Main echo a\necho b", {}, "▶ echo a …"),
        ("  ✅  Success - Main Deploy [1.97235618s]", {"stepResult": "success"}, "✓ Deploy\x1b[0m (1.9s)"),
        ("  ✅  Success - Main Deploy [1m2.3456s]", {"stepResult": "success"}, "✓ Deploy\x1b[0m (1m2.3s)"),
        ("  ✅  Success - Main Deploy [168.598693ms]", {"stepResult": "success"}, "✓ Deploy\x1b[0m (168ms)"),
        ("  ❌  Failure - Main Deploy [1.2s]", {"stepResult": "failure"}, "✗ Deploy"),
        ("  ❗  ::error title=Zekt%3A No::a: b\n", {"command": "error", "level": "error"}, "Zekt: No: a: b"),
        ("  🚧  ::warning file=a,line=1::careful\n", {"command": "warning", "level": "warning"}, ": careful"),
        ("  ❓  ::group::Install\n", {"command": "group"}, "▸ Install"),
        ("🏁  Job failed", {"jobResult": "failure"}, "✗ job failure"),
    ],
)
def test_steps_and_commands_are_shown_as_people_know_them(msg: str, more: dict[str, Any], shown: str) -> None:
    (line,) = _shown(msg, **more)
    assert shown in line


@pytest.mark.parametrize(
    ("msg", "more"),
    [
        ("  ⚙  ::set-output:: payload={}", {"command": "set-output", "arg": "{}"}),
        ("  ⚙  ***", {"command": "add-mask", "arg": "hunter2", "raw": "::add-mask::hunter2\n"}),
        ("  🐳  docker exec cmd=[bash]", {"stepID": ["0"]}),
        ("⭐ Run Set up job", {"step": "Set up job"}),
        ("anything", {"stepID": [SETUP_STEP], "raw_output": True}),
    ],
)
def test_outputs_masks_and_the_frame_are_not_shown(msg: str, more: dict[str, Any]) -> None:
    assert _shown(msg, **more) == []


def test_what_is_no_json_of_acts_is_shown_clean() -> None:
    assert rendered("Error: \x1b[2Jno\n", SUFFIX, "Order") == ["Error: no"]
    assert rendered("\n", SUFFIX, "Order") == []
    assert rendered('["a"]', SUFFIX, "Order") == ['["a"]']


def test_a_job_that_act_would_leave_out_is_seen() -> None:
    said = json.dumps({"msg": "🚧  Skipping unsupported platform -- Try running with `-P windows-latest=...`"})
    assert skipped_for_want_of_an_image(said) == "windows-latest"
    assert skipped_for_want_of_an_image(json.dumps({"msg": "x"})) is None
    forged = said.replace("{", '{"raw_output":true,', 1)
    assert skipped_for_want_of_an_image(forged) is None
