"""The processes that examine: bounded, killed, and never in each other's way."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from door.conftest import Examiners
from zekt_backend.door.pool import CHILDREN, Pool
from zekt_backend.errors import ZektError
from zekt_sandbox.server import SandboxServer
from zekt_testing.broker import Zekt
from zekt_testing.processes import set_up, zekt_process
from zekt_testing.waiting import until

EVIL = {"pattern": "^(a+)+$"}
BURNING = json.dumps("a" * 60 + "!").encode()


def test_a_pattern_that_would_run_for_years_is_stopped(examiners: Examiners) -> None:
    found = examiners.message(BURNING, "pass", EVIL)
    assert "more than 2 s" in found.failed
    assert found.failed_at == 1


def test_a_message_made_to_hang_a_detector_is_stopped(examiners: Examiners) -> None:
    found = examiners.message(b'"' + b"//" * 250_000 + b'"', "refuse")
    assert "more than 2 s" in found.failed


@pytest.mark.alone  # the processor's time is counted, and beside others the clock ends it before
def test_a_single_step_of_c_code_is_stopped_and_is_the_messages_fault(examiners: Examiners) -> None:
    """No handler written in Python is called while a pattern is searched for, and the machine is not to blame."""
    found = examiners.message(b'"' + b"ab" * 250_000 + b'"', "pass", {"pattern": "[ab]*c"})
    assert "more than 2 s" in found.failed
    assert examiners.message({}, "pass", {}).failed == ""


def test_an_account_whose_message_took_too_long_lets_the_others_go_first(examiners: Examiners) -> None:
    async def race() -> list[str]:
        order: list[str] = []

        async def one(account: str, document: bytes, schema: Any) -> None:
            await examiners.pool.message(account, document, "pass", {1: json.dumps(schema)})
            order.append(account)

        await one("burning", BURNING, EVIL)
        async with asyncio.TaskGroup() as tasks:
            for account in ("burning", "other", "another", "third"):
                tasks.create_task(one(account, b"{}", {}))
        return order[1:]

    assert examiners.do(race())[-1] == "burning"


def test_a_process_in_which_something_failed_is_not_used_again(examiners: Examiners) -> None:
    examiners.message({}, "pass", {})
    before = examiners.pool.idle[-1]
    examiners.message(BURNING, "pass", EVIL)
    assert examiners.message({}, "pass", {}).failed == ""
    assert before not in examiners.pool.children


def test_an_account_whose_messages_burn_holds_up_nobody_else(examiners: Examiners) -> None:
    """It has many on their way, and has one process: the others' messages are through before its first one ends."""

    async def race() -> list[str]:
        order: list[str] = []

        async def one(name: str, document: bytes, schema: str) -> None:
            try:
                await examiners.pool.message(name, document, "pass", {1: schema})
            except ZektError as error:
                assert error.code == "checks_busy"  # noqa: PT017 — of the many, which must wait for each other
            order.append(name)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(CHILDREN):
                tasks.create_task(one("evil", BURNING, json.dumps(EVIL)))
            await asyncio.sleep(0)
            for number in range(10):
                tasks.create_task(one(f"other {number}", b"{}", "{}"))
        return order

    order = examiners.do(race())
    assert sorted(order[:10]) == sorted(f"other {number}" for number in range(10))


def test_a_process_that_dies_is_replaced(examiners: Examiners) -> None:
    examiners.message({}, "pass", {})
    for child in examiners.pool.children:
        os.kill(child.pid, signal.SIGKILL)

    async def buried() -> None:
        for child in list(examiners.pool.children):
            await child.wait()

    examiners.do(buried())
    assert examiners.message({"a": 1}, "pass", {"required": ["b"]}).broken


def test_a_process_that_dies_at_work_is_an_error_that_passes(examiners: Examiners) -> None:
    async def killed() -> None:
        job = asyncio.create_task(examiners.pool.message(1, BURNING, "pass", {1: json.dumps(EVIL)}))
        while not (busy := examiners.pool.children - set(examiners.pool.idle)):  # noqa: ASYNC110 — nobody tells
            await asyncio.sleep(0.01)
        for child in busy:
            os.kill(child.pid, signal.SIGKILL)
        await job

    with pytest.raises(ZektError) as refused:
        examiners.do(killed())
    assert refused.value.code == "checks_busy"
    assert refused.value.retry_after


def test_nothing_is_started_before_there_is_something_to_examine() -> None:
    """And what examines is not loaded into the broker at all."""
    code = (
        "import sys, zekt_backend.broker, zekt_backend.routes\n"
        "sys.exit(any(name in sys.modules for name in ('detect_secrets', 'jsonschema', 'zekt_backend.door.child')))"
    )
    asked = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert asked.returncode == 0


def test_what_idles_ends_and_what_is_closed_is_gone(examiners: Examiners) -> None:
    async def life() -> list[int | None]:
        pool = Pool()
        await pool.message(1, b"{}", "refuse", {})
        children = list(pool.children)
        pool.retire()
        for child in children:
            await child.wait()
        await pool.message(1, b"{}", "refuse", {})
        children += pool.children
        await pool.close()
        return [child.returncode for child in children]

    first, *others = examiners.do(life())
    assert first == 0
    assert -signal.SIGKILL in others


def test_the_environment_of_the_broker_is_not_theirs(examiners: Examiners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEKT_ADMIN_TOKEN", "not for them")

    pool = Pool()
    examiners.do(pool.message(1, b"{}", "refuse", {}))
    [child] = pool.children
    found = Path(f"/proc/{child.pid}/environ").read_text()
    examiners.do(pool.close())
    assert "PYTHONPATH" in found
    assert "not for them" not in found


def test_no_process_outlives_a_broker_that_is_killed(
    github: SandboxServer, new_database: Callable[[], str], directory: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    github.add_repository("infra-team/platform", id=2002, installation_id=52)
    wanted, url = directory(), new_database()
    wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]["guard"] = "refuse"
    set_up(github, tmp_path, wanted, ZEKT_DATABASE_URL=url)
    with zekt_process(github, tmp_path, "serve", ZEKT_DATABASE_URL=url) as serving:
        zekt = Zekt(serving.said("started")["url"], url, github, None, lambda: None)  # type: ignore[arg-type]
        assert zekt.send(zekt.start_run(), {}).status_code == 202
        folder = Path(f"/proc/{serving.popen.pid}/task/{serving.popen.pid}/children")
        children = [int(pid) for pid in folder.read_text().split() if is_examiner(int(pid))]
        assert children
        serving.popen.kill()
        serving.popen.wait(30)
    until(lambda: not any(is_examiner(pid) for pid in children), lambda: f"{children} are still there", seconds=30)


def is_examiner(pid: int) -> bool:
    try:
        return b"zekt_backend.door.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
