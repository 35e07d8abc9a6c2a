"""The action's image, built from the Dockerfile: how large each layer is, and how to run it as a runner does."""

import gzip
import json
import re
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from zekt_bench.checkout import Command, entrypoint
from zekt_bench.figures import ROOT

_LONGEST = 600
_OURS = "PATH"
"""Of the runner's variables the one that no container gets."""
_WEIGHED = """
"$@"; code=$?
cat /sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes 2> /dev/null > "$RUNNER_TEMP/peak"
times > "$RUNNER_TEMP/cpu"
exit $code
"""
"""Starts its arguments, and then tells what they have used: memory by the container's cgroup, of version 2 or 1, where
that is to be seen; CPU as the kernel told the shell of its children."""
_TIMES = re.compile(r"(\d+)m([\d.]+)s")


class NoImageError(Exception):
    """There is no Docker engine, or the image cannot be built; says why."""


def docker(*arguments: str) -> str:
    """What it prints.

    Raises:
        NoImageError: it failed, or there is none.
    """
    try:
        done = subprocess.run(  # noqa: S603 — our own arguments
            [program(), *arguments], capture_output=True, text=True, check=False, timeout=_LONGEST
        )
    except subprocess.TimeoutExpired as error:
        raise NoImageError(f"docker {arguments[0]} took longer than {_LONGEST} s") from error
    if done.returncode != 0:
        raise NoImageError(f"docker {arguments[0]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def program() -> str:
    """Where the command is."""
    if (found := shutil.which("docker")) is None:
        raise NoImageError("there is no docker command here")
    return found


@contextmanager
def image(base: str | None) -> Iterator[str]:
    """The image's name; it is gone afterwards. `base` stands for the Dockerfile's own base."""
    docker("version")
    name = f"zekt-action-bench:{uuid.uuid4().hex[:12]}"
    given = ["--build-arg", f"BASE_IMAGE={base}"] if base else []
    docker("build", *given, "--tag", name, str(ROOT))
    try:
        yield name
    finally:
        docker("image", "rm", name)


def layers(name: str, base: str) -> list[tuple[int, int]]:
    """(bytes, bytes as a registry keeps them) of each layer above the base, lowest first."""
    above = len(json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", base)))
    with TemporaryDirectory(prefix="zekt-bench-") as folder:
        saved = Path(folder) / "image.tar"
        docker("save", "--output", str(saved), name)
        with tarfile.open(saved) as archive:
            (manifest,) = json.loads(_read(archive, "manifest.json"))
            found = [_read(archive, layer) for layer in manifest["Layers"][above:]]
    return [(len(layer), len(gzip.compress(layer, compresslevel=6))) for layer in found]


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise NoImageError(f"{name} of a saved image is no file")
    return member.read()


def run(name: str, folder: Path, bare: Command, client: dict[str, str], *, weighed: bool) -> Command:
    """`docker run` of what `bare` runs, with its folder at the same path.

    The values go through the client's own environment, as the runner has it, and not on its command line.
    """
    environment = {name: value for name, value in bare[1].items() if name != _OURS}
    names = [part for each in environment for part in ("-e", each)]
    how = ["--entrypoint", "/bin/sh", name, "-c", _WEIGHED, "sh", *entrypoint()] if weighed else [name]
    mounted = ["--volume", f"{folder}:{folder}", "--workdir", str(folder)]
    return [program(), "run", "--rm", "--network", "host", *names, *mounted, *how], {**client, **environment}


def counted(folder: Path) -> dict[str, float]:
    """What a weighed container has used: `cpu` in seconds, and `peak` in megabytes where that is told."""
    _, children = (folder / "cpu").read_text("ascii").splitlines()
    found = {"cpu": sum(60 * int(minutes) + float(seconds) for minutes, seconds in _TIMES.findall(children))}
    if peak := (folder / "peak").read_text("ascii").split():
        found["peak"] = int(peak[0]) / 1024 / 1024
    return found
