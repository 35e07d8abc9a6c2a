"""send as the image has it: by requests, and with the check against a schema."""

import sys
import warnings
from types import ModuleType
from typing import Any

from zekt_action import send
from zekt_action.inputs import Job
from zekt_action.transport import Transport


def main() -> int:
    """Send the message that the environment describes, and tell how it went."""
    return send.main(_transport, _check_schema)


def _check_schema(name: str, message: Any, job: Job) -> None:
    # Imported here: most messages have none.
    from zekt_action import schema  # noqa: PLC0415

    schema.check(name, message, job)


def _transport() -> Transport:
    # requests would guess by it how a text is encoded, which nobody here asks: 10 ms and 3 MB of every start. That it
    # is missing is no news then.
    sys.modules["charset_normalizer"] = None  # type: ignore[assignment] # to import it is an ImportError
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
    # urllib3 would load it to ask for the version of a library for HTTP/2, which is not here: another 8 ms.
    unasked = ModuleType("importlib.metadata")
    unasked.version = None  # type: ignore[attr-defined]
    sys.modules["importlib.metadata"] = unasked
    # Imported here: a message that is refused need not wait for it.
    from zekt_action.by_requests import RequestsTransport  # noqa: PLC0415

    del sys.modules["importlib.metadata"]
    return RequestsTransport()
