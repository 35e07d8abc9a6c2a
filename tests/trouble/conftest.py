"""The broker whose database gets into trouble."""

from collections.abc import Callable, Iterator

import pytest

from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.bench import Bench
from zekt_testing.broker import SECRET, Running, Zekt, settings_for
from zekt_testing.cable import cable_to


@pytest.fixture
def bench(github: SandboxServer, new_database: Callable[[], str]) -> Iterator[Bench]:
    """A broker whose jobs nobody works off but the test, on a cable that the test cuts."""
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    github.add_repository("infra-team/platform", id=2002, installation_id=52)
    url = new_database()
    setup.apply(url, setup.directory())
    settings = settings_for(github)
    with cable_to(url) as cable:
        running = Running(settings, cable.url, work=False)
        try:
            assert running.broker is not None
            zekt = Zekt(running.broker.settings.base_url, url, github, settings, lambda: None)
            for repository in ("shop-team/orders", "infra-team/platform"):
                github.add_hook(repository, url=f"{zekt.url}/api/github/webhooks", secret=SECRET)
            yield Bench(zekt, cable, running)
        finally:
            running.stop()
