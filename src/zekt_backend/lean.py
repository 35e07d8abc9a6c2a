"""Import first, in a process that serves: libraries without what they load because it is installed, and none asks for.

All of it would take several MB, in every such process: `idle` of the benchmarks weighs them.
"""

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any


@contextmanager
def _instead(stand_ins: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """As if these were installed, and with None as if that were not; but what is loaded already stays."""
    put = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    sys.modules.update(put)  # type: ignore[arg-type]  # importing what is None raises ImportError
    try:
        yield
    finally:
        for name in put:
            del sys.modules[name]


def _missing(*names: str) -> AbstractContextManager[None]:
    return _instead(dict.fromkeys(names))


def _hollow(name: str, **parts: Any) -> AbstractContextManager[None]:
    """With these parts alone."""
    module = ModuleType(name)
    vars(module).update(parts)
    return _instead({name: module})


def _bare(name: str) -> None:
    """A package without what it loads by itself: its modules are there for whoever names one."""
    if name not in sys.modules and (spec := find_spec(name)) is not None:
        sys.modules[name] = module_from_spec(spec)


# Tracebacks in colours, with rich and pygments, and contexts of green threads: no log of ours has either.
with _missing("rich", "greenlet"):
    import_module("structlog")
# What encoding a text may have that does not say so: every answer is read as UTF-8 here, so it is not missed either.
with _missing("charset_normalizer", "chardet"), warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
    import_module("requests")
# Of PyGithub what signs in and what asks: not a class for each thing that can be asked for, of which ours uses none.
_bare("github")
with _hollow("github.InstallationAuthorization", InstallationAuthorization=None):
    import_module("github.Auth")
