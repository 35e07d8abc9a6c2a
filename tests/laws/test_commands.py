"""Every command is documented, and what people read of it programs can read too."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from zekt_backend import cli

NO_JSON = {
    "serve": "tells its log", "worker": "tells its log", "sandbox": "tells its address",
    "migrate": "has nothing to tell", "tokens revoke": "has nothing to tell",
    "notices rotate": "prints a secret, and nothing else",
    "replay": "prints ids, one a line", "services show": "prints nothing but JSON",
    "repositories show": "prints nothing but JSON", "repositories rotate": "has nothing to tell",
    "init": "writes a file, and says what comes next",
    "sandbox up": "tells what happens", "sandbox run": "prints an id", "sandbox rerun": "prints an id",
    "sandbox logs": "prints a log", "sandbox cancel": "has nothing to tell",
    "sandbox env": "prints settings for a shell",
    "app manifest": "prints nothing but JSON", "app register": "writes files and prints settings",
}  # fmt: skip
"""Commands without `--json`, and why."""


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for listed in group.commands:
        # The list of all commands has a line of each; what is run is the command itself.
        name, command, _ = group.resolve_command(typer.Context(group), [listed])
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield " ".join((*path, name)), command
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(_commands(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_json_unless_it_has_nothing_to_list(name: str) -> None:
    options = {text for parameter in COMMANDS[name].params for text in parameter.opts}
    assert ("--json" in options) is (name not in NO_JSON), f"zekt {name}: give it --json, or NO_JSON the reason"


def test_the_list_of_all_commands_says_what_each_says_of_itself() -> None:
    group: Any = typer.main.get_command(cli.app)
    for name, (_, about) in cli.COMMANDS.items():
        _, command, _ = group.resolve_command(typer.Context(group), [name])
        assert command.help.partition("\n\n")[0].replace("\n", " ") == about


def test_no_reason_is_given_for_a_command_that_is_gone() -> None:
    assert set(NO_JSON) - set(COMMANDS) == set()


def test_no_document_names_a_command_that_is_not_there(texts: dict[Path, str]) -> None:
    begun = {" ".join(name.split(" ")[:words]) for name in COMMANDS for words in (1, 2)}
    unknown = [
        f"{page}: zekt {first} {second}"
        for page, text in texts.items()
        if page.suffix == ".md" and page.name != "CHANGELOG.md"
        for first, second in re.findall(r"(?:`|^|/)zekt ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text, re.MULTILINE)
        if first not in COMMANDS and f"{first} {second}".strip() not in begun
    ]
    assert unknown == []


def test_every_command_is_documented_and_every_documented_one_exists(root: Path) -> None:
    page = (root / "docs/settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `zekt ([a-z][a-z -]*[a-z])", page, re.MULTILINE)
    named = {max((name for name in COMMANDS if f"{row} ".startswith(f"{name} ")), key=len, default=row) for row in rows}
    assert named == set(COMMANDS)
