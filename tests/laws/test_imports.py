"""Imports point down only. Moving something up in this table is a change of design, not of a test."""

import ast

# Lowest first. Modules of one row never import each other's packages; a row may import every row below it.
ROWS = (
    {"errors", "clock", "ids", "lean"},
    {"settings", "log"},
    {"rules"},
    {"github", "store", "door", "outside", "tracing"},
    {"flows"},
    {"insight"},
    {"broker"},
    {"api"},
    {"console"},  # asks the API, and reads bodies as it does
    {"routes", "worker"},
    {"app"},
    {"serving"},
    {"process"},
    {"cli"},
)
ROW_OF = {part: row for row, parts in enumerate(ROWS) for part in parts}


def _part(dotted: str) -> str | None:
    """`zekt_backend.store.messages.save` → `store`; None for the package's own names and for others."""
    pieces = dotted.split(".")
    if pieces[0] != "zekt_backend" or len(pieces) == 1 or pieces[1].startswith("__"):
        return None
    return pieces[1]


def test_every_part_of_the_backend_has_a_row(modules: dict[str, ast.Module]) -> None:
    parts = {part for part in map(_part, modules) if part}
    assert parts <= set(ROW_OF), "give it a row in the table above"


def test_backend_imports_point_down(imports: dict[str, set[str]]) -> None:
    wrong = [
        f"{module} imports {target}"
        for module, targets in imports.items()
        for target in targets
        if (here := _part(module)) and (there := _part(target)) and here != there
        if ROW_OF[there] >= ROW_OF[here]
    ]
    assert not wrong


def test_the_action_never_imports_the_backend_or_the_sandbox(imports: dict[str, set[str]]) -> None:
    wrong = [
        f"{module} imports {target}"
        for module, targets in imports.items()
        for target in targets
        if module.startswith("zekt_action") and target.startswith(("zekt_backend", "zekt_sandbox"))
    ]
    assert not wrong


def test_the_reader_of_workflow_files_imports_nothing_of_ours(imports: dict[str, set[str]]) -> None:
    """And whoever runs on a runner has no need of it."""
    wrong = [
        f"{module} imports {target}"
        for module, targets in imports.items()
        for target in targets
        if (module.startswith("zekt_workflows") and target.startswith(("zekt_action", "zekt_backend", "zekt_sandbox")))
        or (module.startswith("zekt_action") and target.startswith("zekt_workflows"))
    ]
    assert not wrong


def test_only_the_command_line_knows_the_sandbox(imports: dict[str, set[str]]) -> None:
    wrong = [
        f"{module} imports {target}"
        for module, targets in imports.items()
        for target in targets
        if module.startswith("zekt_backend") and _part(module) != "cli" and target.startswith("zekt_sandbox")
    ]
    assert not wrong


def test_the_sandbox_is_github_and_does_not_know_the_backend(imports: dict[str, set[str]]) -> None:
    """Only its drivers (`demo…`), which the command line starts, put the two together."""
    wrong = [
        f"{module} imports {target}"
        for module, targets in imports.items()
        for target in targets
        if module.startswith("zekt_sandbox.") and not module.split(".")[1].startswith("demo")
        if target.startswith("zekt_backend")
    ]
    assert not wrong
