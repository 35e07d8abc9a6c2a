"""The image, built from the Dockerfile and run as a runner runs it."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zekt_action.limits import MAX_PAYLOAD_BYTES

pytestmark = [pytest.mark.docker, pytest.mark.long]

MAX_COMPRESSED = 30_000_000
"""Bytes of the image above its base, compressed as a registry keeps it."""

Docker = Callable[..., str]


def full_size_message() -> bytes:
    """A message of exactly the largest size, with what a careless way would change: order, spaces, escapes."""
    start = '{"z": 1.0, "a":  "é\\u00e9\\u0000", "big": 12345678901234567890, "fill": "'.encode()
    return start + b"x" * (MAX_PAYLOAD_BYTES - len(start) - 2) + b'"}'


@pytest.fixture
def runner(docker: Docker, action_image: str, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Runs the image for a run with inputs as GitHub's runner does, and gives the step's outputs."""
    folders = {name: tmp_path / name for name in ("workspace", "file_commands", "workflow", "home", "runner_temp")}
    for folder in folders.values():
        folder.mkdir()

    def run(github_run: Any, files: dict[str, bytes], **inputs: str) -> dict[str, str]:
        for name, content in files.items():
            (folders["workspace"] / name).write_bytes(content)
        environment = {
            **github_run.environment(folders["workflow"] / "event.json"),
            **{f"INPUT_{name.replace('_', '-').upper()}": value for name, value in inputs.items()},
            "HOME": "/github/home",
            "GITHUB_EVENT_PATH": "/github/workflow/event.json",
            "GITHUB_WORKSPACE": "/github/workspace",
            "GITHUB_OUTPUT": "/github/file_commands/output",
            "GITHUB_STEP_SUMMARY": "/github/file_commands/summary",
            "RUNNER_TEMP": "/github/runner_temp",
        }
        for name in ("output", "summary"):
            (folders["file_commands"] / name).touch()
        names = [part for name in environment for part in ("-e", name)]
        mounts = [part for name, path in folders.items() for part in ("-v", f"{path}:/github/{name}")]
        # The values travel through the docker client's own environment, never on its command line.
        through = {**os.environ, **environment}
        printed = docker(
            "run", "--workdir", "/github/workspace", "--rm", "--network", "host", *names, *mounts, action_image,
            env=through | {"HOME": os.environ["HOME"]},
        )  # fmt: skip
        assert "::error" not in printed
        return outputs((folders["file_commands"] / "output").read_text("utf-8"))

    return run


