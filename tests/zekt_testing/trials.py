"""Every flow once, as something that may be asked again, and what it is to have changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from zekt_backend.flows import apply_setup as applying
from zekt_backend.flows.close_days import close_days
from zekt_backend.flows.settle import settle
from zekt_backend.flows.sweep import sweep
from zekt_backend.flows.tidy import tidy
from zekt_backend.rules.setup import SetupFile
from zekt_testing import setup
from zekt_testing.bench import Bench, answered
from zekt_testing.broker import ADMIN_TOKEN


@dataclass(frozen=True)
class Trial:
    """Something that is asked of the broker, and may be asked again."""

    ask: Callable[[], bool]
    """True: done. False: refused, to be sent again."""
    effect: Callable[[], Any]
    """What it has changed, as a value that is the same however often it was asked."""
    expected: Any


def early_message(bench: Bench) -> Trial:
    run = bench.zekt.start_run()
    return Trial(
        lambda: answered(bench.zekt.send(run, messageId="m")),
        lambda: bench.zekt.sql("SELECT late FROM messages WHERE run_id = %s", run.id),
        [(False,)],
    )


def late_message(bench: Bench) -> Trial:
    run = bench.zekt.start_run()
    bench.zekt.github.finish_run(run)
    return Trial(
        lambda: answered(bench.zekt.send(run, messageId="m")),
        lambda: bench.zekt.sql(
            """SELECT m.late, d.late, c.outcome FROM messages m JOIN deliveries d USING (event_id)
               JOIN decisions c USING (event_id) WHERE run_id = %s""",
            run.id,
        ),
        [(True, True, "delivered")],
    )


def _webhook(bench: Bench, run: Any, conclusion: str = "success") -> Callable[[], bool]:
    """GitHub sends it; a person redelivers what was refused."""
    sent: list[Any] = []

    def ask() -> bool:
        github = bench.zekt.github
        answer = github.redeliver(sent[0]) if sent else github.finish_run(run, conclusion)[0]
        sent.append(answer)
        assert answer.status_code in (202, 503)
        return answer.status_code == 202

    return ask


def event(bench: Bench) -> Trial:
    run = bench.zekt.start_run()
    for number in range(2):
        bench.zekt.send(run, messageId=f"m-{number}")
    return Trial(
        _webhook(bench, run),
        lambda: bench.zekt.sql(
            """SELECT count(DISTINCT e.guid), count(DISTINCT c.id), count(d.id), count(DISTINCT d.event_id)
               FROM events e JOIN decisions c ON c.event_guid = e.guid JOIN deliveries d ON d.event_guid = e.guid
               WHERE run_id = %s""",
            run.id,
        ),
        [(1, 1, 2, 2)],
    )


def _lines(bench: Bench, delivery_id: str) -> Callable[[], Any]:
    return lambda: [
        fact for (fact,) in bench.zekt.sql("SELECT fact FROM history WHERE delivery_id = %s ORDER BY id", delivery_id)
    ]


def _ids(bench: Bench, delivery_id: str) -> dict[str, str]:
    ((correlation_id,),) = bench.zekt.sql("SELECT correlation_id FROM deliveries WHERE id = %s", delivery_id)
    return {"correlationId": correlation_id, "deliveryId": delivery_id}


def confirm(bench: Bench) -> Trial:
    run, delivery_id = bench.new_dispatch()
    body = _ids(bench, delivery_id)
    return Trial(
        lambda: answered(bench.zekt.confirm(run, **body)),
        lambda: _lines(bench, delivery_id)()[:3],
        ["created", "accepted", "confirmed"],
    )


def complete(bench: Bench) -> Trial:
    run, delivery_id = bench.new_dispatch()
    body = _ids(bench, delivery_id)
    bench.zekt.confirm(run, **body)
    return Trial(
        lambda: answered(bench.zekt.complete(run, **body, result={"id": 7})),
        lambda: (
            _lines(bench, delivery_id)()[:4],
            bench.zekt.sql("SELECT status, result FROM deliveries WHERE id = %s", delivery_id),
        ),
        (["created", "accepted", "confirmed", "completed"], [("completed", '{"id": 7}')]),
    )


def end_by_webhook(bench: Bench) -> Trial:
    run, delivery_id = bench.new_dispatch()
    bench.zekt.confirm(run, **_ids(bench, delivery_id))
    return Trial(
        _webhook(bench, run, "cancelled"),
        _lines(bench, delivery_id),
        ["created", "accepted", "confirmed", "run_failed"],
    )


def payload(bench: Bench) -> Trial:
    run, delivery_id = bench.new_dispatch()
    got: list[bytes] = []

    def ask() -> bool:
        url = f"{bench.zekt.url}/api/event-delivery/{delivery_id}/payload"
        answer = requests.get(url, headers={"Authorization": f"Bearer {run.token()}"}, timeout=30)
        got.append(answer.content)
        return answered(answer)

    return Trial(ask, lambda: got[-1], b'{"resourceType": "webServer"}')


def listing(bench: Bench) -> Trial:
    delivery_id = bench.new_delivery()
    got: list[Any] = []

    def ask() -> bool:
        url, bearer = f"{bench.zekt.url}/api/deliveries/{delivery_id}", {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        answer = requests.get(url, headers=bearer, timeout=30)
        got.append(answer.json().get("deliveryId"))
        return answered(answer)

    return Trial(ask, lambda: got[-1], delivery_id)


def replaying(bench: Bench) -> Trial:
    """Each request is a replay of its own, so that the one that was cut must not be asked for again."""
    delivery_id = bench.new_delivery()
    asked: list[bool] = []

    def ask() -> bool:
        url, bearer = f"{bench.zekt.url}/api/replay/{delivery_id}", {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        asked.append(answered(requests.post(url, headers=bearer, timeout=30)))
        return asked[-1]

    return Trial(
        ask,
        lambda: bench.zekt.sql("SELECT count(*) FROM deliveries WHERE replay_of = %s", delivery_id)[0][0] - len(asked),
        0,
    )


def delivering(bench: Bench) -> Trial:
    delivery_id = bench.new_delivery()
    before = len(bench.zekt.github.dispatches())
    return Trial(
        lambda: bench.deliver(delivery_id),
        lambda: (
            len(bench.zekt.github.dispatches()) - before,
            _lines(bench, delivery_id)(),
            bench.zekt.sql("SELECT status, dispatches, tries FROM deliveries WHERE id = %s", delivery_id),
        ),
        (1, ["created", "accepted"], [("dispatched", 1, 0)]),
    )


def postponing(bench: Bench) -> Trial:
    delivery_id = bench.new_delivery()
    bench.zekt.github.faults.add(where="dispatch", kind="status", status=502, times=1)
    return Trial(
        lambda: bench.deliver(delivery_id),
        lambda: (
            _lines(bench, delivery_id)(),
            # An attempt that was lost on our side uses up none of the tries.
            bench.zekt.sql("SELECT status, dispatches, tries FROM deliveries WHERE id = %s", delivery_id),
        ),
        (["created", "postponed"], [("pending", 0, 1)]),
    )


def settling(bench: Bench) -> Trial:
    run, delivery_id = bench.new_dispatch()
    bench.zekt.confirm(run, **_ids(bench, delivery_id))
    bench.zekt.github.world.runs.finish(run, "success")
    return Trial(
        lambda: bench.job(lambda broker: settle(delivery_id, db=broker.work_db, clock=broker.clock, ask=broker.ask)),
        _lines(bench, delivery_id),
        ["created", "accepted", "confirmed", "completed"],
    )


def sweeping(bench: Bench) -> Trial:
    _, unheard = bench.new_dispatch()
    run, silent = bench.new_dispatch()
    bench.zekt.confirm(run, **_ids(bench, silent))
    _, forgotten = bench.new_dispatch()
    bench.zekt.sql("UPDATE deliveries SET status = 'pending' WHERE id = %s", forgotten)
    bench.zekt.sql("UPDATE history SET to_status = 'pending' WHERE delivery_id = %s AND fact = 'accepted'", forgotten)
    overdue = [unheard, silent, forgotten]
    bench.zekt.sql("DELETE FROM pgqueuer")
    bench.zekt.sql("UPDATE deliveries SET due_at = now() - interval '1 minute' WHERE id = ANY(%s)", overdue)

    def jobs() -> list[Any]:
        return bench.zekt.sql(
            "SELECT entrypoint, count(*) FROM pgqueuer WHERE convert_from(payload, 'UTF8') = ANY(%s) GROUP BY 1",
            overdue,
        )

    return Trial(
        lambda: bench.job(lambda broker: sweep(db=broker.work_db, clock=broker.clock)),
        lambda: (sorted(jobs()), _lines(bench, unheard)()),
        ([("deliver", 2), ("settle", 1)], ["created", "accepted", "unheard"]),
    )


def tidying(bench: Bench) -> Trial:
    bench.zekt.sql(
        """INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint)
           SELECT now() - interval '2 days', 1, 'successful', 0, 'deliver' FROM generate_series(1, 10)"""
    )
    return Trial(
        lambda: bench.job(lambda broker: tidy(db=broker.work_db, clock=broker.clock)),
        lambda: bench.zekt.sql("SELECT count(*) FROM pgqueuer_log WHERE created < now() - interval '1 day'"),
        [(0,)],
    )


def closing_days(bench: Bench) -> Trial:
    """And counting what of the open one is old enough: here, its first moment."""
    for moment in ("now() - interval '3 days'", "date_trunc('day', now() - interval '1 hour', 'UTC')"):
        run = bench.zekt.start_run()
        bench.zekt.github.finish_run(run)
        bench.zekt.sql(f"UPDATE events SET received_at = {moment} WHERE run_id = %s", run.id)
    counted = "SELECT count(*), sum(events)::int FROM {} WHERE events > 0"
    return Trial(
        lambda: bench.job(lambda broker: close_days(db=broker.work_db, clock=broker.clock)),
        lambda: [bench.zekt.sql(counted.format(table)) for table in ("usage_days", "usage_open")],
        [[(1, 1)], [(1, 1)]],
    )


def setting_up(bench: Bench) -> Trial:
    wanted = SetupFile.model_validate(setup.directory(durable=False))
    bench.zekt.sql("UPDATE subscriptions SET durable = true, status = 'denied'")
    bench.zekt.sql("UPDATE repositories SET enabled = false")

    def no_need(full_name: str) -> applying.Identity:
        raise AssertionError(f"{full_name} has its ids")

    return Trial(
        lambda: bench.job(
            lambda broker: applying.apply_setup(
                wanted, actor="operator", now=broker.clock.now(), db=broker.db, identify=no_need
            )
        ),
        lambda: bench.zekt.sql("SELECT s.durable, s.status, r.enabled FROM subscriptions s, repositories r"),
        [(False, "approved", True)] * 2,
    )


ALL = (
    early_message,
    late_message,
    event,
    confirm,
    complete,
    end_by_webhook,
    payload,
    listing,
    replaying,
    delivering,
    postponing,
    settling,
    sweeping,
    tidying,
    closing_days,
    setting_up,
)
