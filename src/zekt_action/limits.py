"""The numbers both ends agree on. Standard library only: the composites read them on Python 3.9."""

MAX_PAYLOAD_BYTES = 524_288
"""Largest message, in bytes as given (512 KiB)."""

MAX_INPUT_BYTES = 131_057
"""Largest `payload` input, in bytes: Linux holds an environment string to 131,072 with name and NUL."""

MAX_DEPTH = 100
"""Deepest nesting of arrays and objects in a message."""

MAX_EVENT_TYPE_CHARACTERS = 100
"""GitHub's own limit for a `repository_dispatch` event type."""

MAX_ENVELOPE_BYTES = 60_000
"""Largest serialised `repository_dispatch` body; GitHub refuses 64 KB, counted in an undocumented way."""

MAX_STEP_OUTPUT_BYTES = 65_536
"""Largest message that confirm also gives as a step output; a larger one is in the file alone."""

MAX_RESULT_BYTES = 65_536
"""Largest `result` that complete gives back to the provider, in bytes."""

MAX_NUMBER_DIGITS = 4_300
"""Longest integer in a message, in digits: the most that Python reads from text by default."""

TRACEPARENT = r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
"""A W3C trace context: version, trace id, span id, flags. https://www.w3.org/TR/trace-context/#traceparent-header"""