def outputs(text: str) -> dict[str, str]:
    """Reads `name=value` and `name<<DELIMITER` as the runner does."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        name, heredoc, delimiter = line.partition("<<")
        if heredoc:
            value: list[str] = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            found[name] = "\n".join(value)
        else:
            name, _, found_value = line.partition("=")
            found[name] = found_value
    return found


def confirm(root: Path, broker: Any, consumer_run: Any, folder: Path) -> dict[str, str]:
    """The composite's one step, run as the runner would: its script with a job's variables and nothing else."""
    folder.mkdir()
    environment = {
        **consumer_run.environment(folder / "event.json"),
        "PATH": os.environ["PATH"],
        "INPUT_ZEKT_API_URL": broker.url,
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "RUNNER_TEMP": str(folder),
    }
    (folder / "output").touch()
    script = root / "src/zekt_action/launch.py"
    subprocess.run([sys.executable, "-I", "-S", "-B", script, "confirm"], env=environment, check=True, timeout=60)
    return outputs((folder / "output").read_text("utf-8"))


def test_524288_bytes_travel_from_the_image_by_claim_check_to_the_consumers_file(
    root: Path, broker: Any, runner: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    message = full_size_message()
    digest = hashlib.sha256(message).hexdigest()
    run = broker.github.start_run("shop-team/orders", workflow=".github/workflows/order.yml")
    sent = runner(
        run, {"message.json": message}, event_type="infrastructure-order", payload_file="message.json",
        zekt_api_url=broker.url,
    )  # fmt: skip
    assert len(message) == MAX_PAYLOAD_BYTES
    assert sent["status"] == "success"
    assert sent["consumers-notified"] == "1"
    assert (sent["payload-bytes"], sent["payload-sha256"]) == ("524288", digest)

    broker.github.finish_run(run, "success")
    (dispatch,) = broker.github.wait_for_dispatches("infra-team/platform", count=1, timeout=120)
    envelope = dispatch.client_payload["zekt"]
    assert envelope["payload"] is None
    assert (envelope["payloadRef"]["sha256"], envelope["payloadRef"]["bytes"]) == (digest, MAX_PAYLOAD_BYTES)

    received = confirm(root, broker, broker.github.start_run_for(dispatch), tmp_path / "consumer")
    assert received["status"] == "confirmed"
    assert received["delivery-id"] == envelope["deliveryId"]
    assert hashlib.sha256(Path(received["payload-path"]).read_bytes()).hexdigest() == digest
    assert broker.delivery(envelope["deliveryId"])["status"] == "confirmed"


def test_the_image_holds_the_action_and_nothing_else_of_ours(docker: Docker, action_image: str) -> None:
    ours = docker("run", "--rm", "--network", "none", "--entrypoint", "find", action_image, "/", "-xdev",
                  "-name", "*zekt*")  # fmt: skip
    assert "zekt_action" in ours
    assert "zekt_backend" not in ours
    assert "zekt_sandbox" not in ours
    python = "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"
    installed = docker(
        "run", "--rm", "--network", "none", "--entrypoint", "/opt/zekt/bin/python", action_image, "-c", python
    )
    assert {"requests", "pydantic", "jsonschema"} <= set(installed.split())
    assert not {"pip", "pytest", "fastapi", "psycopg", "pgqueuer"} & set(installed.split())


def test_every_module_is_compiled_and_no_compiled_file_goes_by_a_files_time(docker: Docker, action_image: str) -> None:
    """A release sets the time of each file, so that the same commit gives the same image; PEP 552 has the flags.

    What a step loads of Python's own library is compiled as well, which the official images' is not.
    """
    python = """
import importlib.util, json, pathlib, sys
from zekt_action import __main__, by_requests
import jsonschema.validators
modules = {path for path in pathlib.Path("/opt/zekt").rglob("*.py") if "bin" not in path.parts}
files = {getattr(module, "__file__", None) or "" for module in sys.modules.values()}
modules |= {pathlib.Path(file) for file in files if file.endswith(".py")}
flags = {}
for module in modules:
    compiled = pathlib.Path(importlib.util.cache_from_source(module))
    flags[str(module)] = int.from_bytes(compiled.read_bytes()[4:8], "little") if compiled.exists() else None
print(json.dumps(flags))
"""
    start = json.loads(docker("image", "inspect", "--format", "{{json .Config.Entrypoint}}", action_image))
    assert start[-2:] == ["-m", "zekt_action"]
    printed = docker(
        "run", "--rm", "--network", "none", "--entrypoint", start[0], action_image, *start[1:-2], "-c", python
    )
    flags = json.loads(printed)
    assert len(flags) > 300
    assert any(module.endswith("/json/decoder.py") for module in flags)
    assert {module: flag for module, flag in flags.items() if flag != 1} == {}


def layers(docker: Docker, image: str) -> list[str]:
    """The digests of its layers, lowest first."""
    found: list[str] = json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image))
    return found


def compressed_sizes(docker: Docker, image: str, folder: Path) -> list[int]:
    """Bytes of each of its layers, gzipped as in a registry, lowest first."""
    saved = folder / "image.tar"
    docker("save", "--output", str(saved), image)
    with tarfile.open(saved) as archive:

        def read(name: str) -> bytes:
            member = archive.extractfile(name)
            assert member is not None
            return member.read()

        (manifest,) = json.loads(read("manifest.json"))
        return [len(gzip.compress(read(name), compresslevel=6)) for name in manifest["Layers"]]


def test_the_image_adds_less_than_30_megabytes_to_its_base(
    docker: Docker, action_image: str, base_image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = layers(docker, base_image)
    assert layers(docker, action_image)[: len(base)] == base
    added = sum(compressed_sizes(docker, action_image, tmp_path)[len(base) :])
    with capsys.disabled():
        sys.stdout.write(f"\nthe action's image adds {added:,} bytes, compressed, to {base_image}\n")
    assert 0 < added <= MAX_COMPRESSED
