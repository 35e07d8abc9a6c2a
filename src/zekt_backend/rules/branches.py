"""Patterns of branches, as GitHub's workflow filters write them: `*` is anything without a slash, `**` anything."""

import re

_TOKEN = re.compile(r"\*+|[^*]")


def matches(pattern: str, branch: str) -> bool:
    """Whether the whole name fits; upper and lower case differ.

    All ways to match are followed at once, one bit each, so that no pattern takes longer than its length times the
    name's: patterns and names are other people's.
    """
    letters: dict[str, int] = {}
    anything = no_slash = 0
    end = 0
    for token in _TOKEN.findall(pattern):
        if token == "*":  # noqa: S105 — a star
            no_slash |= 1 << end
        elif token.startswith("*"):
            anything |= 1 << end
        else:
            letters[token] = letters.get(token, 0) | 1 << end
            end += 1
    # Bit n: the first n letters of the pattern have been seen. A star stays where it is, whatever it eats.
    seen = 1
    for letter in branch:
        stays = anything if letter == "/" else anything | no_slash
        seen = (seen & letters.get(letter, 0)) << 1 | seen & stays
    return bool(seen >> end & 1)
