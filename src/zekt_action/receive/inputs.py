"""What the workflow asked of confirm or complete, read once; the environment itself is read in `zekt_action.inputs`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from zekt_action import event, inputs
from zekt_action.errors import ActionError
from zekt_action.step import NothingToDoError

_SUCCESS = {"success": True, "failure": False, "cancelled": False}
_MAX_CONCLUSION = 100


class Ids(NamedTuple):
    """Which delivery a job is about. Untrusted, but of a form that fits addresses and outputs."""

    correlation: str
    delivery: str | None


class Wishes(NamedTuple):
    """What both steps take."""

    api_url: str
    audience: str
    timeout_seconds: int
    max_attempts: int


class Ending(NamedTuple):
    """What complete takes beside."""

    success: bool
    conclusion: str
    result: bytes
    result_file: str

    def __repr__(self) -> str:
        return object.__repr__(self)  # nothing of the result


def ids(zekt: Mapping[str, object] | None, environ: Mapping[str, str] = os.environ) -> Ids:
    """Find the ids in the inputs, else in the envelope of the event.

    Raises:
        NothingToDoError: neither has a correlation id: Zekt did not start this run.
        ActionError: `id_invalid`.
    """
    found = [
        inputs.text(environ, "correlation-id") or (zekt or {}).get("correlationId"),
        inputs.text(environ, "delivery-id") or (zekt or {}).get("deliveryId"),
    ]
    if not found[0]:
        raise NothingToDoError("not_from_zekt", "This run was not started by Zekt.")
    correlation, delivery = (event.identifier(value) for value in found)
    if correlation is None:
        raise ActionError("id_invalid", "The correlation id has other characters than an id, or too many.")
    if found[1] and delivery is None:
        raise ActionError("id_invalid", "The delivery id has other characters than an id, or too many.")
    return Ids(correlation, delivery)


def wishes(environ: Mapping[str, str] = os.environ) -> Wishes:
    """Read what both steps take.

    Raises:
        ActionError: `api_url_…` or `input_invalid`.
    """
    return Wishes(
        api_url=inputs.api_url(environ),
        audience=inputs.audience(environ),
        timeout_seconds=inputs.number(environ, "timeout-seconds", default=60, most=3_600),
        max_attempts=inputs.number(environ, "max-attempts", default=5, most=20),
    )


def ending(environ: Mapping[str, str] = os.environ) -> Ending:
    """Read how the job ended.

    Raises:
        ActionError: `status_invalid` or `input_invalid`.
    """
    status = inputs.text(environ, "status")
    if status not in _SUCCESS:
        raise ActionError("status_invalid", "`status` must be success, failure or cancelled.")
    conclusion = inputs.text(environ, "conclusion") or status
    if len(conclusion) > _MAX_CONCLUSION:
        raise ActionError("input_invalid", f"`conclusion` has more than {_MAX_CONCLUSION} characters.")
    result = os.fsencode(inputs.text(environ, "result"))
    return Ending(_SUCCESS[status], conclusion, result, inputs.text(environ, "result-file"))
