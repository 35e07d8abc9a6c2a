"""What the workflow asked for, read once into objects: the image's only reader of the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from zekt_action import address
from zekt_action.errors import ActionError
from zekt_action.limits import MAX_EVENT_TYPE_CHARACTERS

_TRUE, _FALSE = {"true", "True", "TRUE"}, {"false", "False", "FALSE"}
_MOST_DIGITS = 5
_NO_FILE = "(none)"
"""The default of `payload-file`: an empty one could not be told from an expression that came out empty."""

OLD_INPUTS = {
    "zekt_payload": "write `payload`, or `payload-file` with the path of a file",
    "zekt_api_url": "write `zekt-api-url`",
    "zekt_run_id": "remove it, the job's token names the run",
    "zekt_step_id": "remove it, messages of several steps are told apart by themselves",
    "github_token": "remove it and write `permissions: id-token: write`",
}
"""Inputs of the action's first version → what to write now; docs/migrating.md has them with an example."""


class Inputs:
    """The inputs of action.yml, checked as far as they can be without reading a file."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Read and check the inputs.

        Raises:
            ActionError: the first input that does not fit.
        """
        _refuse_old_inputs(environ)
        _refuse_shield(environ)
        self.payload_file = _payload_file(environ)
        self.event_type = _event_type(environ)
        self.payload = _payload(environ, self.payload_file)
        """As given; None when a file is to be read."""
        self.payload_schema = text(environ, "payload-schema")
        self.leg = text(environ, "leg")
        self.api_url = api_url(environ)
        self.audience = audience(environ)
        self.timeout_seconds = number(environ, "timeout-seconds", default=60, most=3_600)
        self.max_attempts = number(environ, "max-attempts", default=5, most=20)


class Job:
    """What the runner says about the job, https://docs.github.com/actions/reference/workflows-and-actions/variables.

    Nothing here proves anything to the broker, which believes the token alone.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Read what the runner sets; never fails, so that a failure can always be reported."""

        def value(name: str) -> str:
            return environ.get(name, "")

        def path(name: str) -> Path | None:
            return Path(environ[name]) if environ.get(name) else None

        self.repository = value("GITHUB_REPOSITORY")
        self.repository_id = value("GITHUB_REPOSITORY_ID")
        self.run_id = value("GITHUB_RUN_ID")
        self.run_attempt = value("GITHUB_RUN_ATTEMPT") or "1"
        self.workflow = value("GITHUB_WORKFLOW")
        self.name = value("GITHUB_JOB")
        self.step = value("GITHUB_ACTION")
        self.actor = value("GITHUB_ACTOR")
        self.sha = value("GITHUB_SHA")
        self.ref = value("GITHUB_REF")
        self.workspace = path("GITHUB_WORKSPACE")
        self.temp = path("RUNNER_TEMP")
        self.event_file = path("GITHUB_EVENT_PATH")
        self.output_file = path("GITHUB_OUTPUT")
        self.summary_file = path("GITHUB_STEP_SUMMARY")
        self.oidc_url = value("ACTIONS_ID_TOKEN_REQUEST_URL")
        self.oidc_secret = value("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        self.traceparent = value("TRACEPARENT")
        """As OpenTelemetry's tools for CI set it; unchecked."""


def fail_on_error(environ: Mapping[str, str] = os.environ, *, default: bool) -> bool:
    """Whether a failure fails the step; asked first, because it decides how all other failures end."""
    value = text(environ, "fail-on-error") or str(default)
    if value not in _TRUE | _FALSE:
        raise ActionError("input_invalid", "`fail-on-error` must be true or false.")
    return value in _TRUE


def api_url(environ: Mapping[str, str]) -> str:
    """The broker's address: the input, or else ZEKT_API_URL. There is no other default."""
    return address.check(text(environ, "zekt-api-url").strip() or environ.get("ZEKT_API_URL", "").strip())


def audience(environ: Mapping[str, str]) -> str:
    return text(environ, "audience") or "api://zekt"


def may_have_a_proxy(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether it is worth asking for a proxy for https: Windows and macOS have settings of their own for it."""
    return sys.platform in {"win32", "darwin"} or any(name.lower() == "https_proxy" for name in environ)


def text(environ: Mapping[str, str], name: str) -> str:
    """An input, empty where it is not given."""
    return _given(environ, name) or ""


def number(environ: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    """An input that is a whole number from 1 to `most`."""
    value = text(environ, name) or str(default)
    digits = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
    if not digits or not 1 <= int(value) <= most:
        raise ActionError("input_invalid", f"`{name}` must be a whole number from 1 to {most:,}.")
    return int(value)


def _given(environ: Mapping[str, str], name: str) -> str | None:
    """A runner keeps the hyphens of a name; every action.yml maps each also without them."""
    hyphened = "INPUT_" + name.upper()
    return environ.get(hyphened, environ.get(hyphened.replace("-", "_")))


def _payload(environ: Mapping[str, str], payload_file: str) -> bytes | None:
    """Exactly one source. `{}` is the default of `payload` and so no sign that somebody gave one."""
    given = _given(environ, "payload")
    if payload_file:
        if given and given.strip() != "{}":
            raise ActionError("payload_two_sources", "Both `payload` and `payload-file` are given.")
        return None
    if given is not None and not given.strip():
        raise ActionError("payload_missing", "`payload` is empty and there is no `payload-file`.")
    # The environment holds bytes: what was not UTF-8 must still be found out, not crash here.
    return os.fsencode("{}" if given is None else given)


def _payload_file(environ: Mapping[str, str]) -> str:
    """The path, or nothing where none is given. A runner passes an input that nobody wrote as its default."""
    given = _given(environ, "payload-file")
    if given is None or given == _NO_FILE:
        return ""
    if not given.strip():
        raise ActionError("payload_missing", "`payload-file` is given, and is empty.")
    return given


def _event_type(environ: Mapping[str, str]) -> str:
    value = text(environ, "event-type")
    if not 1 <= len(value) <= MAX_EVENT_TYPE_CHARACTERS:
        raise ActionError("event_type_invalid", f"`event-type` has {len(value)} characters.")
    if not value.isprintable():  # as the broker has it; half characters stand for bytes that were not UTF-8
        raise ActionError("event_type_invalid", "`event-type` has characters that cannot be printed.")
    return value


def _refuse_old_inputs(environ: Mapping[str, str]) -> None:
    """A runner warns of inputs that action.yml does not have, and passes them to an image all the same.

    https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionRunner.cs
    """
    given = [name for name in OLD_INPUTS if f"INPUT_{name.upper()}" in environ]
    # This one's variable is also the one that action.yml maps `zekt-api-url` to: it is old where both differ.
    if "zekt_api_url" in given and environ.get("INPUT_ZEKT-API-URL") in {None, environ["INPUT_ZEKT_API_URL"]}:
        given.remove("zekt_api_url")
    if given:
        now = "; ".join(f"`{name}`: {OLD_INPUTS[name]}" for name in given)
        raise ActionError("input_renamed", f"These inputs are of the action's first version. {now}.")
    orchestrate = environ.get("INPUT_ORCHESTRATE", "false")
    if orchestrate not in _FALSE:
        raise ActionError("orchestrate_unsupported", "`orchestrate` asks for an orchestration, which there is none of.")


def _refuse_shield(environ: Mapping[str, str]) -> None:
    value = text(environ, "shield")
    if value and value not in _FALSE:
        raise ActionError("shield_unsupported", "`shield` asks for encryption, which this version cannot do.")
