"""The verbs beside a sandbox that runs, and what it told when it began; no workflow runs here."""

import json
import os
import subprocess

import pytest
import requests

from laptop.conftest import SECONDS, ZEKT, Said, Up, said_by

pytestmark = pytest.mark.long
ORDER = ("run", "shop-team/orders", "order-new-infrastructure.yml")


def sandbox(up: Up, *arguments: str) -> Said:
    return said_by("sandbox", *arguments, "--port", up.port)


def test_it_tells_what_there_is_and_what_to_type_next(up: Up) -> None:
    end = up.wait_for("Ctrl-C ends and forgets everything.")
    told = "\n".join(up.told[:end])
    assert "2 accounts, 2 repositories, 2 workflows, 2 services, 2 subscriptions are as" in told
    assert "  infra-team/platform\n" in told
    assert " on repository_dispatch infrastructure-order\n" in told
    assert " on workflow_dispatch (inputs: size)\n" in told
    assert f"zekt sandbox run shop-team/orders order-new-infrastructure.yml --port {up.port}\n" in told
    assert "sign in as octocat, who owns all of it, or as infra-team-admin" in told
    assert ("Running as root: ZEKT_EMBEDDED_AS_ROOT=1 is set" in told) is (os.geteuid() == 0)
    assert '{"' not in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "shop-team/order", "x.yml"), "there are infra-team/platform, shop-team/orders"),
        (("run", "shop-team/orders", "x.yml"), "there are infrastructure-ready.yml, order-new-infrastructure.yml"),
        ((*ORDER, "--input", "size=huge"), "Provided value 'huge' for input 'size' not in the list"),
        ((*ORDER, "--input", "weight=7"), "order-new-infrastructure.yml has: size."),
        (("run", "infra-team/platform", "build-infrastructure.yml"), "listens for repository_dispatch"),
        (("logs", "1"), "no run 1 "),
        (("cancel", "1"), "no run 1 "),
        (("rerun", "1"), "no run 1 "),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_what_is_not_there_is_refused_with_what_is(up: Up, arguments: tuple[str, ...], said: str) -> None:
    done = sandbox(up, *arguments)
    assert done.code == 1
    assert done.err.startswith("sandbox_refused: ")
    assert said in done.err


def test_runs_are_listed_for_people_and_for_programs(up: Up) -> None:
    assert "No runs yet: `zekt sandbox run OWNER/REPO WORKFLOW` starts one." in sandbox(up, "ps").out
    assert json.loads(sandbox(up, "ps", "--json").out) == {"runs": []}


def in_its_shell(up: Up, script: str) -> subprocess.CompletedProcess[str]:
    """A script after `eval "$(zekt sandbox env)"`, where all else leads to another broker, and through a proxy."""
    script = f'zekt() {{ {" ".join(ZEKT)} "$@"; }}\neval "$(zekt sandbox env --port {up.port})"\n{script}'
    astray = {
        "ZEKT_ADMIN_TOKEN_FILE": "/nonexistent",
        "ZEKT_DATA_DIR": "/nonexistent",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }
    return subprocess.run(
        ["sh", "-euc", script],
        env={**up.environment, **astray, "http_proxy": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_no_run_can_read_what_opens_the_broker(up: Up) -> None:
    opened = in_its_shell(up, 'echo "$ZEKT_ADMIN_TOKEN $ZEKT_WEBHOOK_SECRET"').stdout.split()
    told = requests.get(f"http://127.0.0.1:{up.port}/_sandbox/info", timeout=SECONDS)
    assert told.json()["environment"]
    assert len(opened) == 2
    assert not any(each in told.text for each in opened)


def test_after_env_every_command_asks_the_broker_that_goes_along(up: Up) -> None:
    done = in_its_shell(up, "zekt connections list --json; zekt doctor infrastructure-orders@infra-team/platform")
    assert done.returncode == 0, done.stderr
    assert '"infra-team/platform"' in done.stdout
    assert "build-infrastructure.yml listens for infrastructure-order." in done.stdout
    assert "problem" not in done.stdout


def test_after_env_a_changed_setup_file_is_applied_and_a_wrong_one_told(up: Up) -> None:
    setup = up.folder / "setup.yaml"
    setup.write_text(setup.read_text("utf-8").replace("max-dispatches: 5", "max-dispatches: 4"))
    done = in_its_shell(up, f"zekt setup apply {setup}")
    assert "max-dispatches: 5 → 4" in done.stdout, done.stderr
    setup.write_text(setup.read_text("utf-8").replace("max-dispatches: 4", "max-dispatches: many"))
    done = in_its_shell(up, f"zekt setup apply {setup}")
    assert done.returncode == 1
    assert "subscriptions.0.max-dispatches" in done.stderr
