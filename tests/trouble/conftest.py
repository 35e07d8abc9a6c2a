"""The broker whose database gets into trouble."""

from collections.abc import Callable, Iterator

import pytest

from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.bench import Bench, bench_on


@pytest.fixture
def bench(github: SandboxServer, new_database: Callable[[], str]) -> Iterator[Bench]:
    """A broker whose jobs nobody works off but the test, on a cable that the test cuts."""
    with bench_on(github, new_database(), setup.directory()) as bench:
        yield bench
