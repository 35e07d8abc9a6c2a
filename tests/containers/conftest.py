"""A real Docker engine, the real image, a broker in a process of its own, and the sandbox as GitHub."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from zekt_sandbox.server import SandboxServer
from zekt_testing.acting import REF, Act, staged

ADMIN_TOKEN = "an admin token that only these tests know"
SECRET = "a webhook secret that only these tests know"
READY_SECONDS = 60


@pytest.fixture(scope="session")
def action_image(root: Path, docker: Callable[..., str], base_image: str) -> Iterator[str]:
    """The action's image, built as a stranger would."""
    name = f"zekt-action-test:{uuid.uuid4().hex[:12]}"
    docker("build", "--build-arg", f"BASE_IMAGE={base_image}", "--tag", name, str(root))
    yield name
    docker("image", "rm", name)


@dataclass(frozen=True)
class Broker:
    """A running broker, and GitHub as it knows it."""

    url: str
    github: SandboxServer

    def delivery(self, delivery_id: str) -> dict[str, Any]:
        """From the broker's own API."""
        return self._get(f"/api/deliveries/{delivery_id}")

    def deliveries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("/api/deliveries")["deliveries"]
        return found

    def _get(self, path: str) -> dict[str, Any]:
        answer = requests.get(self.url + path, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


DIRECTORY = {
    "accounts": [
        {
            "login": "shop-team",
            "repositories": [
                {
                    "name": "orders",
                    "workflows": [
                        {
                            "path": ".github/workflows/order.yml",
                            "whitelisted": True,
                            "service": {
                                "slug": "infrastructure-orders",
                                "alias": "Orders",
                                "event-type": "infrastructure-order",
                            },
                        }
                    ],
                }
            ],
        },
        {"login": "infra-team", "repositories": [{"name": "platform"}]},
    ],
    "subscriptions": [
        {
            "service": "infrastructure-orders",
            "consumer": "infra-team/platform",
            "status": "approved",
            "durable": True,
        }
    ],
}


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """`zekt setup apply` and `zekt serve`, as somebody would start them, with an embedded database of their own."""
    # PostgreSQL's socket must fit into 107 bytes, which pytest's own folders do not leave.
    with SandboxServer() as github, tempfile.TemporaryDirectory(prefix="zekt-") as folder:
        github.add_repository("shop-team/orders")
        github.add_repository("infra-team/platform")
        url = f"http://127.0.0.1:{_free_port()}"
        environment = _environment(github, url, Path(folder) / "data")
        directory = Path(folder) / "directory.yaml"
        directory.write_text(yaml.safe_dump(DIRECTORY), encoding="utf-8")
        subprocess.run(_zekt("setup", "apply", str(directory)), env=environment, check=True, timeout=120)
        for repository in ("shop-team/orders", "infra-team/platform"):
            github.add_hook(repository, url=f"{url}/api/github/webhooks", secret=SECRET)
        with _serving(url, environment, Path(folder) / "serve.log"):
            yield Broker(url, github)


def _zekt(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "zekt_backend.cli", *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(github: SandboxServer, url: str, data_dir: Path) -> dict[str, str]:
    """This process's own, without its Zekt settings but for the leave to run PostgreSQL as root."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ZEKT_") or k == "ZEKT_EMBEDDED_AS_ROOT"}
    return {
        **kept,
        **github.broker_environment(),
        "ZEKT_DATA_DIR": str(data_dir),
        "ZEKT_PORT": url.rpartition(":")[2],
        "ZEKT_ADMIN_TOKEN": ADMIN_TOKEN,
        "ZEKT_WEBHOOK_SECRET": SECRET,
    }


class _serving:  # noqa: N801 - read as a phrase: `with _serving(…)`
    """A broker's process from ready to ended; its log is shown where it does not become ready."""

    def __init__(self, url: str, environment: dict[str, str], log: Path) -> None:
        self.url, self.environment, self.log = url, environment, log

    def __enter__(self) -> None:
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(_zekt("serve"), env=self.environment, stdout=sink, stderr=sink)
        pause = threading.Event()
        for _ in range(READY_SECONDS * 10):
            if self.process.poll() is not None or self._ready():
                break
            pause.wait(0.1)
        if not self._ready():
            self.process.kill()
            self.process.wait(30)
            pytest.fail(f"the broker did not become ready:\n{self.log.read_text('utf-8', 'replace')}")

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def act(root: Path, runner_image: str, tmp_path: Path) -> Act:
    return Act(
        runner_image, tmp_path, {f"zekt-dev-org/zekt-action@{REF}": staged(root, tmp_path / "checkout", "Order")}
    )
