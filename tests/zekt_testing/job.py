"""A job of our own workflows, step by step as GitHub's runner plays it, with the checkout's own actions.

What is fake here is the runner: expressions are read as far as our workflows use them, an image runs in Docker's own
bridge as at GitHub, and a composite's script gets its `env:`. Checking out and installing is left out: it is all there.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from zekt_testing.steps import ROOT, parse_outputs

_EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")
_LEFT_OUT = ("actions/checkout@", "make .venv/.ready")


@dataclass
class Job:
    """A job that is being played."""

    folder: Path
    image: str
    """The action's, as built from the Dockerfile."""
    environ: dict[str, str]
    """What the runner tells of the run, beside the paths."""
    context: dict[str, str] = field(default_factory=lambda: {"job.status": "success"})
    log: str = ""

    def __post_init__(self) -> None:
        self.workspace, self.temp, self.files = (self.folder / name for name in ("work", "temp", "files"))
        for path in (self.workspace, self.temp, self.files, self.workspace / ".venv/bin"):
            path.mkdir(parents=True)
        (self.workspace / ".github").symlink_to(ROOT / ".github")
        python = self.workspace / ".venv/bin/python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
        python.chmod(0o755)
        (self.files / "event.json").write_text("{}", encoding="utf-8")

    def play(self, workflow: str, job: str) -> None:
        """Run a job's steps to the end; after a failure, those that run always."""
        parsed = yaml.safe_load((ROOT / ".github/workflows" / workflow).read_text("utf-8"))
        for number, step in enumerate(parsed["jobs"][job]["steps"]):
            if any(text in step.get("uses", step.get("run", "")) for text in _LEFT_OUT):
                continue
            if self.context["job.status"] == "success" or step.get("if") == "always()":
                self._step(step, f"__step-{number}")

    def _step(self, step: dict[str, Any], unnamed: str) -> None:
        for name in ("output", "summary"):
            (self.files / name).write_text("", encoding="utf-8")
        env = {name: self._value(value) for name, value in step.get("env", {}).items()}
        name = step.get("id", unnamed)
        environ = self._runner(self.workspace, self.temp, self.files) | {"GITHUB_ACTION": name} | env
        inputs = {name: self._value(value) for name, value in step.get("with", {}).items()}
        if "run" in step:
            code = self._script(step["run"], environ)
        elif step["uses"] == "$/":
            code = self._image(inputs, env | {"GITHUB_ACTION": name})
        else:
            code = self._composite(ROOT / step["uses"].removeprefix("$/"), inputs, environ)
        self.context |= {
            f"steps.{name}.outputs.{key}": value
            for key, value in _outputs((self.files / "output").read_text("utf-8")).items()
        }
        self.context[f"steps.{name}.outcome"] = "failure" if code else "success"
        if code and not step.get("continue-on-error"):
            self.context["job.status"] = "failure"

    def _value(self, text: Any) -> str:
        """What the context has; nothing where it has nothing, as at GitHub."""
        return _EXPRESSION.sub(lambda found: self.context.get(found[1], ""), str(text))

    def _runner(self, workspace: Path, temp: Path, files: Path) -> dict[str, str]:
        return {
            **self.environ,
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_OUTPUT": str(files / "output"),
            "GITHUB_STEP_SUMMARY": str(files / "summary"),
            "GITHUB_EVENT_PATH": str(files / "event.json"),
            "RUNNER_TEMP": str(temp),
        }

    def _script(self, script: str, environ: dict[str, str]) -> int:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        ours = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": os.pathsep.join(sys.path)}
        # Where the engine listens is the machine's to say, as at GitHub.
        kept = {name: os.environ[name] for name in ("ZEKT_EMBEDDED_AS_ROOT", "DOCKER_HOST") if name in os.environ}
        return self._run(command, ours | kept | environ)

    def _composite(self, folder: Path, inputs: dict[str, str], environ: dict[str, str]) -> int:
        action = yaml.safe_load((folder / "action.yml").read_text("utf-8"))
        (step,) = action["runs"]["steps"]
        self.context |= {f"inputs.{key}": self._value(value) for key, value in _with_defaults(action, inputs).items()}
        env = {name: self._value(value) for name, value in step["env"].items()}
        return self._script(step["run"], environ | env | {"GITHUB_ACTION_PATH": str(folder)})

    def _image(self, inputs: dict[str, str], env: dict[str, str]) -> int:
        """An input keeps its hyphens; each that somebody wrote comes along, whether action.yml has it or not."""
        action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
        given = _with_defaults(action, inputs)
        self.context |= {f"inputs.{key}": value for key, value in given.items()}
        mapped = {name: self._value(value) for name, value in action["runs"]["env"].items()}
        as_inputs = {f"INPUT_{name.upper()}": value for name, value in given.items()}
        inside = Path("/github")
        runners = self._runner(inside / "workspace", inside / "runner_temp", inside / "files")
        environ = mapped | as_inputs | env | runners
        mounts = {self.workspace: "workspace", self.temp: "runner_temp", self.files: "files"}
        volumes = [part for path, name in mounts.items() for part in ("-v", f"{path}:/github/{name}")]
        names = [part for name in environ for part in ("-e", name)]
        command = ["docker", "run", "--rm", "--workdir", "/github/workspace", *names, *volumes, self.image]
        return self._run(command, {**os.environ, **environ, "HOME": os.environ["HOME"]})

    def _run(self, command: list[str], environ: dict[str, str]) -> int:
        done = subprocess.run(
            command, cwd=self.workspace, env=environ, check=False, timeout=300, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.log += done.stdout
        return done.returncode


def _with_defaults(action: dict[str, Any], inputs: dict[str, str]) -> dict[str, str]:
    return {name: str(spec.get("default", "")) for name, spec in action["inputs"].items()} | inputs


def _outputs(text: str) -> dict[str, str]:
    """Both forms that a runner reads: `name=value`, and `name<<mark`."""
    plain = [line for line in text.splitlines() if "=" in line.partition("<<")[0]]
    return dict(line.split("=", 1) for line in plain) or parse_outputs(text)
