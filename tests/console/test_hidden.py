"""Of a provider who hides, no page of its consumer tells who it is."""

from zekt_testing.broker import ORDER, Zekt
from zekt_testing.browser import Visitor
from zekt_testing.deliveries import dispatched


def test_no_page_of_the_consumer_names_a_provider_who_hides(zekt: Zekt, alice: Visitor) -> None:
    zekt.sql("UPDATE services SET hide_provider = true")
    _, delivery = dispatched(zekt)
    _, failed = dispatched(zekt)
    zekt.sql(
        "UPDATE deliveries SET status = 'failed', failure = 'not_found', completed_at = now() WHERE id = %s", failed
    )
    ((number,),) = zekt.sql("SELECT id FROM subscriptions")
    run = zekt.delivery(delivery)["correlationId"]
    for path in (
        "/",
        "/consumer/deliveries",
        f"/deliveries/{delivery}",
        f"/deliveries/{delivery}/replay",
        "/connections?side=consumer",
        f"/connections/{number}",
        f"/connections/{number}/replay",
        "/health",
        "/brokering",
        f"/traces/{run}",
    ):
        answer = alice.page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        told = alice.page.content()
        assert not [name for name in ("shop-team", "order.yml", ORDER) if name in told], path
        assert "infra-team/platform" in told, path
