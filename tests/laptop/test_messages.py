"""What somebody is told whose laptop, folder or command is not as it should be: one sentence, and what to do."""

import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from laptop.conftest import said_by
from zekt_backend.cli import sandbox_settings
from zekt_backend.errors import ZektError
from zekt_sandbox.server import SandboxServer

Example = Callable[[Path], Path]


def refused(*arguments: str) -> str:
    """What `zekt sandbox …` says where it does not do it; its ports are free ones unless it says otherwise."""
    for option in ("--port", "--broker-port") if arguments[0] == "up" else ():
        arguments = (*arguments, *((option, "0") if option not in arguments else ()))
    done = said_by("sandbox", *arguments)
    assert done.code == 1, done
    return done.err


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, without_docker: dict[str, str]) -> Callable[[str], None]:
    """Sets PATH, at first to one with a `docker` that says it is there."""

    def put(text: str) -> None:
        monkeypatch.setenv("PATH", text)

    put(without_docker["PATH"])
    return put


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    said = refused("up", str(tmp_path / "none"))
    assert said.startswith(f"sandbox_refused: There is no folder {tmp_path / 'none'}.")
    assert "owner/name/.github/workflows" in said


def test_a_folder_without_repositories(tmp_path: Path) -> None:
    said = refused("up", str(tmp_path))
    assert said.startswith(f"sandbox_refused: {tmp_path} holds no repository.")
    assert f"mkdir -p {tmp_path}/my-team/my-repo/.github/workflows" in said


def test_a_setup_file_that_does_not_fit_is_told_with_its_line(example: Example, tmp_path: Path) -> None:
    setup = example(tmp_path) / "setup.yaml"
    setup.write_text("accounts: []\nsubscriptions:\n  - service: x\n    consumer: infra-team/platform\n    statsu: x\n")
    said = refused("up", str(setup.parent))
    assert said.startswith(f"setup_invalid: {setup}:5: subscriptions.0.statsu: ")


def test_no_act(path: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, example: Example, tmp_path: Path) -> None:
    path(str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))  # beside which pip would have put it
    said = refused("up", str(example(tmp_path)))
    assert said.startswith("sandbox_refused: There is no act, which runs workflows on this machine.")
    assert ".[backend,act]" in said


def test_no_docker_command(path: Callable[[str], None], example: Example, tmp_path: Path) -> None:
    git = tmp_path / "bin/git"
    git.parent.mkdir()
    git.symlink_to("/bin/true")
    path(str(git.parent))
    said = refused("up", str(example(tmp_path)))
    assert said.startswith("sandbox_refused: There is no docker command")
    assert "https://docs.docker.com" in said


def test_a_docker_that_does_not_answer(path: Callable[[str], None], example: Example, tmp_path: Path) -> None:
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon.' >&2\nexit 1\n")
    docker.chmod(0o755)
    path(f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    said = refused("up", str(example(tmp_path)))
    assert said.startswith("sandbox_refused: No Docker engine answers (Cannot connect to the Docker daemon.)")
    assert "sudo systemctl start docker" in said


@pytest.mark.usefixtures("path")
def test_a_port_that_is_taken(example: Example, tmp_path: Path) -> None:
    folder = str(example(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = refused("up", folder, "--port", port, "--broker-port", port)  # as beside one that runs
        assert f"The sandbox cannot listen on 127.0.0.1, port {port}: Address already in use." in said
        assert f"`zekt sandbox ps --port {port}` lists its runs" in said
        said = refused("up", folder, "--broker-port", port)
        assert f"The broker cannot listen on 127.0.0.1, port {port}: Address already in use." in said
        assert "--broker-port; 0 takes a free one" in said


VERBS = (
    ("ps",),
    ("run", "shop-team/orders", "order.yml"),
    ("logs", "1"),
    ("cancel", "1"),
    ("rerun", "1"),
    ("env",),
)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb[0]))
def test_no_sandbox_at_that_port(verb: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    said = refused(*verb, "--port", port)
    assert said.startswith(f"sandbox_missing: No sandbox answers at http://127.0.0.1:{port} ")
    assert "zekt sandbox up FOLDER" in said


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb[0]))
def test_a_sandbox_that_plays_no_folders(verb: tuple[str, ...]) -> None:
    with SandboxServer() as github:
        said = refused(*verb, "--port", github.url.rpartition(":")[2])
    assert said.startswith("sandbox_")
    assert "zekt sandbox up FOLDER" in said


@pytest.mark.parametrize(
    "told",
    [
        {"environment": {"X=1; touch pwned; export Y": "1"}},
        {"environment": {"LD_PRELOAD": "/x"}},
        {"environment": {"ZEKT_A\n": "x"}},
        {"environment": {"ZEKT_A": 1}},
        {"environment": ["ZEKT_A"]},
        {},
        [],
    ],
    ids=json.dumps,
)
def test_something_else_at_that_port_puts_nothing_into_a_shell(told: Any) -> None:
    class SomethingElse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

    with HTTPServer(("127.0.0.1", 0), SomethingElse) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        done = said_by("sandbox", "env", "--port", str(server.server_address[1]))
        answering.join(10)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("sandbox_missing: ")
    assert "something else answers there" in done.err


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The temporary folder of this process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def opens(github: SandboxServer) -> dict[str, Any]:
    return {"environment": github.broker_environment(), "broker": {"ZEKT_ADMIN_TOKEN": "token of ours"}}


def test_what_opens_the_broker_stands_in_a_file_for_its_user_alone(temporary: Path) -> None:
    with SandboxServer() as github:
        port = int(github.url.rpartition(":")[2])
        with sandbox_settings.kept(port, opens(github)):
            (folder,) = temporary.iterdir()
            (file,) = folder.iterdir()
            assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
            assert "export ZEKT_ADMIN_TOKEN='token of ours'\n" in said_by("sandbox", "env", "--port", str(port)).out
            file.chmod(0o640)
            assert f"{file} is not yours alone" in refused("env", "--port", str(port))
            file.chmod(0o600)
            folder.chmod(0o711)
            assert f"{folder} is not yours alone" in refused("env", "--port", str(port))
            folder.chmod(0o700)
        assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("temporary")
def test_a_file_of_a_sandbox_that_was_killed_opens_no_other() -> None:
    with SandboxServer() as killed, SandboxServer() as github:
        port = int(github.url.rpartition(":")[2])
        with sandbox_settings.kept(port, opens(killed)):
            assert "something else answers there" in refused("env", "--port", str(port))
            with sandbox_settings.kept(port, opens(github)):
                assert said_by("sandbox", "env", "--port", str(port)).code == 0


@pytest.mark.parametrize("others", ["a folder that all may write", "a link"])
def test_a_folder_that_somebody_else_may_have_made_is_not_written_to(temporary: Path, others: str) -> None:
    folder = sandbox_settings.place(1).parent
    if others == "a link":
        (temporary / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(temporary / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(ZektError, match="is not yours alone"), sandbox_settings.kept(1, {}):
        pass
    assert list(folder.iterdir()) == []


def test_the_port_may_stand_before_the_verb() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    assert f"http://127.0.0.1:{port} " in said_by("sandbox", "--port", port, "ps").err


@pytest.mark.parametrize(
    ("arguments", "example"),
    [(("run", "a/b", "c.yml", "--input", "large"), "--input size=large"), (("up", "--image", "x"), "--image ubuntu-")],
)
def test_an_option_that_is_no_pair_is_a_wrong_command_line(arguments: tuple[str, ...], example: str) -> None:
    done = said_by("sandbox", *arguments)
    assert done.code == 2
    assert example in done.err
