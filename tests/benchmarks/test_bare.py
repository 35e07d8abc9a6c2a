"""What is measured as the image's program without the image is what the image starts, and with what it has."""

import json
import re
import subprocess
from pathlib import Path

from zekt_bench.checkout import Checkout, entrypoint
from zekt_sandbox.server import SandboxServer

TELLING = """
import importlib.metadata, json, sys
import zekt_action, requests
names = sorted(found.name.lower().replace("_", "-") for found in importlib.metadata.distributions())
print(json.dumps([names, zekt_action.__file__, requests.__file__, sorted(sys.modules)]))
"""


def test_it_has_the_images_libraries_and_no_others_and_nothing_runs_before_it(root: Path, tmp_path: Path) -> None:
    """A development environment's hooks run at each start, and what they load the image has not."""
    with SandboxServer() as github:
        github.add_repository("shop-team/orders")
        run = github.start_run("shop-team/orders")
        (tmp_path / "step").mkdir()
        command, environment = Checkout(tmp_path).bare(run, tmp_path / "step", "http://127.0.0.1:1")
    assert "PYTHONPATH" not in environment
    options, program = command[1:-2], command[-2:]
    assert (options, program) == (["-I", "-B"], ["-m", "zekt_action"])
    assert [command[0].replace(f"{tmp_path}/image", "/opt/zekt"), *program] == [entrypoint()[0], *entrypoint()[-2:]]
    told = subprocess.run([command[0], *options, "-c", TELLING], env=environment, check=True, capture_output=True)
    names, ours, library, loaded = json.loads(told.stdout)
    assert names == sorted(
        re.findall(r"^([\w.-]+)==", (root / "requirements/action.txt").read_text("utf-8"), re.MULTILINE)
    )
    assert {Path(file).is_relative_to(tmp_path / "image") for file in (ours, library)} == {True}
    assert [name for name in loaded if name.startswith(("_distutils_hack", "coverage", "zekt_backend"))] == []
