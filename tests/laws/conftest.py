"""What the laws read: the files git knows or would know, and the syntax trees of our packages."""

import ast
import subprocess
from pathlib import Path

import pytest

PACKAGES = ("zekt_action", "zekt_backend", "zekt_sandbox", "zekt_workflows")


@pytest.fixture(scope="session")
def files(root: Path) -> list[Path]:
    """Every file of the checkout that is tracked, or new and not ignored; relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted(Path(name) for name in listed.split("\0") if name and (root / name).is_file())


@pytest.fixture(scope="session")
def texts(root: Path, files: list[Path]) -> dict[Path, str]:
    """Every one of them that is text."""
    found = {}
    for path in files:
        raw = (root / path).read_bytes()
        if b"\0" not in raw:
            found[path] = raw.decode("utf-8")
    return found


@pytest.fixture(scope="session")
def modules(root: Path) -> dict[str, ast.Module]:
    """Dotted module name → syntax tree, for all four packages; a package stands under its own name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / "src" / package).rglob("*.py")):
            parts = path.relative_to(root / "src").with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text("utf-8"), filename=str(path))
    return found


@pytest.fixture(scope="session")
def imports(modules: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Module → the dotted names it imports, `from a import b` being `a.b`, also inside functions."""
    return {name: _imported(name, tree, set(modules)) for name, tree in modules.items()}


def _imported(name: str, tree: ast.Module, known: set[str]) -> set[str]:
    is_package = any(other.startswith(f"{name}.") for other in known)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(name, node, is_package=is_package)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def _absolute(name: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    """What `from ..x import y` in module `name` means, spelled out."""
    if node.level == 0:
        return node.module or ""
    parts = name.split(".")
    base = parts[: len(parts) - node.level + (1 if is_package else 0)]
    return ".".join([*base, node.module] if node.module else base)
