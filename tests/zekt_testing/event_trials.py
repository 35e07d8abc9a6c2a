"""Several events at once, as something that may be asked again."""

from zekt_backend.broker import Broker
from zekt_backend.flows.receive_event import receive_events
from zekt_backend.ids import new_delivery_id
from zekt_testing.bench import Bench
from zekt_testing.ends import ended
from zekt_testing.trials import Trial


def events_together(bench: Bench) -> Trial:
    """In one transaction."""
    runs = [bench.zekt.start_run() for _ in range(3)]
    bench.zekt.send(runs[1], messageId="m")
    ends = [ended(run) for run in runs]

    async def receive(broker: Broker) -> None:
        await receive_events(ends, db=broker.db, clock=broker.clock, new_id=new_delivery_id, timings=broker.timings)

    return Trial(
        lambda: bench.job(receive),
        lambda: bench.zekt.sql(
            """SELECT e.run_id, (SELECT count(*) FROM decisions c WHERE c.event_guid = e.guid), count(*),
                      count(d.event_id) FROM events e JOIN deliveries d ON d.event_guid = e.guid
               WHERE e.run_id = ANY(%s) GROUP BY e.guid ORDER BY e.run_id""",
            [run.id for run in runs],
        ),
        [(runs[0].id, 1, 1, 0), (runs[1].id, 1, 1, 1), (runs[2].id, 1, 1, 0)],
    )
