"""Reads a setup file and says on which line it does not fit."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from zekt_backend.errors import ZektError
from zekt_backend.rules.setup import SetupFile

_MAX_BYTES = 1_048_576


def read(path: Path) -> SetupFile:
    """The file as a model.

    Raises:
        ZektError: `setup_invalid`, every problem on its own line as `file:line: where: what`.
    """
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_repeated_keys(path, node)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ZektError("setup_invalid", f"{path}:{line}: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        # PyYAML lets through what Python says of a scalar that is none: 2026-13-45 is no date, `!!int x` no number.
        raise ZektError("setup_invalid", f"{path}:1: {str(error)[:200]}") from None
    try:
        file = SetupFile.model_validate(content)
    except ValidationError as error:
        raise ZektError("setup_invalid", "\n".join(_problems(path, node, error))) from None
    _check_schemas(path, file)
    return file


def _check_schemas(path: Path, file: SetupFile) -> None:
    """In this process: whoever writes the file keeps nobody waiting but himself."""
    workflows = [workflow for a in file.accounts for r in a.repositories for workflow in r.workflows]
    for service in (workflow.service for workflow in workflows if workflow.service):
        if service.schema_text is not None and (why := unusable(service.schema_text)):
            raise ZektError("setup_invalid", f"{path}: the schema of {service.slug}: {why}")


def unusable(text: str) -> str:
    """Why it cannot be a service's schema; empty when it can. In this process, where nobody else waits."""
    # Imported here: it costs 100 ms, which files without a schema need not pay.
    from zekt_action.schema import UnusableError  # noqa: PLC0415
    from zekt_backend.door import schemas  # noqa: PLC0415

    try:
        schemas.check(text)
    except UnusableError as error:
        return str(error)
    return ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ZektError("setup_invalid", f"{path} cannot be read: {error.strerror}.") from None
    if len(raw) > _MAX_BYTES:
        raise ZektError("setup_invalid", f"{path} is larger than {_MAX_BYTES:,} bytes.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ZektError("setup_invalid", f"{path} is not UTF-8 (byte {error.start}).") from None


def _problems(path: Path, node: yaml.Node | None, error: ValidationError) -> list[str]:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [f"{path}:{_line(node, problem['loc'])}: {_where(problem['loc'])}: {_words(problem)}" for problem in found]


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the file"


_WORDS = {
    "extra_forbidden": "is no key that is known here; see docs/setup.md",
    "tuple_type": "must be a list",
    "model_type": "must have keys and values",
    "missing": "is missing",
    "string_pattern_mismatch": "does not have the form that docs/setup.md gives for it",
}


def _words(problem: Any) -> str:
    return _WORDS.get(problem["type"]) or str(problem["msg"]).removeprefix("Value error, ")


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line of the innermost part of `location` that stands in the file."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in location:
        found = _child(node, part)
        if found is None:
            break
        key, node = found
        line = key.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """(the node that names it, the node that holds it)."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _refuse_repeated_keys(path: Path, node: Any) -> None:
    """YAML takes the last of two equal keys and says nothing; here it is an error."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(path, item)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ZektError("setup_invalid", f"{path}:{key.start_mark.line + 1}: a key must be a word.")
        if key.value in seen:
            raise ZektError("setup_invalid", f"{path}:{key.start_mark.line + 1}: the key {key.value!r} stands twice.")
        seen.add(key.value)
        _refuse_repeated_keys(path, value)
