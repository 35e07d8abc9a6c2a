import asyncio
from collections.abc import Callable, Iterator

import pytest

from model.directory import REPOSITORIES
from model.machine import Machine
from model.stage import Clock, Stage
from zekt_backend.broker import Broker
from zekt_sandbox.server import SandboxServer
from zekt_testing.broker import settings_for


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def new_machine(
    runner: asyncio.Runner, github: SandboxServer, new_database: Callable[[], str]
) -> Iterator[Callable[[], Machine]]:
    """Makes the world anew, on one database and one sandbox for all."""
    for name, (number, installation) in REPOSITORIES.items():
        github.add_repository(name, id=number, installation_id=installation)
    clock = Clock()
    broker = Broker.build(settings_for(github), new_database(), clock=clock)
    runner.run(broker.open())
    stage = Stage(broker, clock, github)
    runner.run(stage.warm())
    yield lambda: Machine(stage, runner)
    runner.run(broker.close())
