"""Lines on stdout that the runner obeys, and lines that it must not. Standard library only, Python 3.9.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from zekt_action.errors import ActionError

_MAX_ANNOTATION = 4_000
"""In characters; GitHub cuts at 4,096."""

_MAX_LINE = 1_000
"""Longest line of ours in the log, in characters, whatever a broker had to say."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def never_fail_to_write(out: TextIO) -> None:
    """Escape what the log's encoding lacks, where it is not UTF-8; a message's name may not end the step."""
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")


def annotate(out: TextIO, level: str, title: str, message: str) -> None:
    """Show a notice, warning or error at the run's page."""
    out.write(f"::{level} title={_property(title)}::{_data(message[:_MAX_ANNOTATION])}\n")
    out.flush()


def annotate_error(out: TextIO, level: str, error: ActionError) -> None:
    """What happened, why it usually does, what to paste; and the code, to look up in docs/errors.md."""
    annotate(out, level, f"Zekt: {error.kind.title}", f"{printable(error.detail)}\n{error.advice}\n[{error.code}]")


def mask(out: TextIO, secret: str) -> None:
    """Have the runner replace a secret in every line that follows."""
    if secret:
        out.write(f"::add-mask::{_data(secret)}\n")
        out.flush()


def say(out: TextIO, text: str) -> None:
    """Write one line to the log which cannot be taken for a command."""
    line = printable(text)[:_MAX_LINE]
    # The runner skips white space before it looks for the mark, so the mark itself must be broken.
    out.write(f": {line[1:]}\n" if line.startswith("::") else f"{line}\n")
    out.flush()


def printable(text: str) -> str:
    """One line without control characters, nor `##[`, an old command mark that counts anywhere."""
    safe = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(" ", safe).strip().replace("##[", "## [")


def _data(text: str) -> str:
    safe = text.encode("utf-8", "replace").decode("utf-8")
    return safe.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
