"""What every test shares: where the checkout is, and when a skip is no longer allowed."""

import os
import signal
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# Every folder's own; a fixture of the same name in a nearer conftest.py is taken instead.
from zekt_testing.docker import base_image, default_base_image, docker, runner_image
from zekt_testing.fixtures import directory, empty_database, github, new_database, postgres, start, template, zekt
from zekt_testing.proxy import proxy
from zekt_testing.tcp import listening

__all__ = [
    "base_image",
    "default_base_image",
    "directory",
    "docker",
    "empty_database",
    "github",
    "listening",
    "new_database",
    "postgres",
    "proxy",
    "runner_image",
    "start",
    "template",
    "zekt",
]

# How long an example takes is the machine's business. Where nothing may be skipped the examples are the same each time,
# too: what is red there is red for what was changed.
settings.register_profile(
    "zekt",
    settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=settings().derandomize or os.environ.get("ZEKT_TEST_REQUIRE") == "all",
)
settings.load_profile("zekt")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout these tests stand in."""
    return Path(__file__).resolve().parents[1]


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Where `ZEKT_TEST_REQUIRE=all` says that this machine has everything, a skip hides a broken machine."""
    if os.environ.get("ZEKT_TEST_REQUIRE") != "all" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"ZEKT_TEST_REQUIRE=all forbids this skip: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _forbid_skip(report)
    return report


def pytest_sessionstart() -> None:
    """Who ends the tests ends what they started, too: a PostgreSQL outlives a pytest that only dies."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, what takes long is begun first, so that nobody waits for it alone in the end.

    That is what says so itself, and then the files with the most databases to make: a broker starts on nearly each.
    """
    if hasattr(config, "workerinput"):
        made = Counter(item.path for item in items if "new_database" in getattr(item, "fixturenames", ()))
        items.sort(key=lambda item: (item.get_closest_marker("long") is None, -made[item.path]))


class _ByFile(LoadFileScheduling):  # type: ignore[misc]
    """A file stays in one process; so do the files that look at the same million of deliveries, made once for all."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "many" if file.startswith("tests/many/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByFile:
    return _ByFile(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--model-examples",
        type=int,
        help="how many lives tests/model tries, at random; left out: a small number, the same each time",
    )
