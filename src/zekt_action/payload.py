"""The message: taken from its one source, checked, and kept byte for byte. 3.9."""

from __future__ import annotations

import hashlib
from typing import Any

from zekt_action.errors import ActionError
from zekt_action.inputs import Inputs, Job
from zekt_action.limits import MAX_INPUT_BYTES, MAX_PAYLOAD_BYTES
from zekt_action.strict_json import JsonRefused, parse


class Payload:
    """A well-formed message, and the SHA-256 of its bytes as given."""

    def __init__(self, raw: bytes, value: Any, sha256: str) -> None:
        self.raw, self.value, self.sha256 = raw, value, sha256


def take(inputs: Inputs, job: Job) -> Payload:
    """Read the message from the input or the file.

    Raises:
        ActionError: it is too large, not strict JSON, or its file cannot be read.
    """
    raw = _from_file(inputs, job) if inputs.payload is None else _from_input(inputs.payload)
    try:
        value = parse(raw)
    except JsonRefused as refused:
        raise ActionError(refused.code, refused.detail) from None
    return Payload(raw, value, hashlib.sha256(raw).hexdigest())


def _from_input(raw: bytes) -> bytes:
    if len(raw) > MAX_INPUT_BYTES:
        raise ActionError(
            "payload_input_too_large", f"The `payload` input has {len(raw):,} bytes; {MAX_INPUT_BYTES:,} fit."
        )
    return raw


def _from_file(inputs: Inputs, job: Job) -> bytes:
    # Imported here: without bytecode, what a message from the input does not need would be compiled each time.
    from zekt_action import files  # noqa: PLC0415

    try:
        return files.read(inputs.payload_file, job, limit=MAX_PAYLOAD_BYTES)
    except ActionError as error:
        if error.code == "file_too_large":
            raise ActionError("payload_too_large", error.detail) from None
        raise
