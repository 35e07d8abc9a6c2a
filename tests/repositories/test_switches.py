"""What a repository is enabled as, said by a setup file, and what that means for the next event."""

from collections.abc import Callable
from typing import Any

import pytest

from zekt_testing import setup
from zekt_testing.broker import Zekt

FLAGS = "SELECT id, provider, consumer FROM repositories ORDER BY id"


def test_a_file_enables_who_has_workflows_as_provider_and_who_subscribes_as_consumer(zekt: Zekt) -> None:
    assert zekt.sql(FLAGS) == [(1001, True, False), (2002, False, True)]
    versions = zekt.sql("SELECT version FROM repositories ORDER BY id")
    setup.apply(zekt.database_url, setup.directory())
    assert zekt.sql("SELECT version FROM repositories ORDER BY id") == versions


@pytest.mark.parametrize(
    ("number", "role", "rule", "says"),
    [
        (0, "provider", "repository", "shop-team/orders is not enabled as a provider."),
        (1, "consumer", "reachable", "infra-team/platform is not enabled as a consumer."),
    ],
)
def test_a_side_that_is_not_enabled_is_blocked_with_that_reason(
    start: Callable[..., Zekt], *, number: int, role: str, rule: str, says: str
) -> None:
    wanted: dict[str, Any] = setup.directory()
    wanted["accounts"][number]["repositories"][0][role] = False
    zekt = start(wanted=wanted)
    run = zekt.start_run()
    assert zekt.send(run).json()["consumersNotified"] == 0
    zekt.github.finish_run(run)
    assert zekt.sql("SELECT outcome FROM decisions") == [("blocked",)]
    ((reasons,),) = zekt.sql("SELECT reasons FROM decisions")
    told = [*reasons["provider"], *reasons["consumers"][0]["rules"]]
    assert {each["name"]: each["detail"] for each in told if not each["passed"]} == {rule: says}
    wanted["accounts"][number]["repositories"][0][role] = True
    setup.apply(zekt.database_url, wanted)
    zekt.github.finish_run(zekt.start_run())
    assert len(zekt.dispatched()) == 1


def test_what_the_file_leaves_out_stays_as_it_was_made_elsewhere(zekt: Zekt) -> None:
    """A file that names no workflow and no subscription of it says nothing of what it is enabled as."""
    zekt.sql("UPDATE repositories SET provider = true WHERE id = 2002")
    wanted = setup.directory()
    wanted["subscriptions"][0]["status"] = "revoked"
    zekt.sql("UPDATE repositories SET consumer = false WHERE id = 2002")
    setup.apply(zekt.database_url, wanted)
    assert zekt.sql(FLAGS) == [(1001, True, False), (2002, True, False)]
