"""A broker at the end of a cable, and the ways of asking it whether it is in trouble."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import requests

from zekt_backend.broker import Broker
from zekt_backend.store.database import is_trouble
from zekt_backend.worker import deliverer
from zekt_sandbox.server import SandboxServer
from zekt_testing import setup
from zekt_testing.broker import SECRET, Running, Zekt, settings_for
from zekt_testing.cable import Cable, cable_to


@dataclass
class Bench:
    """What a trial needs: the users' view, the cable to cut, and the broker's own loop."""

    zekt: Zekt
    cable: Cable
    running: Running

    def job(self, work: Callable[[Broker], Any]) -> bool:
        """Run what a job runs. False: the database failed it, and the engine would wake it again."""
        try:
            self.running.do(work)
        except psycopg.Error as error:
            if is_trouble(error):
                return False
            raise
        return True

    def deliver(self, delivery_id: str) -> bool:
        return self.job(lambda broker: try_once(broker, delivery_id))

    def new_delivery(self) -> str:
        """A pending one, with its message."""
        run = self.zekt.start_run()
        assert self.zekt.send(run, messageId=f"m-{run.id}").status_code == 202
        (answer,) = self.zekt.github.finish_run(run)
        assert answer.status_code == 202
        return str(self.zekt.sql("SELECT id FROM deliveries ORDER BY seq DESC LIMIT 1")[0][0])

    def new_dispatch(self) -> tuple[Any, str]:
        """(the consumer's run, the delivery id) of one that GitHub has accepted."""
        delivery_id = self.new_delivery()
        assert self.deliver(delivery_id)
        return self.zekt.github.start_run_for(self.zekt.github.dispatches()[-1]), delivery_id


@contextmanager
def bench_on(github: SandboxServer, url: str, wanted: dict[str, Any], **changes: Any) -> Iterator[Bench]:
    """A broker on the database of `url`, with `wanted` set up, whose jobs nobody works off but the test.

    `changes` are settings.
    """
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    github.add_repository("infra-team/platform", id=2002, installation_id=52)
    setup.apply(url, wanted)
    settings = settings_for(github, **changes)
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


async def try_once(broker: Broker, delivery_id: str) -> Any:
    return await deliverer(broker).deliver(delivery_id, 1)


def answered(answer: requests.Response) -> bool:
    """True: served. False: refused as the documents say, so that the same may be sent again."""
    if answer.status_code == 503:
        assert answer.json()["code"] == "database_unavailable"
        assert int(answer.headers["retry-after"]) > 0
        return False
    assert answer.status_code in (200, 202), answer.text
    return True
