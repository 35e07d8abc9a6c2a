"""The numbers both ends agree on. Standard library only: confirm and complete read this file on Python 3.9."""

MAX_PAYLOAD_BYTES = 524_288
"""Largest message, in bytes as given (512 KiB)."""

MAX_INPUT_BYTES = 131_057
"""Largest `payload` input, in bytes: Linux holds one environment string to 131,072 with its name and a NUL."""

MAX_DEPTH = 100
"""Deepest nesting of arrays and objects in a message."""

MAX_EVENT_TYPE_CHARACTERS = 100
"""GitHub's own limit for a `repository_dispatch` event type."""

MAX_ENVELOPE_BYTES = 60_000
"""Largest serialised `repository_dispatch` body; GitHub refuses 64 KB, counted in a way it does not document."""

MAX_STEP_OUTPUT_BYTES = 65_536
"""Largest message that confirm also gives as a step output; a larger one is in the file alone."""

MAX_RESULT_BYTES = 65_536
"""Largest `result` that complete gives back to the provider, in bytes."""
