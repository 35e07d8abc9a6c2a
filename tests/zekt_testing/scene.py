"""A broker as a process that is told secrets, and everything it writes where somebody may read it."""

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import requests

from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.broker import Zekt, settings_for
from zekt_testing.canaries import Canaries, canary
from zekt_testing.processes import environment, free_port, zekt_process
from zekt_testing.waiting import until

JWT = re.compile(r"eyJ[A-Za-z0-9_-]{10}")
GITHUB_TOKEN = re.compile(r"gh[sur]_[A-Za-z0-9_-]{4}")


@dataclass
class Scene:
    """A broker as a process, what it wrote, and the secrets that must not be among it."""

    zekt: Zekt
    canaries: Canaries
    settings: dict[str, str]
    payload: str
    written: dict[str, str] = field(default_factory=dict)
    """Everything that anybody can read afterwards, by where it stands."""

    def post(self, path: str, token: str, body: Any, **headers: str) -> requests.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = requests.post(
            self.zekt.url + path, data=raw, headers={"Authorization": f"Bearer {token}", **headers}, timeout=30
        )
        self.keep(f"POST {path} → {answer.status_code}", answer)
        return answer

    def keep(self, name: str, answer: requests.Response) -> None:
        self.written[f"{name} #{len(self.written)}"] = f"{answer.headers}{answer.text}" if not answer.ok else ""

    def token(self, run: Any) -> str:
        token: str = run.token()
        for segment in token.split(".")[1:]:
            self.canaries.add("token", segment)
        return token

    def command(self, *arguments: str, **settings: str) -> str:
        """Standard output and error of a command."""
        done = subprocess.run(
            [sys.executable, "-m", "zekt_backend.cli", *arguments],
            env=environment(self.zekt.github, **{**self.settings, **settings}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.written[f"zekt {' '.join(arguments)} #{len(self.written)}"] = done.stdout + done.stderr
        return done.stdout + done.stderr

    def assert_silent(self) -> None:
        for where, text in self.written.items():
            told = self.canaries.found_in(text)
            told |= {"a token" for pattern in (JWT, GITHUB_TOKEN) if pattern.search(text)}
            assert not told, f"{where} gives away {told}:\n{text[-3_000:]}"


@contextlib.contextmanager
def play(github: SandboxServer, url: str, folder: Path, log_format: str) -> Iterator[Scene]:
    """Start a broker on this database; when the block ends, all that it wrote is in `written`."""
    canaries = Canaries()
    _furnish(github, url)
    for line in github.app_private_key.splitlines()[1:-1]:
        canaries.add("private key", line)
    password, webhook, admin = (canaries.add(n, canary(n)) for n in ("password", "webhook-secret", "admin-token"))
    settings = {
        "ZEKT_DATABASE_URL": psycopg.conninfo.make_conninfo(url, password=password),
        "ZEKT_WEBHOOK_SECRET": webhook,
        "ZEKT_ADMIN_TOKEN": admin,
        "ZEKT_LOG_FORMAT": log_format,
        "ZEKT_PORT": str(free_port()),
    }
    zekt = Zekt(f"http://127.0.0.1:{settings['ZEKT_PORT']}", url, github, settings_for(github), lambda: None)
    scene = Scene(zekt, canaries, settings, canaries.add("payload", canary("payload")))
    with zekt_process(github, folder, "serve", **settings) as process:
        until_ready(zekt.url)
        for repository in ("shop-team/orders", "infra-team/platform"):
            github.add_hook(repository, url=f"{zekt.url}/api/github/webhooks", secret=webhook)
        yield scene
    scene.written["log"] = process.log.read_text()
    scene.written["the engine's log"] = str(zekt.sql("SELECT * FROM pgqueuer_log"))


def _furnish(github: SandboxServer, url: str) -> None:
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    github.add_repository("infra-team/platform", id=2002, installation_id=52)
    setup.apply(url, setup.directory())


def until_ready(url: str) -> None:
    """Wait until the broker there answers."""

    def answers() -> bool:
        try:
            return requests.get(f"{url}/readyz", timeout=5).ok
        except requests.ConnectionError:
            return False

    until(answers, lambda: "the broker is not ready")
