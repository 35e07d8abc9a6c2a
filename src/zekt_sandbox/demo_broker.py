"""The real broker as a process of its own, with an embedded PostgreSQL in a folder that nobody will miss."""

import json
import os
import secrets
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

PACKAGES = Path(__file__).resolve().parents[1]
"""Where this very code was imported from: the processes of the demo run the same."""

_START_SECONDS = 40.0
_SETUP_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOG_LINES = 400
_SHOWN_LINES = 25
_READY_TRIES = 200
_POLL_SECONDS = 0.1
_OK = 200


class DemoFailed(Exception):  # noqa: N818 - it reads as what happened
    """The demo cannot go on; the text says why."""


def clean_environment() -> dict[str, str]:
    """This process's environment without what would leak into a broker or a step that should be alone."""
    ours = ("ZEKT_", "INPUT_", "GITHUB_", "ACTIONS_", "RUNNER_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH", "")]))
    # Everything here talks to this machine alone, whatever proxy the environment names.
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def as_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


class Broker:
    """`zekt serve`, its log, and its management API.

    Args:
        folder: an own one, where its data go into `data`.
        settings: ZEKT_… beside those that make it embedded and give it secrets.
        port: to listen on, on loopback; 0 takes a free one.
        hear: is given each line of its log, in a thread of the log's.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        *,
        port: int = 0,
        hear: Callable[[str], object] = lambda _line: None,
    ) -> None:
        self.url = ""
        self.data = folder / "data"
        self.admin_token = secrets.token_hex(20)
        self.webhook_secret = secrets.token_hex(20)
        self.secrets = {"ZEKT_ADMIN_TOKEN": self.admin_token, "ZEKT_WEBHOOK_SECRET": self.webhook_secret}
        self.exited: Future[None] = Future()
        self._environment = {
            **clean_environment(),
            **settings,
            "ZEKT_DATA_DIR": str(self.data),
            **self.secrets,
            "ZEKT_LOG_FORMAT": "json",
            **({"ZEKT_EMBEDDED_AS_ROOT": "1"} if as_root() else {}),
        }
        self._folder = folder
        self._port = port
        self._hear = hear
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._listening: Future[str] = Future()
        self._gate, self._stopped = threading.Lock(), False
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def apply_setup(self, file: Path) -> str:
        """`zekt setup apply` beside the running broker, and what it said last.

        Raises:
            DemoFailed: with its own words.
        """
        done = self.set_up(file)
        if done.returncode != 0:
            self._log.extend((done.stdout + done.stderr).splitlines())
            raise DemoFailed("`zekt setup apply` failed")
        return done.stderr.strip().splitlines()[-1]

    def set_up(self, file: Path) -> subprocess.CompletedProcess[str]:
        """`zekt setup apply` beside the running broker.

        Args:
            file: absolute, since it runs in the broker's folder.

        Raises:
            DemoFailed: it took too long.
        """
        try:
            return subprocess.run(  # noqa: S603 - our own program, arguments of our own
                [*_ZEKT, "setup", "apply", str(file)],
                # Its one line in one piece; and where webhooks arrive, which it checks.
                env={**self._environment, "COLUMNS": "500", "ZEKT_PUBLIC_URL": self.url},
                cwd=self._folder,
                capture_output=True,
                text=True,
                timeout=_SETUP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise DemoFailed(f"`zekt setup apply` took more than {_SETUP_SECONDS:.0f} s") from late

    def start(self) -> None:
        """`zekt serve`, until it is ready.

        Raises:
            DemoFailed: it ended, or was not ready in time.
        """
        with self._gate:
            if self._stopped:
                raise DemoFailed("`zekt serve` was stopped before it began")
            self._process = subprocess.Popen(  # noqa: S603 - our own program, arguments of our own
                [*_ZEKT, "serve", "--port", str(self._port)],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C is the demo's; it then stops the broker in good order
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="broker-log", daemon=True)
        self._reader.start()
        try:
            self.url = self._listening.result(_START_SECONDS)
        except TimeoutError as late:
            raise DemoFailed(f"`zekt serve` did not listen within {_START_SECONDS:.0f} s") from late
        self._await_ready()

    def get(self, path: str) -> Any:
        """An answer of the management API.

        Raises:
            DemoFailed: it was no 200.
        """
        answer = self._ask(path)
        if answer.status_code != _OK:
            raise DemoFailed(f"GET {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def log_tail(self) -> list[str]:
        return list(self._log)[-_SHOWN_LINES:]

    def stop(self) -> None:
        """Ask it to end, wait, and make sure that its database ended too."""
        with self._gate:  # from now on none begins
            self._stopped, process = True, self._process
        if process is None:
            return
        if process.poll() is None:
            # Ended before it takes signals, it would leave behind the database that it is just starting.
            with suppress(TimeoutError, DemoFailed):
                self._listening.result(_START_SECONDS)
            process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            subprocess.run(  # noqa: S603 - our own program, arguments of our own
                [*_ZEKT, "doctor", "--stop"], env=self._environment, check=False, capture_output=True, timeout=30
            )
        if self._reader is not None:
            self._reader.join(_STOP_SECONDS)

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Keep its log, find the address in it, and tell when it ends."""
        stream = process.stderr
        if stream is None:
            return
        with stream:
            for line in stream:
                self._log.append(line.rstrip())
                with suppress(Exception):  # a listener that fails must not stop the log, and with it the broker
                    self._hear(line)
                url = _address(line)
                if url and not self._listening.done():
                    self._listening.set_result(url)
        code = process.wait()
        ended = DemoFailed(f"`zekt serve` ended with exit code {code}")
        if not self._listening.done():
            self._listening.set_exception(ended)
        self.exited.set_exception(ended)

    def _await_ready(self) -> None:
        pause = threading.Event()
        for _ in range(_READY_TRIES):
            try:
                if self._ask("/readyz").status_code == _OK:
                    return
            except requests.ConnectionError:
                if self.exited.done():
                    self.exited.result()
            pause.wait(_POLL_SECONDS)
        raise DemoFailed("`zekt serve` listens but /readyz never answered 200")

    def _ask(self, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self.admin_token}"
            return session.get(self.url + path, timeout=10)


_ZEKT = (sys.executable, "-m", "zekt_backend.cli")


def _address(line: str) -> str | None:
    """The URL in the log line `started`; None in any other."""
    try:
        fact = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fact, dict) or fact.get("event") != "started":
        return None
    return str(fact["url"]) if fact.get("url") else None
