"""A delivery that fails, and the notice that is made of it, as a trial: the end and the notice come together."""

from zekt_testing.bench import Bench
from zekt_testing.trials import Trial


def noticing(bench: Bench) -> Trial:
    bench.zekt.sql(
        """INSERT INTO notice_settings (account_id, url)
           SELECT id, 'https://hooks.example/' FROM accounts WHERE login = 'infra-team' ON CONFLICT DO NOTHING"""
    )
    bench.zekt.sql("DELETE FROM notices")
    delivery_id = bench.new_delivery()
    bench.zekt.github.faults.add(where="dispatch", kind="status", status=404, times=None)

    def ask() -> bool:
        return bench.deliver(delivery_id) and bench.job(lambda broker: broker.notifier.gather())

    return Trial(
        ask,
        lambda: (
            bench.zekt.sql("SELECT status FROM deliveries WHERE id = %s", delivery_id),
            bench.zekt.sql("SELECT times, status FROM notices"),
            bench.zekt.sql("SELECT count(*) FROM failures"),
        ),
        ([("failed",)], [(1, "pending")], [(0,)]),
    )
