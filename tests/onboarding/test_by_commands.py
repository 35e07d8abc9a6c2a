"""From nothing to a delivered event by commands alone, each a process, as docs/onboarding.md has them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onboarding import recipe
from onboarding.conftest import INFRA, SHOP
from zekt_testing.broker import SECRET, Zekt

pytestmark = pytest.mark.long

BUILD = ".github/workflows/build-infrastructure.yml"


@pytest.fixture
def command(zekt: Zekt, tmp_path: Path) -> Callable[[list[str]], str]:
    """Runs `zekt ARGUMENTS` on the broker's machine, with its settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ZEKT_")}
    settings = {
        **zekt.github.broker_environment(),
        "ZEKT_DATABASE_URL": zekt.database_url,
        "ZEKT_PUBLIC_URL": zekt.url,
        "ZEKT_WEBHOOK_SECRET": SECRET,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }

    def run(arguments: list[str]) -> str:
        line = [sys.executable, "-m", "zekt_backend.cli", *arguments]
        done = subprocess.run(
            line, env={**clean, **settings}, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    return run


def test_from_nothing_to_a_delivered_event(
    zekt: Zekt, command: Callable[[list[str]], str], first_event: Callable[[], Any]
) -> None:
    for arguments in recipe.commands():
        if arguments == ["deliveries"]:
            assert first_event()["payload"] == {"resourceType": "webServer"}
        said = command(arguments)
        assert ("infrastructure-orders" in said) or arguments[0] != "directory"
    (delivery,) = json.loads(command(["deliveries", "--json"]))
    assert (delivery["status"], delivery["consumer"]) == ("dispatched", "infra-team/platform")
    # The way back, as docs/answering.md has it: whoever consumed now provides.
    zekt.github.add_workflow(INFRA, BUILD, "on: push\njobs: {}\n")
    for arguments in recipe.commands_to_answer():
        command(arguments)
    (answers,) = (
        each
        for each in json.loads(command(["subscriptions", "list", "--json"]))
        if each["service"] == "infrastructure-results"
    )
    assert (answers["consumer"], answers["status"], answers["conclusions"]) == (SHOP, "approved", ["success"])
    assert {line["actor"] for line in zekt.get("/api/audit?limit=500")["audit"]} == {"github", "operator"}
