"""What a script writes for later steps, as far as its statements tell."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from zekt_workflows.statements import statements

_LEAD = r"\s*(?:(?:if|elif|then|else|while|until|do|!|\{)\s+)*"
_ASSIGNED = re.compile(
    _LEAD + r"(?:(?:export|local|readonly|declare)\s+(?:-\w+\s+)*)?([A-Za-z_]\w*)(\+?=)(.*)", re.DOTALL
)
_LOOP = re.compile(_LEAD + r"(?:for|select)\s+([A-Za-z_]\w*)(\s+in\s)(.*)", re.DOTALL)
_READ = re.compile(_LEAD + r"(?:\w+=\S*\s+)*(?:read|mapfile|readarray)\b([^<]*)")
# `echo "size=$SIZE" >> …`: a name, and what becomes its value.
_WRITTEN = re.compile(r"(?<![\w-])([A-Za-z_][\w-]*)=(.*?)(?:>>|\Z)", re.DOTALL)
# `echo "body<<END"`: a name, and its value is what is written next, until END.
_BEGUN = re.compile(r"(?<![\w-])([A-Za-z_][\w-]*)<<([^\s\"'>]*)")
_LINE_END = re.compile(r"\\n|\n")
_PRINTS = re.compile(r"\b(?:echo|printf)\s")
_ASKS = re.compile(_LEAD + r"(?:\[|test\b|case\b)")
# What goes where all that was printed before it goes: the end of a group, or `tee`.
_GATHERS = re.compile(r"\s*(?:\}|done\b|fi\b|esac\b|tee\b)")
_NAMED = re.compile(r"\$\{?([A-Za-z_]\w*)")
_WORD = re.compile(r"[A-Za-z_]\w*")
# Commands whose answer has nothing of what they read, last in a `$( … )`.
_COUNTED = re.compile(
    r"""\$\((?:[^()]*\|)?\s*(?:(?:wc|sha256sum|stat)\b[^()|]*|jq\s+(?:-\w+\s+)*(?P<quote>['"]?)length(?P=quote)(?:\s[^()|]*)?)\)"""
)


@dataclass(frozen=True, slots=True)
class Written:
    """An output, or a variable of the environment, that the script gives text which it was to look out for."""

    name: str
    """Empty where the script does not tell: any of them."""
    to_env: bool


def written(
    script: str, variables: Collection[str], files: Collection[str], *, shell: str = "bash"
) -> Iterator[Written]:
    """What the script copies from those variables, or reads with a command from the files that those variables name.

    Where it writes in a way that is not understood here, everything that it writes there counts.

    Args:
        script: as bash reads it; nothing of other shells is understood.
        variables: names of environment variables with text to look out for.
        files: names of those with the path of a file that has such text.
        shell: what `shell` names.
    """
    targets = [word for word in ("GITHUB_OUTPUT", "GITHUB_ENV") if word in script]
    if not targets or not {*variables, *files} & {*_WORD.findall(script)}:
        return
    reading = _Reading(set(variables), set(files), targets)
    if shell.split(maxsplit=1)[0:1] not in (["bash"], ["sh"], ["zsh"]):
        reading.unclear.update(targets)
    for statement in statements(script):
        if name := reading.name(statement):
            yield from (Written(name, word == "GITHUB_ENV") for word in targets)
    yield from (Written("", word == "GITHUB_ENV") for word in targets if word in reading.unclear)


@dataclass(slots=True)
class _Reading:
    carrying: set[str]
    holding: set[str]
    targets: list[str]
    unclear: set[str] = field(default_factory=set)
    """Of the targets, those that got something under a name that is not known."""
    begun: str = ""
    end: str = ""
    loose: bool = False
    """Whether something was printed that only the end of its group says whereto."""

    def name(self, statement: str) -> str:
        """Under which name the statement writes what is looked out for; empty for none."""
        if found := _READ.match(statement):
            self.carrying.update(_WORD.findall(found[1]), ["REPLY"])
        elif found := _ASSIGNED.match(statement) or _LOOP.match(statement):
            self._assign(statement, found[1], found[2], found[3])
        elif found := _PRINTS.search(statement):
            return self._printed(statement, statement[found.end() :])
        elif self._names(statement) and self.begun:
            return self.begun
        elif here := self._targets(statement):
            self.unclear.update(here if self.loose or not _GATHERS.match(statement) else ())
        elif self._names(statement) and not _ASKS.match(statement):
            self.loose = True
        return ""

    def _assign(self, statement: str, name: str, sign: str, value: str) -> None:
        if self._copies(value):
            self.carrying.add(name)
        elif {*_NAMED.findall(_COUNTED.sub("", value))} & self.holding:
            self.holding.add(name)
        elif sign == "=" and statement.startswith(name):  # not only in some branch
            self.carrying.discard(name)
            self.holding.discard(name)

    def _printed(self, statement: str, printed: str) -> str:
        here = self._targets(statement)
        if found := _WRITTEN.search(printed):
            if not self._copies(found[2]):
                return ""
            if "=" in printed[end.end() if (end := _LINE_END.search(printed)) else len(printed) :]:
                self.unclear.update(here or self.targets)
            return found[1]
        if found := _BEGUN.search(printed):
            self.begun, self.end = found[1], found[2]
        elif self.begun and self._names(printed):
            return self.begun
        elif self.end and self.end in printed:
            self.begun = self.end = ""
        elif self._copies(printed):
            self.loose = True
            self.unclear.update(here)
        return ""

    def _targets(self, statement: str) -> list[str]:
        return [word for word in self.targets if word in statement]

    def _names(self, text: str) -> bool:
        return any(each in self.carrying or each in self.holding for each in _NAMED.findall(text))

    def _copies(self, value: str) -> bool:
        """Whether such a variable stands there, or a command that is given such a file."""
        value = _COUNTED.sub("", value)
        named = {*_NAMED.findall(value)}
        return bool(named & self.carrying) or (bool(named & self.holding) and ("$(" in value or "`" in value))
