"""What steps and commands load, each of which every run pays for: as many modules as costs.toml says, and of whom."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zekt_sandbox.runs import Run
from zekt_testing.broker import Zekt

# Runs a file as Python does, and tells what is loaded when it ends; without a file, what is before.
TELLING = """
import atexit, os, runpy, sys
def tell(told=sys.argv.pop(1)):
    with open(told, "w") as file:
        file.write(chr(10).join(name for name, module in sys.modules.items() if module))
atexit.register(tell)
os._exit = sys.exit  # a step ends at once, and would tell nothing
sys.argv.pop(0)
if sys.argv:
    runpy.run_path(sys.argv[0], run_name="__main__")
"""
SLOW = {"dataclasses", "importlib.metadata", "inspect", "traceback", "urllib.request"}
"""Of the standard library, what a step does without: each would cost it a twentieth of its time, or more."""
Starts = Callable[..., set[str]]
Loads = Callable[..., dict[str, Any]]


@pytest.fixture
def loaded(tmp_path: Path) -> Starts:
    """What a Python has loaded when it ends."""

    def start(options: list[str], environment: dict[str, str], *program: str) -> set[str]:
        told = tmp_path / "loaded"
        done = subprocess.run(
            [sys.executable, *options, "-c", TELLING, str(told), *program],
            env=environment,
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return set(told.read_text().split())

    return start


@pytest.fixture
def loads(loaded: Starts, zekt: Zekt, root: Path, tmp_path: Path) -> Loads:
    """Runs a step of this run; what it has loaded that Python itself had not."""

    def load(run: Run, options: list[str], *program: str, **inputs: str) -> dict[str, Any]:
        (tmp_path / "output").write_text("")
        environment = {
            **run.environment(),
            "PYTHONPATH": str(root / "src"),
            "GITHUB_WORKSPACE": str(tmp_path),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
            "RUNNER_TEMP": str(tmp_path),
            "ZEKT_API_URL": zekt.url,
            **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
        }
        new = loaded(options, environment, *program) - loaded(options, environment)
        return _sorted(new - {"__main__"})

    return load


def _sorted(names: set[str]) -> dict[str, Any]:
    # What compiled libraries bring along of their compiler is none of theirs, and depends on the wheel.
    tops = {name: name.partition(".")[0] for name in names if "cython" not in name and "mypyc" not in name}
    ours = [name for name, top in tops.items() if top.startswith("zekt_")]
    libraries = [name for name, top in tops.items() if top not in sys.stdlib_module_names and not top.startswith("_")]
    others = [name for name in libraries if name not in ours]
    of = sorted({tops[name] for name in others})
    return {"ours": len(ours), "libraries": len(others), "of": of, "slow": sorted(names & SLOW)}


def test_the_action_loads_what_the_table_says(zekt: Zekt, loads: Loads, root: Path, table: dict[str, Any]) -> None:
    given = {"event_type": "order-finished", "payload": json.dumps({"resourceType": "webServer"})}
    program = str(root / "src/zekt_action/__main__.py")
    assert loads(zekt.start_run(), [], program, **given) == table["modules"]["action"]


def test_the_composites_load_what_the_table_says(zekt: Zekt, loads: Loads, root: Path, table: dict[str, Any]) -> None:
    launch = str(root / "src/zekt_action/launch.py")
    run, given = zekt.start_run(), {"event_type": "order-finished", "payload": "{}"}
    found = {"send": loads(run, ["-I", "-S", "-B"], launch, "send", **given)}
    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    consumer, ids = zekt.github.start_run_for(dispatch), dispatch.client_payload["zekt"]
    given = {"correlation_id": ids["correlationId"], "delivery_id": ids["deliveryId"]}
    for name in ("confirm", "complete"):
        found[name] = loads(consumer, ["-I", "-S", "-B"], launch, name, status="success", **given)
    assert found == {name: table["modules"][name] for name in found}


@pytest.mark.parametrize("command", ["--help", "lint", "deliveries"])
def test_a_command_loads_what_the_table_says(
    loaded: Starts, zekt: Zekt, root: Path, table: dict[str, Any], command: str
) -> None:
    environment = {"PYTHONPATH": str(root / "src"), "HOME": "/", "ZEKT_DATABASE_URL": zekt.database_url}
    words = {"lint": [str(root / "examples")]}.get(command, [])
    program = str(root / "src/zekt_backend/cli/__main__.py")
    found = _sorted(loaded([], environment, program, command, *words) - loaded([], environment) - {"__main__"})
    del found["libraries"], found["slow"]
    assert found == table["commands"][command]


def test_a_server_loads_what_the_table_says(loaded: Starts, root: Path, tmp_path: Path, table: dict[str, Any]) -> None:
    environment = {"PYTHONPATH": str(root / "src")}
    program = tmp_path / "serve.py"
    program.write_text("import zekt_backend.cli.operate, zekt_backend.serving, zekt_backend.worker")
    assert _sorted(loaded([], environment, str(program)) - loaded([], environment))["of"] == table["servers"]["of"]
