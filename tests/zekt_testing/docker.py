"""A real Docker engine, and the images that runs of workflows need. Test processes side by side share both."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Docker = Callable[..., str]

_LOCK = Path(tempfile.gettempdir()) / f"zekt-test-images-{os.getuid()}.lock"
_OURS = "act-zekt-dev-org-zekt-action"
"""How the names of the images begin that act builds of our actions."""


@pytest.fixture(scope="session")
def docker() -> Docker:
    """Runs `docker …` and gives its output; skips where there is no engine."""

    def run(*arguments: str, env: dict[str, str] | None = None, seconds: float = 300) -> str:
        done = subprocess.run(
            ["docker", *arguments], env=env, timeout=seconds, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"docker {arguments[0]} said {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    if shutil.which("docker") is None:
        pytest.skip("there is no docker command here")
    try:
        run("version", seconds=30)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"no Docker engine answers: {error}")
    return run


@pytest.fixture(scope="session")
def default_base_image(root: Path) -> str:
    """The Dockerfile's own."""
    found = re.search(r"^ARG BASE_IMAGE=(\S+)$", (root / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert found
    return found[1]


@pytest.fixture(scope="session")
def base_image(docker: Docker, default_base_image: str) -> str:
    """What the image is built on: `ZEKT_TEST_BASE_IMAGE`, else the default; pulled where it is not there."""
    image = os.environ.get("ZEKT_TEST_BASE_IMAGE") or default_base_image
    if not docker("image", "ls", "--quiet", image).strip():
        try:
            docker("pull", "--quiet", image, seconds=600)
        except AssertionError as error:
            pytest.skip(f"ZEKT_TEST_BASE_IMAGE names no image that is here, and none can be pulled: {error}")
    return image


@pytest.fixture(scope="session")
def runner_image(docker: Docker, default_base_image: str, base_image: str) -> Iterator[str]:
    """act's `ubuntu-latest`, which is also what act builds the action on: it gives no build arguments.

    So the default's name is lent to it where that image is not here. Whoever uses it holds a shared lock; who finds in
    the end that nobody else does takes the name away again, and the images that act has built on it.
    """
    with _LOCK.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not docker("image", "ls", "--quiet", default_base_image).strip():
            docker("tag", base_image, default_base_image)
            lock.write(f"{default_base_image}\n")
            lock.flush()
        yield base_image
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        lock.seek(0)
        lent = set(lock.read().split())
        here = set(docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split())
        for image in here & lent | {image for image in here if image.startswith(_OURS)}:
            docker("image", "rm", "--force", image)
        lock.truncate(0)
