"""The actions as a runner has them: a fresh checkout, and an environment with the inputs that a workflow gives."""

import compileall
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from zekt_bench.figures import ROOT
from zekt_sandbox.runs import Run

_EXPRESSION = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
Command = tuple[list[str], dict[str, str]]
_COMPOSITES = ("send", "confirm", "complete")


class Checkout:
    """A copy of what is run, in `folder`.

    A runner's checkout has no bytecode, and the composites write none; the image's has been compiled when it was built.
    """

    def __init__(self, folder: Path) -> None:
        self._fresh, self._image = folder / "checkout", folder / "image"
        for name in _COMPOSITES:
            shutil.copytree(ROOT / name, self._fresh / name)
        for source in (self._fresh / "src", self._image):
            shutil.copytree(
                ROOT / "src/zekt_action", source / "zekt_action", ignore=shutil.ignore_patterns("__pycache__")
            )
        compileall.compile_dir(self._image, quiet=1)

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
        """What the image starts, without the image: on this Python, with the libraries of this environment."""
        action = _action(ROOT)
        # The others it names itself.
        inputs = {name: told for name, told in _named(action).items() if "-" not in name}
        environment = {
            **_runner(run, folder, url),
            "PYTHONPATH": str(self._image),
            **_inputs(action, {**inputs, **action["runs"]["env"]}, given),
        }
        return [sys.executable, "-P", "-s", "-m", "zekt_action"], environment


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
