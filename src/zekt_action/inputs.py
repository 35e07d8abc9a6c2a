"""What the workflow asked for, read once into frozen objects: the image's only reader of the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zekt_action import address
from zekt_action.errors import ActionError
from zekt_action.limits import MAX_EVENT_TYPE_CHARACTERS

_TRUE, _FALSE = {"true", "True", "TRUE"}, {"false", "False", "FALSE"}
_NUMBER = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True)
class Inputs:
    """The inputs of action.yml, checked as far as they can be without reading a file."""

    event_type: str
    payload: bytes | None = field(repr=False)
    """As given; None when a file is to be read."""
    payload_file: str
    payload_schema: str
    api_url: str
    audience: str
    timeout_seconds: int
    max_attempts: int


@dataclass(frozen=True)
class Job:
    """What the runner says about the job, https://docs.github.com/actions/reference/workflows-and-actions/variables.

    Nothing here proves anything to the broker, which believes the token alone.
    """

    repository: str
    repository_id: str
    run_id: str
    run_attempt: str
    workflow: str
    name: str
    step: str
    actor: str
    sha: str
    ref: str
    workspace: Path | None
    temp: Path | None
    event_file: Path | None
    output_file: Path | None
    summary_file: Path | None
    oidc_url: str
    oidc_secret: str = field(repr=False)


def job(environ: Mapping[str, str] = os.environ) -> Job:
    """Read what the runner sets; never fails, so that a failure can always be reported."""

    def text(name: str) -> str:
        return environ.get(name, "")

    def path(name: str) -> Path | None:
        return Path(environ[name]) if environ.get(name) else None

    return Job(
        repository=text("GITHUB_REPOSITORY"),
        repository_id=text("GITHUB_REPOSITORY_ID"),
        run_id=text("GITHUB_RUN_ID"),
        run_attempt=text("GITHUB_RUN_ATTEMPT") or "1",
        workflow=text("GITHUB_WORKFLOW"),
        name=text("GITHUB_JOB"),
        step=text("GITHUB_ACTION"),
        actor=text("GITHUB_ACTOR"),
        sha=text("GITHUB_SHA"),
        ref=text("GITHUB_REF"),
        workspace=path("GITHUB_WORKSPACE"),
        temp=path("RUNNER_TEMP"),
        event_file=path("GITHUB_EVENT_PATH"),
        output_file=path("GITHUB_OUTPUT"),
        summary_file=path("GITHUB_STEP_SUMMARY"),
        oidc_url=text("ACTIONS_ID_TOKEN_REQUEST_URL"),
        oidc_secret=text("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    )


def fail_on_error(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a failure fails the step; asked first, because it decides how all other failures end."""
    return _truth(environ, "fail-on-error", default="true")


def read(environ: Mapping[str, str] = os.environ) -> Inputs:
    """Read and check the inputs.

    Raises:
        ActionError: the first input that does not fit.
    """
    _refuse_shield(environ)
    payload_file = _input(environ, "payload-file")
    return Inputs(
        event_type=_event_type(environ),
        payload=_payload(environ, payload_file),
        payload_file=payload_file,
        payload_schema=_input(environ, "payload-schema"),
        api_url=address.check(
            _input(environ, "zekt-api-url").strip() or environ.get("ZEKT_API_URL", "").strip()
        ),
        audience=_input(environ, "audience") or "api://zekt",
        timeout_seconds=_number(environ, "timeout-seconds", default=60, most=3_600),
        max_attempts=_number(environ, "max-attempts", default=5, most=20),
    )


def _input(environ: Mapping[str, str], name: str) -> str:
    return _given(environ, name) or ""


def _given(environ: Mapping[str, str], name: str) -> str | None:
    """A runner keeps the hyphens of a name; action.yml maps each also without, for tools which drop those."""
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


def _event_type(environ: Mapping[str, str]) -> str:
    value = _input(environ, "event-type")
    if not 1 <= len(value) <= MAX_EVENT_TYPE_CHARACTERS or not value.strip():
        raise ActionError("event_type_invalid", f"`event-type` has {len(value)} characters.")
    if not value.isprintable():
        raise ActionError("event_type_invalid", "`event-type` has characters that cannot be printed.")
    return value


def _refuse_shield(environ: Mapping[str, str]) -> None:
    value = _input(environ, "shield")
    if value and value not in _FALSE:
        raise ActionError("shield_unsupported", "`shield` asks for encryption, which this version cannot do.")


def _truth(environ: Mapping[str, str], name: str, *, default: str) -> bool:
    value = _input(environ, name) or default
    if value not in _TRUE | _FALSE:
        raise ActionError("input_invalid", f"`{name}` must be true or false.")
    return value in _TRUE


def _number(environ: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    value = _input(environ, name) or str(default)
    if not _NUMBER.fullmatch(value) or not 1 <= int(value) <= most:
        raise ActionError("input_invalid", f"`{name}` must be a whole number from 1 to {most:,}.")
    return int(value)
