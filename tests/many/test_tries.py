"""A try finds its deliveries by their ids, however many wait, and whatever PostgreSQL believes of them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from many.conftest import NOW, Explain, Plan
from many.test_listings import nodes
from zekt_backend.rules.pace import Pace
from zekt_backend.rules.records import Answer
from zekt_backend.store import tries

pytestmark = pytest.mark.long

WAITING = 5_000
_MANY_WAIT = f"""
INSERT INTO deliveries (id, subscription_id, provider_id, provider, consumer_id, consumer, installation_id,
        correlation_id, event_guid, event_type, envelope, late, durable, confirm_timeout, complete_timeout,
        max_dispatches, status, created_at, due_at)
    SELECT 'p' || seq, subscription_id, provider_id, d.provider, consumer_id, r.full_name, 1,
        correlation_id, event_guid, event_type, envelope, late, durable, confirm_timeout, complete_timeout,
        max_dispatches, 'pending', d.created_at, '{NOW:%Y-%m-%d}'
    FROM deliveries d JOIN repositories r ON r.id = d.consumer_id WHERE seq <= {WAITING};
"""
_AT_ANY_PACE = Pace(timedelta(minutes=1), timedelta(0))
_ANSWER = Answer(
    accepted=True,
    permanent=False,
    ambiguous=False,
    limited=False,
    http_status=204,
    request_id=None,
    category="accepted",
    text="",
    advice="",
)

Work = Callable[[Any], Awaitable[int]]


async def _claimed(tx: Any) -> int:
    few = [f"p{n}" for n in range(100, 116)]
    return len(await tries.candidates(tx, few, now=NOW, early=timedelta(0), pace=_AT_ANY_PACE))


async def _accepted(tx: Any) -> int:
    few = [tries.Heard(f"p{n}", 0, 1, "", _ANSWER, "") for n in range(100, 116)]
    # Explained first, and thus done already: what is done again finds none.
    return len(await tries.accept(tx, few, NOW, _AT_ANY_PACE))


@pytest.mark.parametrize(("work", "found"), [(_claimed, 16), (_accepted, 0)])
def test_a_try_reads_no_delivery_that_is_not_its_own(explain: Explain[int], work: Work, found: int) -> None:
    """Nothing waited when the statistics were taken, and thousands do now: the index of those only looks short."""

    async def crowded(tx: Any) -> int:
        async with tx.transaction(force_rollback=True):
            await psycopg.AsyncConnection.execute(tx, _MANY_WAIT)
            return await work(tx)

    counted, plans = explain(crowded)
    assert counted == found
    assert {index for plan in plans for index in _indexes_of_deliveries(plan)} == {"deliveries_pkey"}


def _indexes_of_deliveries(plan: Plan) -> list[str]:
    return [str(n["Index Name"]) for n in nodes(plan) if str(n.get("Index Name", "")).startswith("deliveries_")]
