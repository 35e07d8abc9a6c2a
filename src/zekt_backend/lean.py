"""Import first, in a process that serves: libraries without what they load because it is installed, and none asks for.

All of it would take several MB, in every such process: `idle` of the benchmarks weighs them.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


@contextmanager
def _missing(*names: str) -> Iterator[None]:
    """As where these are not installed; but what is loaded already stays."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # importing it raises ImportError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _hollow(name: str, *parts: str) -> Iterator[None]:
    """As if it were there, with nothing in it; but what is loaded already stays."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = hollow = ModuleType(name)
    for part in parts:
        setattr(hollow, part, None)
    try:
        yield
    finally:
        del sys.modules[name]


# Tracebacks in colours, with rich and pygments, and contexts of green threads: no log of ours has either.
with _missing("rich", "greenlet"):
    import_module("structlog")
# What encoding a text may have that does not say so: every answer is read as UTF-8 here, so it is not missed either.
with _missing("charset_normalizer", "chardet"), warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
    import_module("requests")
# Encryption of secrets that a program sets in repositories: libsodium, and a C interface to it. Ours sets none.
with _hollow("nacl", "encoding", "public"):
    import_module("github")
