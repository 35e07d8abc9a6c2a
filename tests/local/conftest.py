"""A sandbox whose repositories are folders: with act and Docker, for the tests that need both."""

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from zekt_sandbox.server import SandboxServer
from zekt_testing.rooms import Room, write

MakeRoom = Callable[..., Room]


@pytest.fixture
def stand_in() -> Iterator[SandboxServer]:
    with SandboxServer() as github:
        yield github


@pytest.fixture
def make_room(runner_image: str, stand_in: SandboxServer, tmp_path: Path) -> MakeRoom:
    """Makes folders of workflow files (`{"owner/name": {"file.yml": text}}`) the repositories of the sandbox."""
    if shutil.which("act", path=str(Path(sys.executable).parent)) is None and shutil.which("act") is None:
        pytest.skip("there is no act command here; `make test` installs it")

    def make(repositories: Mapping[str, Mapping[str, str]], **how: Any) -> Room:
        for repository, workflows in repositories.items():
            write(tmp_path / "folders", repository, workflows)
        images = {"ubuntu-latest": runner_image}
        return Room(stand_in, stand_in.local(tmp_path / "folders", images=images, **how), tmp_path / "folders")

    return make
