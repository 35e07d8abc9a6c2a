"""Step outputs and the job summary: the two files a runner reads after the step. 3.9."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write(path: Path | None, values: Mapping[str, str]) -> None:
    """Append outputs, each between random delimiters, so that no value can end itself and start another.

    Args:
        path: GITHUB_OUTPUT; None where there is no runner, and then nothing is written.
        values: names as in action.yml.

    Raises:
        OSError: the file cannot be written.
    """
    if path is None:
        return
    with path.open("ab") as file:
        for name, value in values.items():
            mark = f"zekt_{os.urandom(16).hex()}"
            file.write(f"{name}<<{mark}\n{value}\n{mark}\n".encode("utf-8", "replace"))


def summarise(path: Path | None, title: str, rows: Mapping[str, str], text: str = "") -> None:
    """Append a table and a text to the job summary (at most 1 MiB a step; this stays under 20 KB).

    Args:
        path: GITHUB_STEP_SUMMARY; None where there is no runner.
        title: ours.
        rows: label to value; values are shown as code, whatever they hold.
        text: shown as it is in a code block; empty for none.

    Raises:
        OSError: the file cannot be written.
    """
    if path is None:
        return
    lines = [f"### {title}", "", "| | |", "|---|---|"]
    lines += [f"| {label} | {_cell(value)} |" for label, value in rows.items() if value]
    if text:
        lines += ["", f"<pre>{_escape(text[:8_000])}</pre>"]
    with path.open("ab") as file:
        file.write(("\n".join(lines) + "\n\n").encode("utf-8", "replace"))


def _cell(value: str) -> str:
    return f"<code>{_escape(' '.join(value.split()))[:1_000]}</code>"


def _escape(text: str) -> str:
    """Neutralise HTML and Markdown; a blank line would end the block it stands in."""
    named = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n\n", "\n")
    return "".join(f"&#{ord(mark)};" if mark in "|`*_[]~\\" else mark for mark in named)
