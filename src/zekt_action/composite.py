"""send as its composite starts it: the image's own way, by the standard library's HTTP client. Python 3.9."""

from __future__ import annotations

from typing import Any, NoReturn

from zekt_action import send
from zekt_action.errors import ActionError
from zekt_action.inputs import Job
from zekt_action.transport import Transport


def main() -> int:
    """Send the message that the environment describes, and tell how it went."""
    return send.main(_transport, _no_schema)


def _transport() -> Transport:
    # Imported here: a message that is refused need not wait for it.
    from zekt_action import by_http_client  # noqa: PLC0415

    return by_http_client.send


def _no_schema(_name: str, _message: Any, _job: Job) -> NoReturn:
    """Sending without the check that was asked for is no answer, and the standard library has none."""
    raise ActionError("schema_unsupported", "`payload-schema` is given, and nothing was sent.")
