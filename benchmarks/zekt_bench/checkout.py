"""The actions as a runner has them: a fresh checkout, and an environment with the inputs that a workflow gives."""

import compileall
import json
import os
import re
import shutil
import sys
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

import yaml

from zekt_bench.figures import ROOT
from zekt_sandbox.runs import Run

_EXPRESSION = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
Command = tuple[list[str], dict[str, str]]
_COMPOSITES = ("send", "confirm", "complete")
_LOCKED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
_ENTRYPOINT = re.compile(r"^ENTRYPOINT (\[.+\])$", re.MULTILINE)
_HOME = "/opt/zekt"
"""Where the Dockerfile puts all of it."""


class Checkout:
    """A copy of what is run, in `folder`.

    A runner's checkout has no bytecode, and the composites write none; the image's has been compiled when it was built.
    """

    def __init__(self, folder: Path) -> None:
        self._fresh, self._image = folder / "checkout", folder / "image"
        for name in _COMPOSITES:
            shutil.copytree(ROOT / name, self._fresh / name)
        for source in (self._fresh / "src", self._image / "source"):
            shutil.copytree(
                ROOT / "src/zekt_action", source / "zekt_action", ignore=shutil.ignore_patterns("__pycache__")
            )
        _build(self._image)

    def composite(self, name: str, run: Run, folder: Path, url: str, **given: str) -> Command:
        """The command line and the environment of its one step, which a runner runs in bash."""
        action = _action(self._fresh / name)
        (step,) = action["runs"]["steps"]
        script = folder / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        environment = {
            **_runner(run, folder, url),
            "GITHUB_ACTION_PATH": str(self._fresh / name),
            **_inputs(action, step["env"], given),
        }
        bash = shutil.which("bash") or "/bin/bash"
        return [bash, "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)], environment

    def bare(self, run: Run, folder: Path, url: str, **given: str) -> Command:
        """What the image starts, without the image: in an environment like its own, on this Python."""
        action = _action(ROOT)
        # The others it names itself.
        inputs = {name: told for name, told in _named(action).items() if "-" not in name}
        environment = {**_runner(run, folder, url), **_inputs(action, {**inputs, **action["runs"]["env"]}, given)}
        command = entrypoint()
        # This Python's own library is not the benchmark's to compile: it has been, where it lies, and so is the rest.
        place = command.index(f"pycache_prefix={_HOME}/compiled")
        del command[place - 1 : place + 1]
        return [part.replace(_HOME, str(self._image)) for part in command], environment


def entrypoint() -> list[str]:
    """What the image starts, word by word."""
    found = _ENTRYPOINT.search((ROOT / "Dockerfile").read_text("utf-8"))
    if found is None:
        raise AssertionError("the Dockerfile says what the image starts")
    command: list[str] = json.loads(found[1])
    return command


def _build(image: Path) -> None:
    """An environment like the one that the Dockerfile makes, around the source in `image`.

    The libraries are copied from this one, which has them by the same lock: nothing is asked of the network.

    Raises:
        RuntimeError: a library here is of another version than the image's.
    """
    venv.create(image, symlinks=True)
    (packages,) = image.glob("lib/python*/site-packages")
    (packages / "zekt.pth").write_text(f"{image / 'source'}\n", encoding="utf-8")
    for name, version in _LOCKED.findall((ROOT / "requirements/action.txt").read_text("utf-8")):
        library = metadata.distribution(name)
        if library.version != version:
            raise RuntimeError(f"{name} is {library.version} here and {version} in the image: install the lock anew")
        for file in library.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), packages / file)
    compileall.compile_dir(image, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


def javascript(node: str, program: Path, run: Run, folder: Path, url: str, **given: str) -> Command:
    """A JavaScript action: the runner starts its Node on one file, without a shell."""
    inputs = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in given.items()}
    return [node, str(program)], {**_runner(run, folder, url), **inputs}


@dataclass(frozen=True, slots=True)
class Published:
    """A JavaScript action as somebody has published it, in a folder that is named like its version."""

    folder: Path

    @property
    def node(self) -> str:
        """The major version that a runner starts it with."""
        return str(_action(self.folder)["runs"]["using"]).removeprefix("node")

    def command(self, node: str, run: Run, folder: Path, url: str, **given: str) -> Command:
        """Its inputs' own defaults hold where nothing is given; but the broker is ours."""
        action = _action(self.folder)
        inputs = _inputs(action, _named(action), {"zekt_api_url": url, **given})
        # A step runs in a folder of its own.
        program = (self.folder / action["runs"]["main"]).resolve()
        return [node, str(program)], {**_runner(run, folder, url), **inputs}


def _runner(run: Run, folder: Path, url: str) -> dict[str, str]:
    for name in ("output", "summary"):
        (folder / name).write_text("", encoding="utf-8")
    return {
        # `python3` is this Python: a version manager's would be a program before the program.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **run.environment(),
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "RUNNER_TEMP": str(folder),
        "ZEKT_API_URL": url,
    }


def _action(folder: Path) -> dict[str, Any]:
    action: dict[str, Any] = yaml.safe_load((folder / "action.yml").read_text("utf-8"))
    return action


def _named(action: dict[str, Any]) -> dict[str, str]:
    """The variable of each input, as a runner names it."""
    return {f"INPUT_{name.upper()}": f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}


def _inputs(action: dict[str, Any], env: dict[str, str], given: dict[str, str]) -> dict[str, str]:
    """As the runner evaluates `${{ inputs.… }}`."""

    def value(expression: str) -> str:
        name = _EXPRESSION.sub(r"\1", expression)
        return given.get(name.replace("-", "_"), str(action["inputs"][name].get("default") or ""))

    return {variable: value(expression) for variable, expression in env.items()}


def outputs(folder: Path) -> dict[str, str]:
    """What the step told the runner; of each output its first line."""
    lines = iter((folder / "output").read_text(encoding="utf-8").splitlines())
    return {line.partition("<<")[0]: next(lines) for line in lines if "<<" in line}
