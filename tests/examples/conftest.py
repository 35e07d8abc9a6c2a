"""All examples on one machine: their repositories in one sandbox, their setup files in one broker."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from examples.folders import ALL
from zekt_testing.local import Laptop, playing


@pytest.fixture(scope="module")
def laptop(runner_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Every example is set up, and nothing has been started."""
    if shutil.which("act", path=str(Path(sys.executable).parent)) is None and shutil.which("act") is None:
        pytest.skip("there is no act command here; `make test` installs it")
    root = tmp_path_factory.mktemp("examples")
    for example in ALL:
        for repository in example.repositories:
            shutil.copytree(example.folder / repository, root / repository)
    setup = root / "setup.yaml"
    setup.write_text(yaml.safe_dump(_together()), encoding="utf-8")
    with playing(root, runner_image) as found:
        told = found.command("setup", "apply", str(setup))
        assert "not run yet" not in told, told
        yield found


def _together() -> dict[str, list[object]]:
    """All setup files as one, because each `zekt setup apply` takes seconds; they name nothing twice."""
    files = [yaml.safe_load((example.folder / "setup.yaml").read_text("utf-8")) for example in ALL]
    return {key: [entry for file in files for entry in file[key]] for key in ("accounts", "subscriptions")}
