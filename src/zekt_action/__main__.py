"""`python -m zekt_action`: send as the image starts it. Exit code 0, 1, or 128 + signal if cancelled."""

import sys

from zekt_action import schema, send
from zekt_action.transport import Transport


def main() -> int:
    """Send the message that the environment describes, and tell how it went."""
    return send.main(_transport, schema.check)


def _transport() -> Transport:
    # Imported here: a message that is refused need not wait for it.
    from zekt_action.by_requests import RequestsTransport  # noqa: PLC0415

    return RequestsTransport()


if __name__ == "__main__":
    sys.exit(main())
