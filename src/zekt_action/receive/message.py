"""The message as a file: from the event where it fitted, else by claim check, and then checked."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from zekt_action import event
from zekt_action.errors import ActionError
from zekt_action.limits import MAX_PAYLOAD_BYTES, MAX_STEP_OUTPUT_BYTES
from zekt_action.receive.broker import Broker


class Promise(NamedTuple):
    """What the envelope says of a message that did not fit into it. Of its url nothing is used: it is untrusted."""

    sha256: Any
    size: Any


def inline(zekt: dict[str, Any]) -> bytes | None:
    """The message that came with the event, equal as a JSON value to what was sent; None when none did.

    A message may be `null`: then only its sha256 tells it from no message.
    """
    payload = zekt.get("payload")
    if zekt.get("payloadRef") is not None or (payload is None and zekt.get("payloadSha256") is None):
        return None
    return json.dumps(payload, separators=(",", ":")).encode()


def promised(zekt: dict[str, Any]) -> Promise | None:
    """The claim check, where there is one."""
    reference = zekt.get("payloadRef")
    if reference is None:
        return None
    return Promise(event.member(reference, "sha256"), event.member(reference, "bytes"))


def fetch(broker: Broker, delivery_id: str, promise: Promise | None) -> bytes | None:
    """Get the archived message, byte for byte as it was sent.

    Args:
        broker: asked at its own address.
        delivery_id: of the answer to confirm.
        promise: what the event announced; None when only the broker knows, whose header then counts.

    Raises:
        ActionError: `payload_mismatch`, or the broker's.
    """
    answer = broker.message(delivery_id)
    if answer is None:
        if promise is not None:
            raise ActionError("payload_mismatch", "The event announced a message, and the broker has none.")
        return None
    raw, digest = answer.body, hashlib.sha256(answer.body).hexdigest()
    expected = promise.sha256 if promise else answer.headers.get("x-zekt-payload-sha256")
    if len(raw) > MAX_PAYLOAD_BYTES or digest != expected:
        raise ActionError("payload_mismatch", f"{len(raw):,} bytes came, with another sha256 or too many.")
    if promise and promise.size != len(raw):
        raise ActionError("payload_mismatch", f"{len(raw):,} bytes came; {promise.size!r:.20} were announced.")
    return raw


def keep(raw: bytes, temp: Path | None) -> dict[str, str]:
    """Write the message under RUNNER_TEMP, where only this job's user reads it, and return the outputs for it."""
    if temp is None:
        raise ActionError("input_invalid", "RUNNER_TEMP is not set: there is nowhere to put the message.")
    folder = temp / f"zekt-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700)
    path = folder / "payload.json"
    path.write_bytes(raw)
    fits = len(raw) <= MAX_STEP_OUTPUT_BYTES
    return {"payload_path": str(path), "payload": raw.decode() if fits else ""}
