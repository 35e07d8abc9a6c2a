"""act's log, a JSON object for each line, as lines for people. Whatever it holds, it cannot steer a terminal."""

import json
import re
from collections.abc import Mapping
from typing import Any

from zekt_sandbox.local.rewriting import SETUP_STEP

MAX_CHARACTERS = 8_000
"""Of one line; the rest is cut off."""

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
# Escape sequences (CSI; OSC, DCS and the like up to their end; the short ones), then control characters, then those
# that turn the direction of what follows. Colours are matched first, and kept.
_UNSAFE = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)|\x1b\[[0-?]*[ -/]*[@-~]?|\x1b[\]PX^_](?:[^\x07\x1b]|\x1b(?!\\))*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]"
)
_COMMAND = re.compile(r"::(?P<name>[a-z-]+)(?: (?P<about>[^:]*(?::(?!:)[^:]*)*))?::(?P<text>.*)", re.DOTALL)
_TITLE = re.compile(r"(?:^|,)title=([^,]*)")
_RUN = re.compile(r"⭐ Run (?:Main )?(.*)", re.DOTALL)
_RESULT = re.compile(r"\s*[✅❌]\s+(?:Success|Failure) - (?:Main )?(.*)", re.DOTALL)
_TOOK = re.compile(r" \[([\d.]+(?:µs|ms|s|m|h)[\w.]*)\]$")
_DIGITS = re.compile(r"\.(\d)\d*(?=(s?))")
_FRAME = frozenset({"Set up job", "Complete job"})
_ASIDE = frozenset({"Pre", "Post"})
"""Stages that act goes through for every action that has steps of its own."""

_NOISE = (
    "🐳",
    "🚀",
    "🧪",
    "LocalRepositoryCache",
    "Cleaning up",
    "Using docker host",
    "Start server on",
    "Reevaluate",
    "keepStepRunning",
)
_LABELS = {"error": "\x1b[31mError\x1b[0m", "warning": "\x1b[33mWarning\x1b[0m", "notice": "\x1b[36mNotice\x1b[0m"}


def clean(text: str) -> str:
    """One line without control sequences other than colours, which end where the line does."""
    text = text[: MAX_CHARACTERS * 2].rstrip("\r\n").rpartition("\r")[2]
    text = _UNSAFE.sub(lambda found: found["colour"] or "", text)
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS] + " …"
    return f"{text}\x1b[0m" if _COLOUR.search(text) and not text.endswith("\x1b[0m") else text


def rendered(raw: str, suffix: str, workflow: str) -> list[str]:
    """What a line of act's says to people: none, one or several lines.

    Args:
        raw: the line.
        suffix: what was put behind the names of jobs.
        workflow: its name.
    """
    try:
        said = json.loads(raw)
    except ValueError:
        return [clean(raw)] if raw.strip() else []
    if not isinstance(said, dict) or not isinstance(said.get("msg"), str):
        return [clean(raw)]
    text = _text(said)
    if text is None:
        return []
    job = _job(said, suffix, workflow)
    return [clean(f"{job}{each}") for each in text.rstrip("\n").split("\n")]


def skipped_for_want_of_an_image(raw: str) -> str | None:
    """The label of `runs-on` for which act has no image; it would leave such a job out, and call the run a success."""
    if '"raw_output":true' in raw:  # a step says so, and not act
        return None
    found = re.search(r"Skipping unsupported platform -- Try running with `-P ([^`]*)=\.\.\.`", raw)
    return found[1] if found else None


def _job(said: Mapping[str, Any], suffix: str, workflow: str) -> str:
    """The job, with its leg of a matrix as GitHub shows it: `build (linux, 3.13)`, or `call / inner`."""
    name = str(said.get("job", "")).strip()
    if not name:
        return ""
    matrix = said.get("matrix")
    leg = f" ({', '.join(map(str, matrix.values()))})" if isinstance(matrix, dict) and matrix else ""
    # act says `workflow/job`, and `job/workflow/inner` of a reusable workflow; a leg has its number behind it.
    parts = name.replace(f"{workflow}/", "\n").strip("\n").split("\n")
    shown = " / ".join(re.sub(rf"-{re.escape(suffix)}(\.\d+)?(-\d+)?/?$", "", each) for each in parts)
    return f"\x1b[36m{shown}{leg}\x1b[0m | "


def _text(said: Mapping[str, Any]) -> str | None:
    message: str = said["msg"]
    steps = said.get("stepID")
    if isinstance(steps, list) and SETUP_STEP in steps:
        return None
    if said.get("raw_output"):
        return message
    if "command" in said:
        return _command(message)
    return _remark(said, message.strip())


def _remark(said: Mapping[str, Any], message: str) -> str | None:
    """What act says itself. Most of it is about its containers."""
    if "jobResult" in said:
        good = said["jobResult"] == "success"
        return "\x1b[32m✓ job succeeded\x1b[0m" if good else f"\x1b[31m✗ job {said['jobResult']}\x1b[0m"
    bad = said.get("level") != "info" or said.get("stepResult") == "failure"
    framing = said.get("step") in _FRAME or said.get("stage") in _ASIDE
    if not bad and (framing or any(each in message for each in _NOISE)):
        return None
    if found := _RUN.match(message):
        return f"\x1b[1m▶ {_first_line(found[1])}\x1b[0m"
    if found := _RESULT.match(message):
        return _result(found[1], good=said.get("stepResult") == "success")
    return f"\x1b[31m{message}\x1b[0m" if bad else message


def _result(name: str, *, good: bool) -> str:
    took = _TOOK.search(name)
    shown = _first_line(name[: took.start()] if took else name)
    colour, mark = ("32", "✓") if good else ("31", "✗")
    return f"\x1b[{colour}m{mark} {shown}\x1b[0m{f' ({_short(took[1])})' if took else ''}"


def _short(took: str) -> str:
    """Go's `1.97235618s` as 1.9s, and its `168.598693ms` as 168ms."""
    return _DIGITS.sub(lambda found: f".{found[1]}" if found[2] else "", took)


def _first_line(text: str) -> str:
    first, more, _ = text.strip().partition("\n")
    return f"{first} …" if more else first


def _command(message: str) -> str | None:
    """Workflow commands as GitHub shows them. What act shows beside (masks, outputs, state) is nobody's business."""
    found = _COMMAND.search(message)
    if found is None:
        return None
    if found["name"] in _LABELS:
        title = _TITLE.search(found["about"] or "")
        said = f"{title[1].replace('%3A', ':').replace('%2C', ',')}: " if title else ""
        text = found["text"].strip().replace("%0D", "").replace("%0A", " ").replace("%25", "%")
        return f"{_LABELS[found['name']]}: {said}{text}"
    return f"▸ {found['text'].strip()}" if found["name"] == "group" else None
