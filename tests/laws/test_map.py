"""docs/MAP.md answers "where is …?": nothing in it is gone, nothing of ours is missing from it."""

import re
from pathlib import Path

import pytest

PATH = re.compile(r"`([\w.\-]+(?:/[\w.\-]+)*/?)`")


@pytest.fixture(scope="module")
def named(root: Path) -> set[str]:
    """What the map writes as a path: in backticks, with a slash in it or the name of a file at the top."""
    found = PATH.findall((root / "docs/MAP.md").read_text("utf-8"))
    return {name for name in found if "/" in name or (root / name).exists()}


def test_every_path_in_the_map_exists(root: Path, named: set[str]) -> None:
    assert named
    assert [name for name in sorted(named) if not (root / name).exists()] == []


def test_every_source_file_stands_in_the_map(files: list[Path], named: set[str]) -> None:
    """By its own path, or by that of the folder it lies in, if that folder is deeper than the three packages."""
    folders = {name.rstrip("/") for name in named if len(Path(name).parts) >= 3}
    missing = [
        str(path)
        for path in files
        if path.parts[0] == "src" and path.suffix == ".py" and path.name != "__init__.py"
        if str(path) not in named and not {str(parent) for parent in path.parents} & folders
    ]
    assert missing == []
