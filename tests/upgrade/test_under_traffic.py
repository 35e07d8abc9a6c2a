"""The tables change while events flow, and processes are replaced one by one: nothing is lost or done twice."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import psycopg
import pytest

from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.processes import Process, set_up, zekt_process
from zekt_testing.traffic import Traffic
from zekt_testing.waiting import WAIT

pytestmark = pytest.mark.alone

RATE = 50
"""Events a second."""


class Site:
    """One database, processes of two versions, and their traffic."""

    def __init__(self, github: SandboxServer, url: str, previous: Path, folder: Path) -> None:
        self.github, self.url, self.previous, self.folder = github, url, previous, folder
        self.traffic = Traffic(github, RATE)

    def process(self, *arguments: str, previous: bool = False) -> AbstractContextManager[Process]:
        settings = {"PYTHONPATH": str(self.previous)} if previous else {}
        return zekt_process(self.github, self.folder, *arguments, ZEKT_DATABASE_URL=self.url, **settings)

    def revision(self) -> str:
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert row is not None
        return str(row[0])

    def dispatched(self) -> Counter[str]:
        """How often each run was."""
        return Counter(d.client_payload["zekt"]["correlationId"] for d in self.github.dispatches())

    def check(self) -> None:
        """Everything that was accepted was dispatched once, and nothing was answered but yes and come again."""
        self.github.wait_for_dispatches("infra-team/platform", len(self.traffic.accepted), WAIT)
        assert self.dispatched() == dict.fromkeys(self.traffic.accepted, 1)
        assert set(self.traffic.statuses) <= {202, 503}, self.traffic.statuses


@pytest.fixture
def site(github: SandboxServer, empty_database: str, previous: Path, tmp_path: Path) -> Iterator[Site]:
    """With the tables of the previous version."""
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    github.add_repository("infra-team/platform", id=2002, installation_id=52)
    site = Site(github, empty_database, previous, tmp_path)
    wanted = setup.directory(durable=False)
    set_up(github, tmp_path, wanted, ZEKT_DATABASE_URL=empty_database, PYTHONPATH=str(previous))
    assert site.revision() == "0001"
    yield site
    site.traffic.stop()


def test_versions_are_replaced_one_by_one_while_events_flow(site: Site) -> None:
    with ExitStack() as old, ExitStack() as new:
        serving = old.enter_context(site.process("serve", "--no-worker", previous=True))
        working = old.enter_context(site.process("worker", previous=True))
        working.said("started")
        site.traffic.lead_to(serving.said("started")["url"])
        site.traffic.start()
        site.traffic.until_accepted(RATE)

        # A newer engine has more to add to its own tables, too.
        with psycopg.connect(site.url, autocommit=True) as connection:
            connection.execute("DROP INDEX pgqueuer_log_created")
        successor = new.enter_context(site.process("serve", "--no-worker"))
        url = successor.said("started")["url"]
        assert site.revision() > "0001"
        with psycopg.connect(site.url) as connection:
            assert connection.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'pgqueuer_log_created'").fetchone()
        # The previous processes go on, on the new tables.
        site.traffic.until_accepted(2 * RATE)
        site.github.wait_for_dispatches("infra-team/platform", len(site.traffic.accepted) // 2, WAIT)

        site.traffic.lead_to(url)
        site.traffic.until_accepted(RATE)
        new.enter_context(site.process("worker")).said("started")
        site.traffic.until_accepted(RATE)
        for process in (serving, working):
            process.popen.terminate()
            assert process.popen.wait(WAIT) == 0
        site.traffic.until_accepted(RATE)
        site.traffic.stop()
        site.check()


def test_a_migration_waits_for_a_long_transaction_and_holds_nobody_up(site: Site) -> None:
    with ExitStack() as processes, psycopg.connect(site.url) as reader:
        serving = processes.enter_context(site.process("serve", previous=True))
        site.traffic.lead_to(serving.said("started")["url"])
        reader.execute("SELECT count(*) FROM deliveries")
        site.traffic.start()
        migrating = processes.enter_context(site.process("migrate"))
        migrating.said("migration_waits")
        site.traffic.until_accepted(3 * RATE)
        assert site.revision() == "0001"
        assert migrating.popen.poll() is None
        # GitHub hangs up after ten seconds; without a limit to the migration's wait, all would stand behind it.
        assert site.traffic.slowest < 5
        reader.rollback()
        assert migrating.popen.wait(WAIT) == 0
        assert site.revision() > "0001"
        site.traffic.until_accepted(RATE)
        site.traffic.stop()
        site.check()


def test_the_previous_version_refuses_to_start_on_newer_tables_and_says_why(site: Site) -> None:
    with site.process("migrate") as migrating:
        assert migrating.popen.wait(WAIT) == 0
    for command in ("serve", "worker", "migrate"):
        with site.process(command, previous=True) as refused:
            assert refused.popen.wait(30) == 1
            assert "schema_newer" in refused.log.read_text()
