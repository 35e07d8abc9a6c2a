"""What tests of the app's webhooks share: a broker that hears them, and what it has written down."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from zekt_backend.github.client import GitHubApp
from zekt_backend.github.metered import Metered
from zekt_sandbox.app_stage import EVENTS
from zekt_testing.broker import SECRET, Zekt
from zekt_testing.waiting import until

CONSUMER = "infra-team/platform"
PROVIDER = "shop-team/orders"
SOON = """SELECT 1 FROM pgqueuer
    WHERE entrypoint IN ('installation', 'repository') AND execute_after < now() + interval '10 seconds'"""


@pytest.fixture
def heard(start: Callable[..., Zekt]) -> Zekt:
    """A broker with one durable subscription, told of the app by the app's own webhook."""
    zekt = start()
    zekt.github.set_app_hook(url=f"{zekt.url}/api/github/webhooks", secret=SECRET, events=EVENTS)
    return zekt


@pytest.fixture
def settled(heard: Zekt) -> Callable[[], None]:
    """Waits until all that was told has been looked into."""

    def wait() -> None:
        until(lambda: not heard.sql(SOON), lambda: "the app's news are still being looked into")

    return wait


@pytest.fixture
def asking(heard: Zekt) -> Iterator[Metered]:
    """Who asks GitHub as a broker does, beside it."""
    gh = heard.github
    app = GitHubApp(api_url=gh.url, app_id=gh.app_id, private_key=gh.app_private_key, timeout=5.0)
    yield Metered(app, reserve=0)
    app.close()


def row(zekt: Zekt, table: str, id_: int, *columns: str) -> dict[str, Any]:
    """Some columns of the row with this id."""
    found = zekt.sql(f"SELECT {', '.join(columns)} FROM {table} WHERE id = %s", id_)
    return dict(zip(columns, found[0], strict=True)) if found else {}
