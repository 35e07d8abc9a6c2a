"""`zekt reconcile`, as a process: what it prints, and its exit code."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from zekt_testing.broker import SECRET
from zekt_testing.reconciling import attempts, reconcile, round_of, wait_for_events, wait_for_lines

Start = Callable[..., Any]


@pytest.fixture
def command(start: Start) -> Callable[..., subprocess.CompletedProcess[str]]:
    zekt = start(work=False)

    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            **zekt.github.broker_environment(),
            "ZEKT_DATABASE_URL": zekt.database_url,
            "ZEKT_PUBLIC_URL": zekt.url,
            "ZEKT_DISPATCH_SPACING": "0",
            "ZEKT_LOG_FORMAT": "json",
            "PYTHONPATH": os.pathsep.join(sys.path),
            **settings,
        }
        line = [sys.executable, "-m", "zekt_backend.cli", "reconcile", *arguments]
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, check=False)

    run.zekt = zekt  # type: ignore[attr-defined]
    return run


def test_it_recovers_says_so_in_one_line_of_the_log_and_ends_well(command: Any) -> None:
    zekt = command.zekt
    zekt.github.faults.add(where="webhook", kind="drop")
    zekt.github.finish_run(zekt.start_run())
    rehearsed = command("--dry-run")
    assert rehearsed.returncode == 0
    assert "would be asked" in rehearsed.stdout
    assert attempts(zekt) == []
    ended = command()
    assert ended.returncode == 0, ended.stderr
    assert "No gaps." in ended.stdout
    assert "redeliveries asked for" in ended.stdout
    (line,) = [json.loads(line) for line in ended.stderr.splitlines() if '"reconciled"' in line]
    assert (line["lost"], line["asked"], line["gaps"], line["dry_run"]) == (1, 1, 0, False)
    wait_for_events(zekt, 1)


def test_it_ends_with_1_while_there_is_a_gap_and_with_0_when_it_was_accepted(command: Any) -> None:
    zekt = command.zekt
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    zekt.github.set_app_hook(url=f"{zekt.url}/api/github/webhooks", secret="wrong")
    zekt.github.finish_run(zekt.start_run())
    guid = zekt.github.hook_deliveries()[0].guid
    round_of(zekt)
    wait_for_lines(zekt, 2)
    zekt.github.forget_hook_deliveries()
    assert round_of(zekt, later=timedelta(minutes=6)).gaps
    shown = command("--json")
    assert shown.returncode == 1
    told = json.loads(shown.stdout)
    assert (told["complete"], [gap["subject"] for gap in told["gaps"]]) == (False, [guid])
    readable = command()
    assert readable.returncode == 1
    assert "webhook" in readable.stdout
    assert command("--accept-gaps").returncode == 0
    assert command("--accept-gaps").returncode == 0
    assert zekt.sql("SELECT accepted FROM gaps") == [(True,)]
    lines = zekt.sql("SELECT actor, account_id, after FROM audit WHERE action = 'gaps.accept'")
    assert lines == [("operator", None, {"accepted": 1, "gaps": [f"webhook {guid}"]})], "one, and none of nothing"


def test_it_asks_for_the_address_at_which_webhooks_come_in(command: Any) -> None:
    ended = command(ZEKT_PUBLIC_URL="")
    assert ended.returncode == 1
    assert "ZEKT_PUBLIC_URL" in ended.stderr


def test_it_says_when_another_process_is_at_it(command: Any) -> None:
    zekt = command.zekt
    zekt.github.faults.add(where="rest", kind="hang", seconds=15)
    settings = {"later": timedelta(0), "github_timeout": timedelta(seconds=20)}
    other = threading.Thread(target=reconcile, args=(zekt,), kwargs=settings, daemon=True)
    other.start()
    zekt.wait_for_visit("/app/hook/config")
    ended = command()
    zekt.github.stop()
    other.join(30)
    assert ended.returncode == 1
    assert "reconcile_busy" in ended.stderr


def test_names_and_words_of_strangers_cannot_steer_the_terminal(command: Any) -> None:
    zekt = command.zekt
    zekt.sql(
        "INSERT INTO gaps (kind, subject, detail, found_at) VALUES ('webhook', %s, '[red]x', now())", "\x1b[2Jname"
    )
    ended = command()
    assert "\x1b[2J" not in ended.stdout
    assert "[red]x" in ended.stdout
    assert SECRET not in ended.stdout + ended.stderr
