"""act, Docker and git: found, or what is missing and what to paste."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zekt_sandbox.local.errors import LocalError

_ASK_SECONDS = 20
_KEPT = (
    "PATH", "TMPDIR", "LANG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "XDG_RUNTIME_DIR", "SystemRoot",
)  # fmt: skip
"""What act and git get of this process's environment. No credentials: act would hand a token of `gh` to workflows."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs, and the environment that they get."""

    act: str
    docker: str
    git: str
    environment: Mapping[str, str] = field(repr=False)

    def docker_output(self, *arguments: str, seconds: float = 60) -> str:
        """What `docker …` prints, also where it fails in part; empty where it does not answer in time."""
        done = _run([self.docker, *arguments], self.environment, seconds)
        return done.stdout if done is not None else ""


def find_tools(home: Path) -> Tools:
    """The programs that are needed.

    Args:
        home: an empty folder that act and git take for the user's: no configuration of this machine's counts.

    Raises:
        LocalError: one is missing, or no Docker engine answers.
    """
    if os.name == "nt":
        raise LocalError("Workflows of local folders do not run on Windows itself. Start the sandbox inside WSL 2.")
    beside = str(Path(sys.executable).parent)
    act = shutil.which("act", path=beside) or shutil.which("act")
    if act is None:
        raise LocalError(
            "There is no act, which runs workflows on this machine. Install it: pip install '.[backend,act]' in a"
            " checkout of Zekt, or https://nektosact.com/installation/."
        )
    git = shutil.which("git")
    if git is None:
        raise LocalError("There is no git, and act reads a repository's name from it. Install it: apt install git.")
    docker = shutil.which("docker")
    if docker is None:
        raise LocalError(
            "There is no docker command; the jobs of workflows run in containers. Install Docker:"
            " https://docs.docker.com/get-started/get-docker/."
        )
    host = _docker_host(docker)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    config = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    home.mkdir(parents=True, exist_ok=True)
    ours = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
    ours |= {"DOCKER_HOST": host, "DOCKER_CONFIG": config, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    return Tools(act, docker, git, {**kept, **ours})


def _docker_host(docker: str) -> str:
    """Where the engine listens, as this user's docker command knows it.

    Raises:
        LocalError: none answers.
    """
    asked = _run([docker, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], os.environ, _ASK_SECONDS)
    host = asked.stdout.strip() if asked is not None and asked.returncode == 0 else ""
    host = host or os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")  # Podman's docker has no contexts
    answer = _run([docker, "version", "--format", "{{.Server.Version}}"], os.environ, _ASK_SECONDS)
    if answer is None or answer.returncode != 0:
        said = answer.stderr.strip().splitlines()[:1] if answer is not None else ["it did not answer in time"]
        raise LocalError(
            f"No Docker engine answers ({' '.join(said) or 'no reason was given'}). Start it: sudo systemctl start"
            " docker, or open Docker Desktop; `docker version` must show a server."
        )
    return host


def _run(command: list[str], environment: Mapping[str, str], seconds: float) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(  # noqa: S603 - programs found on PATH, arguments of our own
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
