"""What docs/onboarding.md tells its readers to do, step by step."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zekt_testing.pages import Page

PAGE = Path(__file__).resolve().parents[2] / "docs/onboarding.md"
_PART = re.compile(r"^## ([^\n]+)$|^### ([^\n]+)$|^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of the page, and where it stands."""

    part: str
    step: str
    kind: str
    text: str


def blocks() -> Iterator[Block]:
    part = step = ""
    for heading, below, kind, text in _PART.findall(PAGE.read_text("utf-8")):
        if kind:
            yield Block(part, step, kind, text)
        else:
            part, step = heading or part, below


def requests() -> list[tuple[str, str, str, Any]]:
    """(part, method, path, body), in the page's order."""
    found = []
    for block in blocks():
        if block.kind == "http":
            for request in block.text.split("\n\n"):
                line, _, body = request.strip().partition("\n")
                method, path = line.split(" ")
                found.append((block.part, method, path, json.loads(body) if body else None))
    return found


def commands() -> list[list[str]]:
    """The arguments of each `zekt …`."""
    lines = [line for block in blocks() if block.kind == "sh" for line in block.text.splitlines()]
    assert all(line.startswith("zekt ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


def commands_to_answer() -> list[list[str]]:
    """Those of docs/answering.md by which a consumer's answers reach its provider."""
    page = Path("docs/answering.md")
    scripts = [
        block.text
        for block in Page(page, (PAGE.parent / page.name).read_text("utf-8")).blocks()
        if block.language == "sh"
    ]
    (script,) = (each for each in scripts if "zekt services publish" in each)
    return [shlex.split(line)[1:] for line in script.splitlines()]


def file(step: str) -> str:
    """The YAML that stands in a step."""
    (text,) = (block.text for block in blocks() if block.kind == "yaml" and block.step == step)
    return text
