"""`zekt doctor` and `zekt setup apply` on the broker's own database, with the sandbox as GitHub."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from zekt_backend.cli import app
from zekt_backend.rules.facts import Verdict
from zekt_testing.connection import CONSUMER, LISTENS, NAME, RECEIVE


@pytest.fixture
def environment(zekt: Any) -> dict[str, str]:
    """The command's settings, on the broker's own database."""
    return {
        **zekt.github.broker_environment(),
        "ZEKT_DATABASE_URL": zekt.database_url,
        "ZEKT_PUBLIC_URL": zekt.url,
        "ZEKT_GITHUB_TIMEOUT": "2",
    }


@pytest.fixture
def command(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `zekt ARGUMENTS` as a process."""

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ZEKT_")}
        given = {**clean, "PYTHONPATH": os.pathsep.join(sys.path), **environment, **settings}
        line = [sys.executable, "-m", "zekt_backend.cli", *arguments]
        return subprocess.run(line, env=given, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture
def zekt_command(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The same without a process of its own, which is faster."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture
def doctor(zekt_command: Any) -> Callable[..., dict[str, Any]]:
    """`zekt doctor CONNECTION --json`: each check's finding by its name, and the exit code as `exit`."""

    def run() -> dict[str, Any]:
        done = zekt_command("doctor", NAME, "--json")
        assert done.stdout, done.stderr
        told = json.loads(done.stdout)
        assert told["connection"] == NAME
        assert Verdict(told["verdict"]) in {Verdict(each["verdict"]) for each in told["findings"]}
        return {**{each["check"]: each for each in told["findings"]}, "exit": done.exit_code}

    return run


@pytest.fixture
def healthy(zekt: Any) -> Any:
    """Nothing is missing: the workflow listens, both hooks point here."""
    zekt.github.add_workflow(CONSUMER, RECEIVE, LISTENS)
    return zekt
