"""A shell script's statements, each command of a pipeline by itself."""

import re

_SIGN = re.compile(r"\\.|\$\(|&&|['\"`();|\n]|(?<!\S)#[^\n]*", re.DOTALL)
_QUOTED = re.compile(r"\\.|\$\(|['\"`]", re.DOTALL)


def statements(script: str) -> list[str]:
    """What is in quotes or parentheses stays together, so one may have several lines.

    Lines, where a quote does not end: it was none, as the `'` in a here-document.
    """
    found: list[str] = []
    opened: list[str] = []
    start = at = 0
    while sign := (_QUOTED if opened[-1:] in (["'"], ['"']) else _SIGN).search(script, at):
        at, text, inside = sign.end(), sign[0], opened[-1] if opened else ""
        if text == inside:
            opened.pop()
        elif inside == "'" or text[0] in "\\#":
            # In single quotes nothing is escaped.
            at = sign.start() + 1 if inside == "'" else at
        elif text in ("$(", "("):
            opened.append(")")
        elif text in ("'", '"', "`"):
            if text != "'" or inside != '"':
                opened.append(text)
        elif not opened and text != ")":
            found.append(script[start : sign.start()])
            start = at
    return script.splitlines() if opened else [*found, script[start:]]
