"""Folders whose workflows act runs for real, beside a broker that is a process of its own."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zekt_sandbox.local.attempt import Attempt
from zekt_sandbox.server import SandboxServer
from zekt_testing.broker import SECRET, Zekt, settings_for
from zekt_testing.processes import environment, free_port, zekt_process
from zekt_testing.rooms import Room
from zekt_testing.scene import until_ready


@dataclass(frozen=True)
class Laptop:
    """The sandbox with its folders, and the broker."""

    room: Room
    zekt: Zekt
    settings: dict[str, str]

    def start(self, repository: str, workflow: str, **inputs: str) -> Attempt:
        return self.room.local.start(repository, workflow, inputs)

    def ended(self, repository: str, workflow: str, *conclusions: str) -> list[Attempt]:
        """The attempts of a workflow, oldest first, once as many have ended as it should have had; each so."""

        def found() -> list[Attempt]:
            mine = [each for each in self.room.local.runs() if each.run.repository.full_name == repository]
            return [each for each in reversed(mine) if each.run.workflow.endswith(f"/{workflow}") and each.log.ended]

        self.room.wait_for(lambda: len(found()) >= len(conclusions))
        all_of_it = "\n".join(map(self.room.log, found()))
        assert [each.run.conclusion for each in found()] == list(conclusions), all_of_it
        return found()

    def envelopes(self, repository: str) -> list[dict[str, Any]]:
        """What a repository was sent, in the order in which it came."""
        return [dispatch.client_payload["zekt"] for dispatch in self.room.github.dispatches(repository)]

    def command(self, *arguments: str) -> str:
        """All that a `zekt …` on this broker prints; it must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "zekt_backend.cli", *arguments],
            env=environment(self.room.github, **self.settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@contextlib.contextmanager
def playing(root: Path, image: str) -> Iterator[Laptop]:
    """Play GitHub for the repositories in a folder, with a broker that nobody has set up yet.

    Args:
        root: holds `owner/name/`.
        image: what `runs-on: ubuntu-latest` runs in.
    """
    # PostgreSQL's socket must fit into 107 bytes, which pytest's own folders do not leave.
    with SandboxServer() as github, tempfile.TemporaryDirectory(prefix="zekt-", ignore_cleanup_errors=True) as name:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = {"ZEKT_DATA_DIR": f"{name}/data", "ZEKT_PORT": str(port), "ZEKT_PUBLIC_URL": url}
        room = Room(github, github.local(root, api_url=url, images={"ubuntu-latest": image}), root)
        github.set_app_hook(url=f"{url}/api/github/webhooks", secret=SECRET)
        with zekt_process(github, Path(name), "serve", **settings):
            until_ready(url)
            yield Laptop(room, Zekt(url, "", github, settings_for(github), lambda: None), settings)
