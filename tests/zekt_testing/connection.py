"""What the tests of the doctor share: the one connection, and a delivery of it that nobody confirmed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from zekt_testing.deliveries import dispatched

NAME = "infrastructure-orders@infra-team/platform"
PROVIDER, CONSUMER = "shop-team/orders", "infra-team/platform"
RECEIVE = ".github/workflows/receive.yml"
LISTENS = "on:\n  repository_dispatch:\n    types: [order-finished, infrastructure-order]\njobs: {}\n"


def _sent_long_ago(zekt: Any, delivery_id: str, minutes: int = 30) -> None:
    for table, column, key in (("deliveries", "dispatched_at", "id"), ("attempts", "finished_at", "delivery_id")):
        earlier = f"UPDATE {table} SET {column} = {column} - make_interval(mins => %s) WHERE {key} = %s"
        zekt.sql(earlier, minutes, delivery_id)


def unconfirmed(zekt: Any, *, started: bool) -> str:
    """A delivery whose dispatch GitHub accepted half an hour ago; with or without a run."""
    run, delivery_id = dispatched(zekt)
    if started:
        run.created_at = datetime.now(UTC) - timedelta(minutes=30)
        zekt.github.finish_run(run, "failure")
    else:
        zekt.github.world.runs.delete(run.id)
    _sent_long_ago(zekt, delivery_id)
    return str(delivery_id)
