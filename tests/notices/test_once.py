"""Once a day and connection, however much fails at once; and nobody waits for somebody else's receiver."""

from collections.abc import Callable
from typing import Any

import pytest

from zekt_testing.broker import Zekt


@pytest.fixture
def zekt(start: Callable[..., Zekt]) -> Zekt:
    """As many threads as there are unless told otherwise."""
    return start(durable=False, settings={"worker_threads": 16})


def test_however_many_fail_one_webhook_is_sent_and_the_rest_are_counted(
    zekt: Zekt, choose: Any, receiver: Any, fail: Any, notices: Any
) -> None:
    zekt.also_work()
    choose("infra-team", url=receiver.url)
    fail(6)
    zekt.until_sql("SELECT 1 FROM notices WHERE times = 6 AND status = 'sent'")
    assert [(notice["times"], notice["tries"]) for notice in notices()] == [(6, 1)]
    assert len(receiver.letters) == 1


def test_a_slow_receiver_holds_up_neither_others_nor_a_dispatch(
    zekt: Zekt, choose: Any, receivers: Any, fail: Any
) -> None:
    slow, quick = receivers(), receivers()
    slow.open.clear()
    choose("infra-team", url=slow.url)
    fail()
    slow.wait()
    choose("shop-team", url=quick.url)
    fail()
    quick.wait()
    run = zekt.start_run()
    zekt.send(run, messageId="one that arrives")
    zekt.github.finish_run(run)
    zekt.dispatched()
    assert [letter.path for letter in slow.letters] == ["/hooks/zekt?key=of-theirs"]
    under_way = (
        "SELECT tries, status FROM notices n JOIN accounts a ON a.id = n.account_id WHERE a.login = 'infra-team'"
    )
    assert zekt.sql(under_way) == [(0, "pending")]
