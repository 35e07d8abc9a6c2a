"""What a shell script writes for later steps, as far as single lines tell."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_ASSIGNED = re.compile(r"\s*(?:export\s+|local\s+|readonly\s+|declare\s+)?([A-Za-z_]\w*)=(.*)")
# `echo "size=$SIZE" >> …`: a name, and what becomes its value.
_WRITTEN = re.compile(r"(?<![\w-])([A-Za-z_][\w-]*)=(.*?)(?:>>|$)")
# `echo "body<<END"`: a name, and its value is what is written next.
_BEGUN = re.compile(r"(?<![\w-])([A-Za-z_][\w-]*)<<")
_PRINTS = re.compile(r"\b(?:echo|printf)\s")
_NAMED = re.compile(r"\$\{?([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Written:
    """An output, or a variable of the environment, that the script gives text which it was to look out for."""

    name: str
    to_env: bool


def written(script: str, variables: Collection[str], files: Collection[str]) -> Iterator[Written]:
    """What the script copies from those variables, or reads with a command from the files that those variables name.

    Args:
        script: as bash reads it; of other shells it is the same as far as such lines look alike.
        variables: names of environment variables with text to look out for.
        files: names of those with the path of a file that has such text.
    """
    targets = [to_env for word, to_env in (("GITHUB_OUTPUT", False), ("GITHUB_ENV", True)) if word in script]
    if not targets or not (variables or files):
        return
    carrying, holding, begun = set(variables), set(files), ""
    for line in script.splitlines():
        name, printed = "", _printed(line)
        if found := _ASSIGNED.match(line):
            copies = _copies(found[2], carrying, holding)
            (carrying.add if copies else carrying.discard)(found[1])
        elif found := _WRITTEN.search(printed):
            name = found[1] if _copies(found[2], carrying, holding) else ""
        elif found := _BEGUN.search(printed):
            begun = found[1]
        elif begun and any(each in carrying or each in holding for each in _NAMED.findall(line)):
            name = begun
        if name:
            yield from (Written(name, to_env) for to_env in targets)


def _printed(line: str) -> str:
    """What stands behind the first `echo` or `printf`; the patterns above look at each character once."""
    found = _PRINTS.search(line)
    return line[found.end() :] if found else ""


def _copies(value: str, carrying: set[str], holding: set[str]) -> bool:
    """Whether such a variable stands there, or a command that is given such a file."""
    named = set(_NAMED.findall(value))
    return bool(named & carrying) or (bool(named & holding) and ("$(" in value or "`" in value))
