"""Our pages as data: where each links to, the anchors of its headings, its code blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from markdown_it import MarkdownIt
from markdown_it.token import Token
from myst_parser.slugs import github_slugify, unique_slug

_IN_HTML = re.compile(r"\b(?:href|src)=[\"']([^\"']+)")
_ID_IN_HTML = re.compile(r"\b(?:id|name)=[\"']([^\"']+)")


@dataclass(frozen=True)
class Link:
    """What a link or an image leads to, and the line (from 1) of the paragraph it stands in."""

    line: int
    target: str


@dataclass(frozen=True)
class Block:
    """A code block: its language as it is given, empty where none is, and the line of its first fence.

    Attributes:
        section: the heading above it, and what stands between that and the block.
    """

    page: Path
    line: int
    language: str
    text: str
    section: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.language or 'no language'})"


class Page:
    """One page, read as GitHub reads it.

    Args:
        path: where it stands, relative to the checkout.
        text: what stands there.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._tokens = MarkdownIt("commonmark").enable("table").parse(text)

    def links(self) -> Iterator[Link]:
        line = 0
        for token in self._tokens:
            line = token.map[0] + 1 if token.map else line
            for each in (token, *(token.children or ())):
                for target in (each.attrGet("href"), each.attrGet("src")):
                    if target is not None:
                        yield Link(line, str(target))
                if each.type in ("html_block", "html_inline"):
                    yield from (Link(line, target) for target in _IN_HTML.findall(each.content))

    def anchors(self) -> set[str]:
        """Of each heading, and each id that is written in HTML."""
        found: set[str] = set()
        for token, following in zip(self._tokens, self._tokens[1:], strict=False):
            if token.type == "heading_open":
                found.add(unique_slug(github_slugify(_words(following)), found))
            for each in (token, *(token.children or ())):
                if each.type in ("html_block", "html_inline"):
                    found.update(_ID_IN_HTML.findall(each.content))
        return found

    def blocks(self) -> Iterator[Block]:
        section = ""
        for token, before in zip(self._tokens, [None, *self._tokens], strict=False):
            if token.type == "inline":
                starts = before is not None and before.type == "heading_open"
                section = token.content if starts else f"{section}\n{token.content}"
            elif token.type in ("fence", "code_block"):
                line = token.map[0] + 1 if token.map else 0
                yield Block(self.path, line, token.info.strip(), dedent(token.content), section)

    def code(self) -> Iterator[tuple[int, str]]:
        """What stands between backticks, and the line of its paragraph."""
        line = 0
        for token in self._tokens:
            line = token.map[0] + 1 if token.map else line
            yield from ((line, each.content) for each in token.children or () if each.type == "code_inline")


def _words(inline: Token) -> str:
    return "".join(each.content for each in inline.children or () if each.type in ("text", "code_inline"))
