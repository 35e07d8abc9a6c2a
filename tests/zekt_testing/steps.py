"""One step of a job, as its own process: the image's entry point, or a composite's script, as a runner starts them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


@dataclass(frozen=True)
class Done:
    """A finished step, as the runner sees it."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


@dataclass
class Runner:
    """Starts a step as its own process, with the variables and files a runner gives it."""

    folder: Path
    url: str
    """The broker's and the token service's."""
    front: str = "image"
    """What `send` starts: the Docker action as its image does, or the composite."""
    python: str = sys.executable
    """The machine's, on which `send` starts the composite."""
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.workspace, self.temp = self.folder / "workspace", self.folder / "temp"
        self.workspace.mkdir()
        self.temp.mkdir()
        self.environ = {
            # Set where coverage is measured in child processes, too.
            **{name: os.environ[name] for name in ("COVERAGE_PROCESS_CONFIG",) if name in os.environ},
            "PATH": os.environ["PATH"],
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "shop-team/orders",
            "GITHUB_REPOSITORY_ID": "1001",
            "GITHUB_RUN_ID": "42",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_WORKFLOW": "Order",
            "GITHUB_JOB": "send",
            "GITHUB_ACTION": "__zekt",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_SHA": "a" * 40,
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner-secret",
            "ZEKT_API_URL": self.url,
        }
        self.event({})

    def event(self, event: Any) -> None:
        (self.folder / "event.json").write_text(json.dumps(event))

    def inputs(self, **values: str) -> dict[str, str]:
        return {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in values.items()}

    def start(self, command: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
        for name in ("output", "summary"):
            (self.folder / name).write_bytes(b"")
        return subprocess.Popen(
            command,
            env=self.environ | environ,
            cwd=self.workspace,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def finish(self, process: subprocess.Popen[bytes]) -> Done:
        with process:
            log, _ = process.communicate(timeout=30)
        outputs = parse_outputs((self.folder / "output").read_bytes().decode())
        summary = (self.folder / "summary").read_text()
        return Done(process.returncode, log.decode(), outputs, summary)

    def send(self, environ: dict[str, str] | None = None, **inputs: str) -> Done:
        """Run send; `event_type` and the hosts have defaults."""
        return self.finish(self.start_send(environ, **inputs))

    def start_send(self, environ: dict[str, str] | None = None, **inputs: str) -> subprocess.Popen[bytes]:
        given = self.inputs(**{"event_type": "order-placed", "payload": "{}"} | inputs)
        return self.start_bare(given | (environ or {}))

    def start_bare(self, environ: dict[str, str]) -> subprocess.Popen[bytes]:
        """With these inputs alone, as the image does, -I included: the working folder is no place to import from."""
        if self.front == "composite":
            return self.start_composite("send", self.python, environ)
        script = (
            f"import sys, runpy; sys.path.insert(0, {str(SOURCE)!r}); runpy.run_module('zekt_action', None, '__main__')"
        )
        return self.start([sys.executable, "-I", "-c", script], environ)

    def receive(self, verb: str, python: str, environ: dict[str, str] | None = None, **inputs: str) -> Done:
        """Run confirm or complete; an input that is not given is empty, whatever its default takes from the event."""
        return self.finish(self.start_composite(verb, python, self.inputs(**inputs) | (environ or {})))

    def start_composite(self, verb: str, python: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
        """The script of the composite, with this Python as the machine's, and its inputs by the names of its `env:`."""
        defaults, script = composite(verb)
        (self.folder / "step.sh").write_text(script)
        (self.folder / "bin").mkdir(exist_ok=True)
        (self.folder / "bin/python3").unlink(missing_ok=True)
        (self.folder / "bin/python3").symlink_to(python)
        runners = {
            "GITHUB_ACTION_PATH": str(ROOT / verb),
            "PATH": f"{self.folder / 'bin'}:{self.environ['PATH']}",
        }
        given = {name.replace("-", "_"): value for name, value in environ.items()}
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(self.folder / "step.sh")]
        return self.start(command, defaults | runners | given)


@cache
def composite(verb: str) -> tuple[dict[str, str], str]:
    """What its step finds as an input that nobody wrote, and the step's script."""
    action = yaml.safe_load((ROOT / verb / "action.yml").read_text("utf-8"))
    defaults = {name: spec.get("default", "") for name, spec in action["inputs"].items()}
    (step,) = action["runs"]["steps"]
    return {f"INPUT_{n.upper().replace('-', '_')}": "" if "${{" in d else d for n, d in defaults.items()}, step["run"]


def parse_outputs(text: str) -> dict[str, str]:
    """Read GITHUB_OUTPUT as the runner does: `name<<mark`, lines, `mark`."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, mark = line.partition("<<")
        value: list[str] = []
        for inner in lines:
            if inner == mark:
                break
            value.append(inner)
        found[name] = "\n".join(value)
    return found
