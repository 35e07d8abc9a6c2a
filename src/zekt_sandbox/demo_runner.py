"""A runner: starts a step as its own process, with the environment and the files that GitHub's runner gives it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from zekt_sandbox.demo_broker import PACKAGES, DemoFailed, clean_environment
from zekt_sandbox.runs import Run

_STEP_SECONDS = 30.0
_SHOWN_CHARACTERS = 2_000
_LAUNCH = PACKAGES / "zekt_action" / "launch.py"


class Job:
    """One job of one run: a workspace, a temp folder, and the event file.

    Args:
        run: of the sandbox.
        folder: an empty one.
        broker_url: what the job's `env:` says as ZEKT_API_URL.
    """

    def __init__(self, run: Run, folder: Path, broker_url: str) -> None:
        self.run = run
        self.workspace = folder / "workspace"
        self._temp = folder / "temp"
        self._commands = folder / "file_commands"
        for each in (self.workspace, self._temp, self._commands):
            each.mkdir(parents=True)
        self._environment = {
            **clean_environment(),
            **run.environment(event_path=folder / "event.json", job="job"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self._temp),
            "RUNNER_OS": "Linux",
            "ZEKT_API_URL": broker_url,
        }

    def send(self, step: str, inputs: Mapping[str, str]) -> dict[str, str]:
        """The zekt-action, as its image starts it; gives the step's outputs."""
        return self._step(step, [sys.executable, "-m", "zekt_action"], inputs)

    def confirm(self) -> dict[str, str]:
        """The composite's command; on a runner its inputs default to the event's own."""
        return self._step("confirm", [*_PYTHON, str(_LAUNCH), "confirm"], {})

    def complete(self, status: str) -> dict[str, str]:
        return self._step("complete", [*_PYTHON, str(_LAUNCH), "complete"], {"status": status})

    def _step(self, name: str, command: list[str], inputs: Mapping[str, str]) -> dict[str, str]:
        output, summary = self._commands / f"output-{name}", self._commands / f"summary-{name}"
        output.touch()
        summary.touch()
        environment = {
            **self._environment,
            # A runner keeps the hyphens of an input's name.
            **{f"INPUT_{key.upper()}": value for key, value in inputs.items()},
            "GITHUB_ACTION": name,
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
        }
        try:
            done = subprocess.run(  # noqa: S603 - our own program, arguments of our own
                command,
                env=environment,
                cwd=self.workspace,
                capture_output=True,
                text=True,
                timeout=_STEP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise DemoFailed(f"the step {name} of {self.run.repository} took more than {_STEP_SECONDS:.0f} s") from late
        if done.returncode != 0:
            said = (done.stdout + done.stderr)[-_SHOWN_CHARACTERS:]
            raise DemoFailed(f"the step {name} of {self.run.repository} exited with {done.returncode}:\n{said}")
        return outputs(output.read_text(encoding="utf-8"))


_PYTHON = (sys.executable, "-I", "-S", "-B")


def outputs(text: str) -> dict[str, str]:
    """What stands in a GITHUB_OUTPUT file: `name=value`, or `name<<MARK`, lines, `MARK`."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, heredoc, mark = line.partition("<<")
        if not heredoc or "=" in name:
            name, _, found_value = line.partition("=")
            found[name] = found_value
            continue
        value = []
        for inner in lines:
            if inner == mark:
                break
            value.append(inner)
        found[name] = "\n".join(value)
    return found
