"""Processes of ours: started, told by their logs or their answers, and ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

_PATIENCE = 60.0
_LOOKS_PER_SECOND = 50


def free_port() -> int:
    """One that nobody listens on, for a process whose address must be known before it starts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def python_path() -> str:
    return os.pathsep.join(sys.path)


class Program:
    """A command, with its log in a file of `folder`, where it also runs."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(  # noqa: S603 — our own command
                command, env=dict(environment), stdout=log, stderr=log, cwd=folder
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def until_said(self, words: str) -> Self:
        """Wait until they stand in its log."""
        pause = threading.Event()
        for _ in range(int(_PATIENCE * _LOOKS_PER_SECOND)):
            if words.encode() in self._log.read_bytes():
                return self
            if self._popen.poll() is not None:
                break
            pause.wait(1 / _LOOKS_PER_SECOND)
        raise RuntimeError(f"{self.name} never said {words}:\n{self._log.read_text()[-4000:]}")

    def until_ended(self) -> None:
        """For a command that ends by itself.

        Raises:
            RuntimeError: it failed; with its log.
        """
        if self._popen.wait(_PATIENCE) != 0:
            raise RuntimeError(f"{self.name} failed:\n{self._log.read_text()[-4000:]}")

    def stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


class Helper:
    """A module of ours as a process which is told, and answers, a line of JSON at a time."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._popen = subprocess.Popen(  # noqa: S603 — our own module
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": python_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = self.heard()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def tell(self, **said: Any) -> None:
        if self._popen.stdin is None:
            raise AssertionError("it was started with a pipe")
        self._popen.stdin.write(json.dumps(said) + "\n")
        self._popen.stdin.flush()

    def heard(self) -> Any:
        """Its next line, waited for."""
        if self._popen.stdout is None:
            raise AssertionError("it was started with a pipe")
        line = self._popen.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} ended with {self._popen.wait()}; its own error stands above")
        return json.loads(line)

    def stop(self) -> None:
        """Close its ears, at which it ends."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        try:
            self._popen.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        if self._popen.stdout is not None:
            self._popen.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
