"""action.yml, its siblings and the code say the same."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from zekt_action import send
from zekt_action.errors import CODES
from zekt_action.receive import complete, confirm

OUTPUTS = {
    "action.yml": send.OUTPUTS,
    "send/action.yml": send.OUTPUTS,
    "confirm/action.yml": confirm.OUTPUTS,
    "complete/action.yml": complete.OUTPUTS,
}
COMPOSITES = ("send", "confirm", "complete")
NO_PYTHON = {
    "there is none": None,
    "none that starts": "exit 1",
    "Windows": "echo Get Python from the shop; exit 9009",
    "3.8": "echo Python 3.8.18",
    "2.7": "echo Python 2.7.18 >&2",
}
READERS = {
    "action.yml": ["inputs.py"],
    "send/action.yml": ["inputs.py"],
    "confirm/action.yml": ["receive/inputs.py", "inputs.py"],
    "complete/action.yml": ["receive/inputs.py", "inputs.py"],
}


@pytest.fixture(params=OUTPUTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def action(root: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((root / name).read_text())
    return found


def mapping(action: dict[str, Any]) -> dict[str, str]:
    runs = action["runs"]
    found: dict[str, str] = runs["env"] if "env" in runs else runs["steps"][0]["env"]
    return found


def test_the_outputs_are_those_the_code_writes(action: dict[str, Any], name: str) -> None:
    assert tuple(action["outputs"]) == OUTPUTS[name]


def test_every_input_is_mapped_by_name(action: dict[str, Any]) -> None:
    """To a name without hyphens; in a Docker action, an input that has none has that name from the runner."""
    docker = action["runs"]["using"] == "docker"
    assert mapping(action) == {
        "INPUT_" + name.upper().replace("-", "_"): f"${{{{ inputs.{name} }}}}"
        for name in action["inputs"]
        if "-" in name or not docker
    }


def test_every_input_is_read(action: dict[str, Any], root: Path, name: str) -> None:
    code = "".join((root / "src/zekt_action" / reader).read_text() for reader in READERS[name])
    assert [given for given in action["inputs"] if f'"{given}"' not in code] == []


def test_the_defaults_are_the_codes_own(action: dict[str, Any]) -> None:
    defaults = {given: spec.get("default") for given, spec in action["inputs"].items()}
    assert defaults["timeout-seconds"] == "60"
    assert defaults["max-attempts"] == "5"
    assert defaults["audience"] == "api://zekt"
    assert defaults["fail-on-error"] == ("true" if "payload" in defaults else "false")


def test_a_payload_file_that_nobody_wrote_is_none(root: Path, runner: Any, broker: Any) -> None:
    """As the runner starts the image: each input that is not written has its default, by both names."""
    inputs = yaml.safe_load((root / "action.yml").read_text())["inputs"]
    given = {f"INPUT_{name.upper()}": spec["default"] for name, spec in inputs.items() if "default" in spec}
    given |= {name.replace("-", "_"): value for name, value in given.items()}
    done = runner.finish(runner.start_bare(given | {"INPUT_EVENT-TYPE": "order-placed"}))
    assert done.code == 0, done.log
    assert json.loads(broker.asked("/api/events/receive")[0].body)["payload"] == {}
    done = runner.finish(runner.start_bare(given | {"INPUT_EVENT-TYPE": "order-placed", "INPUT_PAYLOAD-FILE": ""}))
    assert done.outputs["error-code"] == "payload_missing"


def test_no_input_reaches_a_script(action: dict[str, Any]) -> None:
    for step in action["runs"].get("steps", []):
        assert "${{" not in step["run"]


def test_confirm_and_complete_take_the_ids_from_the_event(root: Path) -> None:
    for sibling in ("confirm", "complete"):
        inputs = yaml.safe_load((root / sibling / "action.yml").read_text())["inputs"]
        for given, member in (("correlation-id", "correlationId"), ("delivery-id", "deliveryId")):
            assert inputs[given]["default"] == f"${{{{ github.event.client_payload.zekt.{member} }}}}"


@pytest.mark.parametrize("verb", COMPOSITES)
@pytest.mark.parametrize("found", NO_PYTHON)
def test_a_runner_without_a_python_that_is_new_enough_is_told_so(
    root: Path, verb: str, found: str, tmp_path: Path
) -> None:
    """What Windows calls python3 has no version to tell."""
    if script := NO_PYTHON[found]:
        executable(tmp_path / "python3", script)
    done = run_script(root, verb, tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith(b"::error title=Zekt%3A There is no Python::" + verb.encode())


@pytest.mark.parametrize("verb", COMPOSITES)
@pytest.mark.parametrize("version", ["3.9.0", "3.14.0rc1"])
def test_where_python3_is_none_python_is_tried(root: Path, verb: str, version: str, tmp_path: Path) -> None:
    """As on Windows. What is started sees the message as it was given, which Git's bash would change."""
    executable(tmp_path / "python3", "exit 9009")
    executable(tmp_path / "python", answering(version) + 'echo "$MSYS2_ENV_CONV_EXCL $*"')
    done = run_script(root, verb, tmp_path)
    assert done.returncode == 0
    flags, _, rest = done.stdout.decode().strip().partition(" /")
    assert flags == "* -I -S -B -X utf8"
    assert rest.endswith(f"/src/zekt_action/launch.py {verb}")


def answering(version: str) -> str:
    """What a Python of that version says of itself."""
    return f'[ "$*" != -V ] || {{ echo "Python {version}"; exit 0; }}; '


def executable(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def run_script(root: Path, verb: str, path: Path) -> subprocess.CompletedProcess[bytes]:
    """A composite's script, on a machine that has nothing but bash and what is in this folder."""
    script = yaml.safe_load((root / verb / "action.yml").read_text())["runs"]["steps"][0]["run"]
    environ = {"PATH": str(path), "GITHUB_ACTION_PATH": str(root / verb)}
    command = ["/bin/bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(command, env=environ, capture_output=True, check=False)


def test_every_code_raised_is_in_the_table(root: Path) -> None:
    code = "".join(path.read_text() for path in (root / "src/zekt_action").rglob("*.py"))
    raised = set(re.findall(r'(?:ActionError|UnheardError|JsonRefused|NothingToDoError)\(\s*"([a-z0-9_]+)"', code))
    raised |= set(re.findall(r'code: str = "([a-z_]+)"', code)) | {"oidc_unreachable", "backend_refused"}
    assert raised == set(CODES)


def test_the_image_holds_nothing_but_the_action(root: Path) -> None:
    ignored = (root / ".dockerignore").read_text().splitlines()
    allowed = [line for line in ignored if line.startswith("!")]
    assert "*" in ignored
    assert allowed == ["!requirements/action.txt", "!wheels/*.whl", "!src/zekt_action"]
    copied = re.findall(r"^COPY (?!--from)(.*)$", (root / "Dockerfile").read_text(), re.MULTILINE)
    assert copied == ["requirements/action.txt wheel[s] /build/", "src/zekt_action /opt/zekt/source/zekt_action"]


def test_the_image_is_no_user_of_its_own_and_pins_no_invented_digest(root: Path) -> None:
    text = (root / "Dockerfile").read_text()
    assert not re.search(r"^USER\b", text, re.MULTILINE)
    assert "@sha256:" not in text
    entry = re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)
    assert entry is not None
    options = ["-I", "-B", "-X", "pycache_prefix=/opt/zekt/compiled"]
    assert json.loads(entry.group(1)) == ["/opt/zekt/bin/python", *options, "-m", "zekt_action"]
