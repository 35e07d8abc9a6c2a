"""What is asked of a sandbox that runs on this machine, over HTTP."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import requests

from zekt_backend.cli import sandbox_settings
from zekt_backend.errors import ZektError

_PATIENCE = (5, 60)
"""Seconds to connect, and for each wait for an answer."""
_ENDLESS = (5, None)
_LOCAL = "/_sandbox/local"
_SETTING = re.compile(r"ZEKT_[A-Z0-9_]+")


class Sandbox:
    """One that `zekt sandbox up` has started.

    Args:
        port: where it listens, on loopback.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port

    def environment(self) -> dict[str, str]:
        """The settings with which a command speaks to the broker that goes along."""
        answer = self._ask("GET", "/_sandbox/info")
        try:
            told = answer.json()["environment"]
            # Names go into a shell, and whoever listens at that port has chosen these.
            known = all(_SETTING.fullmatch(name) and isinstance(value, str) for name, value in told.items())
        except (ValueError, KeyError, TypeError, AttributeError):
            known = False
        if not known:
            raise self._nobody("something else answers there")
        kept = sandbox_settings.read(self.port)
        if kept is None:
            path = sandbox_settings.place(self.port)
            raise self._no_folders(f" Or another user has started it, or with another TMPDIR: there is no {path}.")
        # Each sandbox has made a key of its own, so this is the one that wrote the file.
        if kept["environment"] != told:
            raise self._nobody("something else answers there")
        return {**told, **kept["broker"]}

    def runs(self) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = self._ask("GET", f"{_LOCAL}/runs").json()["runs"]
        return found

    def start(self, repository: str, workflow: str, inputs: Mapping[str, str]) -> dict[str, Any]:
        body = {"repository": repository, "workflow": workflow, "inputs": dict(inputs)}
        run: dict[str, Any] = self._ask("POST", f"{_LOCAL}/runs", body).json()
        return run

    def cancel(self, run: int) -> None:
        self._ask("POST", f"{_LOCAL}/runs/{run}/cancel")

    def rerun(self, run: int) -> dict[str, Any]:
        again: dict[str, Any] = self._ask("POST", f"{_LOCAL}/runs/{run}/rerun").json()
        return again

    def log(self, run: int, *, attempt: int | None, follow: bool) -> Iterator[str]:
        """Lines of a run's log; with `follow`, until it has ended."""
        query = {"attempt": attempt, "follow": 1 if follow else None}
        return _lines(self._ask("GET", f"{_LOCAL}/runs/{run}/log", query=query, stream=True))

    def doings(self) -> Iterator[dict[str, Any]]:
        """What every run says and does, from this call on until the sandbox ends."""
        return map(json.loads, _lines(self._ask("GET", f"{_LOCAL}/log", query={"follow": 1}, stream=True)))

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # a proxy would answer for somebody else
            try:
                answer = session.request(
                    method,
                    self.url + path,
                    json=body,
                    params=query,
                    stream=stream,
                    timeout=_ENDLESS if stream else _PATIENCE,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                raise self._nobody(type(error).__name__) from None
        if not answer.ok:
            raise self._refusal(answer)
        return answer

    def _refusal(self, answer: requests.Response) -> ZektError:
        """In the sandbox's own words; something else that listens there has others."""
        try:
            message = str(answer.json()["message"])
        except (ValueError, KeyError, TypeError):
            return self._nobody(f"something else answered {answer.status_code}")
        if answer.status_code == requests.codes.not_found and message.startswith("Not Found"):
            return self._no_folders()
        return ZektError("sandbox_refused", message)

    def _nobody(self, why: str) -> ZektError:
        return ZektError(
            "sandbox_missing",
            f"No sandbox answers at {self.url} ({why}). Start one in another terminal with `zekt sandbox up FOLDER`, or"
            " name its port with --port.",
        )

    def _no_folders(self, more: str = "") -> ZektError:
        return ZektError(
            "sandbox_missing",
            f"The sandbox at {self.url} plays no local folders. End it, and start `zekt sandbox up FOLDER` instead, or"
            f" name another one's port with --port.{more}",
        )


def _lines(answer: requests.Response) -> Iterator[str]:
    try:
        with answer:
            for line in answer.iter_lines(chunk_size=None):
                yield line.decode("utf-8", "replace")
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return  # it has ended, and with it the log
