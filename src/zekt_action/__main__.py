"""`python -m zekt_action`: send as the image starts it. Exit code 0, 1, or 128 + signal if cancelled."""

import gc
import os
import sys
import warnings
from types import ModuleType


def main() -> int:
    """Send the message that the environment describes, and tell how it went."""
    # Python's own time to start and to end is what a step takes: see launch.py.
    gc.disable()
    # Each of these takes a while, and `typing` with them, so they come after that line.
    from zekt_action import schema, send  # noqa: PLC0415
    from zekt_action.transport import Transport  # noqa: PLC0415

    def connect() -> Transport:
        # requests would guess by it how a text is encoded, which nobody here asks: 10 ms and 3 MB of every start. That
        # it is missing is no news then.
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

    return send.main(connect, schema.check)


if __name__ == "__main__":
    # At once: see launch.py.
    os._exit(main())
