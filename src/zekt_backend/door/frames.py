"""What the broker and its examining processes agree on."""

import struct

HEAD = struct.Struct(">II")
"""Before each job and each answer: the bytes of its JSON, and of the document after it."""

CPU_SECONDS = 2.0
"""For one job. Ordinary ones of 512 KB need 0.06 for the guard and 0.13 for a schema."""

LEEWAY_SECONDS = 0.5
"""More than that, after which the machine's kernel ends a process that could not stop itself."""

TOO_LONG = f"It takes more than {CPU_SECONDS:g} s to examine."
