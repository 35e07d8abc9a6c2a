"""The actions of one version and the broker of the other understand each other, until everybody has upgraded."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zekt_sandbox.demo_runner import outputs
from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.broker import ORDER, SECRET
from zekt_testing.processes import free_port, set_up, zekt_process

pytestmark = pytest.mark.long

LARGE = '{"text": "' + "x" * 80_000 + '"}'


def step(run: Any, source: Path, folder: Path, url: str, *arguments: str, **inputs: str) -> dict[str, str]:
    """One step of a job, as a runner starts it: the action's process, or the composite's script."""
    workspace = folder / f"{arguments[0]}-{run.id}"
    workspace.mkdir()
    for name in ("output", "summary"):
        (workspace / name).touch()
    (launch,) = source.glob("zekt_action/**/launch.py")
    composite = [*["-I", "-S", "-B"], str(launch), *arguments]
    done = subprocess.run(
        [sys.executable, *(["-m", "zekt_action"] if arguments == ("send",) else composite)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(source),
            **run.environment(event_path=workspace / "event.json"),
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_OUTPUT": str(workspace / "output"),
            "GITHUB_STEP_SUMMARY": str(workspace / "summary"),
            "RUNNER_TEMP": str(workspace),
            "ZEKT_API_URL": url,
            **{f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()},
        },
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return outputs((workspace / "output").read_text())


@pytest.fixture(params=[("previous", "current"), ("current", "previous")], ids="{0[0]} actions, {0[1]} broker".format)
def versions(request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """(the actions' source, the broker's)."""
    actions, broker = request.param
    return request.getfixturevalue(actions), request.getfixturevalue(broker)


@pytest.mark.parametrize("payload", ['{"n": 1}', LARGE], ids=["inline", "by claim check"])
def test_an_order_goes_through(
    versions: tuple[Path, Path], payload: str, github: SandboxServer, empty_database: str, tmp_path: Path
) -> None:
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    github.add_repository("infra-team/platform", id=2002, installation_id=52)
    source, broker = versions
    (tmp_path / "logs").mkdir()
    url = f"http://127.0.0.1:{free_port()}"
    settings = {"PYTHONPATH": str(broker), "ZEKT_PORT": url.rsplit(":", 1)[1], "ZEKT_PUBLIC_URL": url}
    with zekt_process(github, tmp_path / "logs", "serve", ZEKT_DATABASE_URL=empty_database, **settings) as serve:
        serve.said("started")
        database = {"ZEKT_DATABASE_URL": empty_database, "PYTHONPATH": str(broker)}
        set_up(github, tmp_path / "logs", setup.directory(), **database)
        github.add_hook("shop-team/orders", url=f"{url}/api/github/webhooks", secret=SECRET)
        run = github.start_run("shop-team/orders", workflow=ORDER)
        sent = step(run, source, tmp_path, url, "send", event_type="order", payload=payload)
        assert (sent["status"], sent["consumers-notified"]) == ("success", "1")
        github.finish_run(run)
        (dispatch,) = github.wait_for_dispatches("infra-team/platform", 1, 60)
        job = github.start_run_for(dispatch)
        confirmed = step(job, source, tmp_path, url, "confirm")
        assert (confirmed["status"], confirmed["duplicate"]) == ("confirmed", "false")
        assert json.loads(Path(confirmed["payload-path"]).read_text()) == json.loads(payload)
        completed = step(job, source, tmp_path, url, "complete", status="success")
        assert completed["status"] == "completed"
