"""No file over 300 lines, no function over 50: nobody lets one "main" module grow."""

import ast
import re
from pathlib import Path

MAX_FILE = 300
MAX_FUNCTION = 50
OF_OURS = ("src", "tests", ".ci", ".github", "benchmarks", "examples")


def _is_shell(path: Path, text: str) -> bool:
    return path.suffix == ".sh" or re.match(r"#!.*\b(ba)?sh\b", text) is not None


def _code(texts: dict[Path, str]) -> dict[Path, str]:
    return {
        path: text
        for path, text in texts.items()
        if path.parts[0] in OF_OURS and (path.suffix == ".py" or _is_shell(path, text))
    }


def test_no_file_is_longer_than_300_lines(texts: dict[Path, str]) -> None:
    lengths = {str(path): len(text.splitlines()) for path, text in _code(texts).items()}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_FILE} == {}


def test_no_python_function_is_longer_than_50_lines(texts: dict[Path, str]) -> None:
    """From its first decorator to its last line, docstring included."""
    found = {}
    for path, text in _code(texts).items():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                found[f"{path}:{node.name}"] = (node.end_lineno or first) - first + 1
    assert found
    assert {name: lines for name, lines in found.items() if lines > MAX_FUNCTION} == {}


def test_no_shell_function_is_longer_than_50_lines(texts: dict[Path, str]) -> None:
    found = {}
    for path, text in _code(texts).items():
        if _is_shell(path, text):
            for function in re.finditer(r"^(\w+)\(\) *\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
                found[f"{path}:{function[1]}"] = function[0].count("\n") + 1
    assert {name: lines for name, lines in found.items() if lines > MAX_FUNCTION} == {}
