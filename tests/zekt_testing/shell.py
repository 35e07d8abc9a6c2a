"""Command lines as our pages show them: what they would run, and whether it would take what is given to it."""

import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from starlette.routing import Match, Route

from zekt_backend.cli import app
from zekt_backend.routes import TABLE
from zekt_sandbox.app import ROUTES as SANDBOX

ROOT = Path(__file__).resolve().parents[2]
# The shell's own, and programs whose arguments nobody here can know better than their manuals.
KNOWN = {
    "act", "bash", "cat", "cd", "chmod", "cp", "createdb", "createuser", "docker", "echo", "eval", "export", "gh",
    "git", "grep", "install", "jq", "kill", "ln", "mkdir", "mktemp", "openssl", "pg_dump", "pip", "printf", "psql",
    "python", "python3", "sed", "sleep", "systemctl", "tee", "useradd", "wait", ".",
}  # fmt: skip
_WORDS_OF_THE_SHELL = {"{", "}", "do", "done", "else", "fi", "if", "then", "until", "while", "!"}
_OPERATORS = ";&|()<>\n"
# Comments, and what is written behind `<<EOF`.
_NOT_RUN = re.compile(r"(?m)(?:^|(?<=\s))#.*$|<<-?'?(\w+)'?\n(?:.*\n)*?\1$")
_SUBSTITUTED = re.compile(r"\$\(((?:[^()]|\([^()]*\))*)\)")
_BASES = {"$GH": "/_sandbox", "$ZEKT_API_URL": "", "$ZEKT_PUBLIC_URL": ""}
# Its `BadParameter` is one of these; typer gives the class itself no name of its own.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def typed(language: str, text: str) -> str:
    """What a reader types: all of a script, and of a session the lines behind `$ `, with their continuations."""
    if language in ("sh", "bash"):
        return text
    lines, goes_on = [], False
    for line in text.splitlines():
        if goes_on or line.startswith("$ "):
            lines.append(line if goes_on else line[2:])
            goes_on = line.endswith("\\")
    return "\n".join(lines)


def commands(script: str) -> Iterator[list[str]]:
    """The words of every command of a script, without redirections and assignments; those in `$(…)` too.

    Raises:
        ValueError: a quotation has no end.
    """
    lexer = shlex.shlex(_NOT_RUN.sub("", script.replace("\\\n", " ")), posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    redirected = False
    for word in [*lexer, "\n"]:
        yield from (inner for found in _SUBSTITUTED.findall(word) for inner in commands(found))
        if redirected:
            redirected = False
        elif word[0] in "<>":
            redirected = True
        elif set(word) <= set(_OPERATORS):
            yield from _bare(words)
            words = []
        else:
            words.append(word)


def _bare(words: list[str]) -> Iterator[list[str]]:
    while words and (words[0] in _WORDS_OF_THE_SHELL or re.match(r"\w+=", words[0])):
        words = words[1:]
    if words:
        yield words


def problem(words: list[str], functions: set[str]) -> str:
    """Why this command would not do as it is written; empty: it would, as far as can be told without doing it."""
    if words[0] == "sudo":
        words = words[3:] if words[1] == "-u" else words[1:]
    program = words[0].rpartition("/")[2]
    checked = _CHECKED.get(program)
    if checked:
        return checked(words[1:])
    if program in KNOWN | functions or ("/" in words[0] and (ROOT / words[0]).is_file()):
        return ""
    return f"{program}: nobody knows this program; see KNOWN in {Path(__file__).name}"


def zekt(arguments: list[str]) -> str:
    """What `zekt` would say of these arguments, before it does anything."""
    command: Any = _command()
    parent, name, left = None, "zekt", arguments
    try:
        while True:
            context = command.make_context(name, list(left), parent=parent)
            if not hasattr(command, "commands"):
                return ""
            left = [*context._protected_args, *context.args]  # noqa: SLF001 # click has no other way to them
            if not left and command.invoke_without_command:
                return ""
            name, command, left = command.resolve_command(context, left)
            parent = context
    except typer.Exit:
        return ""  # --version
    except _UsageError as error:
        return f"zekt {' '.join(arguments)}: {getattr(error, 'message', error)}"


def zekt_options(line: str) -> str:
    """The same of a line that is only spoken of, `zekt replay --connection …`: its command, and its options' names."""
    command: Any = _command()
    for word in line.split()[1:]:
        if word not in getattr(command, "commands", {}):
            break
        _, command, _ = command.resolve_command(typer.Context(command), [word])
    if command is _command() and re.match(r"zekt [a-z]", line):
        return f"`{line}`: no such command"
    there = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    unknown = (
        set(re.findall(r"(?<!\S)\[?(--[a-z][a-z-]*)", line))
        - there
        - {"--help", "--install-completion", "--show-completion"}
    )
    return f"`{line}`: no such option: {', '.join(sorted(unknown))}" if unknown else ""


@cache
def _command() -> Any:
    return typer.main.get_command(app)


def _files(makefile: str) -> set[str]:
    """The files that it makes, as far as their names are two variables deep."""
    said = dict(re.findall(r"^([A-Z]+) := (\S+)$", makefile, re.MULTILINE))
    made = re.findall(r"^\$\(([A-Z]+)\):", makefile, re.MULTILINE)
    return {re.sub(r"\$\(([A-Z]+)\)", lambda name: said.get(name[1], ""), said[each]) for each in made}


def make(arguments: list[str]) -> str:
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = {*re.findall(r"^([a-z]+):", text, re.MULTILINE), *_files(text)}
    unknown = {word for word in arguments if not re.match(r"-|\w+=", word)} - targets
    return f"make has no target {', '.join(sorted(unknown))}" if unknown else ""


def curl(arguments: list[str]) -> str:
    """Whether there is such an endpoint; of another host than ours nothing is known."""
    method = next((arguments[at + 1] for at, word in enumerate(arguments) if word in ("-X", "--request")), None)
    gives = any(re.match(r"-d|--data|--json", word) for word in arguments)
    addresses = [word for word in arguments if re.match(r"https?://|\$[A-Z]", word)]
    for address in addresses:
        path = _path(address)
        if path is None or not is_endpoint(method or ("POST" if gives else "GET"), path):
            return f"curl {address}: no such endpoint"
    return "" if addresses or "$1" in arguments else "curl: of which address?"


def _path(address: str) -> str | None:
    for variable, base in _BASES.items():
        if address.startswith(variable):
            return base + urlsplit(address[len(variable) :]).path
    parts = urlsplit(address)
    return parts.path if re.fullmatch(r"zekt\.example(\.com)?|127\.0\.0\.1:8[0-9]+", parts.netloc) else None


def is_endpoint(method: str, path: str) -> bool:
    """Of the broker, or of the sandbox."""
    ours = any(method == each and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path) for each, known, *_ in TABLE)
    scope = {"type": "http", "method": method, "path": path.replace("$GITHUB_RUN_ID", "1"), "root_path": ""}
    return ours or any(isinstance(each, Route) and each.matches(scope)[0] is Match.FULL for each in SANDBOX)


_CHECKED: dict[str, Callable[[list[str]], str]] = {"zekt": zekt, "make": make, "curl": curl}
