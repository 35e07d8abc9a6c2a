"""Two tenants who trade with each other, one who does not, one who is switched off, and a stranger."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from psycopg import sql

from zekt_sandbox.runs import Run
from zekt_testing import setup
from zekt_testing.broker import ADMIN_TOKEN, Zekt

ENGINE = "pgqueuer"
"""Tables of the job engine, which writes by itself."""


@dataclass
class Town:
    """A broker that has delivered shop-team's message to infra-team, and everybody who might be curious."""

    zekt: Zekt
    provider: Run
    consumer: Run
    rival: Run
    """Of a repository that is known here, and has nothing to do with the delivery."""
    retired: Run
    """Of a repository that is switched off."""
    stranger: Run
    """Of a repository that nobody knows here."""
    delivery_id: str
    correlation_id: str
    api_tokens: dict[str, str] = field(default_factory=dict)
    """rival_token manages rival-team; reader reads what is infra-team's."""
    token_id: int = 0
    """The reader's."""

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table of ours."""
        names = self.zekt.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        ours = [name for (name,) in names if not name.startswith(ENGINE)]
        query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1")
        return {name: self.zekt.sql(query.format(sql.Identifier(name)).as_string()) for name in ours}

    def secrets(self) -> set[str]:
        """What nobody but the two may learn."""
        return {"shop-team", "infra-team", "infrastructure-orders", "Orders", "webServer", str(self.provider.sha)}


def with_others(wanted: dict[str, Any]) -> dict[str, Any]:
    """The directory with a tenant who takes no part, and one who is switched off."""
    wanted["accounts"][0]["persona"] = "both"
    wanted["accounts"] += [
        {"login": "rival-team", "repositories": [{"name": "tools", "id": 3003, "installation-id": 53}]},
        {
            "login": "old-team",
            "repositories": [{"name": "retired", "id": 4004, "installation-id": 54, "enabled": False}],
        },
    ]
    return wanted


@pytest.fixture
def town(start: Callable[..., Zekt]) -> Town:
    zekt = start(wanted=with_others(setup.directory()))
    for name, number in (("rival-team/tools", 3003), ("old-team/retired", 4004), ("evil/corp", 6666)):
        zekt.github.add_repository(name, id=number)
    provider = zekt.start_run()
    zekt.send(provider)
    zekt.github.finish_run(provider)
    (dispatch,) = zekt.dispatched()
    delivery_id = dispatch.client_payload["zekt"]["deliveryId"]
    zekt.until(delivery_id, "dispatched")
    zekt.sql(
        """WITH ended AS (INSERT INTO replays (actor, account_id, per_minute, total, refused, created_at, ended_at)
                         SELECT 'operator', id, 1, 1, 1, now(), now() FROM accounts WHERE login = 'infra-team'
                         RETURNING id)
           INSERT INTO replay_items (replay_id, position, delivery_id, done_at, code, detail)
           SELECT id, 1, 'delivery-1', now(), 'not_found', 'There is no such delivery.' FROM ended"""
    )
    town = Town(
        zekt,
        provider=provider,
        consumer=zekt.github.start_run_for(dispatch),
        rival=zekt.github.start_run("rival-team/tools"),
        retired=zekt.github.start_run("old-team/retired"),
        stranger=zekt.github.start_run("evil/corp"),
        delivery_id=delivery_id,
        correlation_id=str(provider.id),
    )
    give_tokens(town)
    return town


def give_tokens(town: Town) -> None:
    """Each is used once, since the first use in a minute is written down."""
    for name, account, scope in (("rival_token", "rival-team", "manage"), ("reader", "infra-team", "read")):
        wanted = {"account": account, "name": name, "scope": scope}
        made = town.zekt.post("/api/tokens", ADMIN_TOKEN, wanted).json()
        town.api_tokens[name], town.token_id = made["token"], made["id"]
        headers = {"Authorization": f"Bearer {made['token']}"}
        assert requests.get(f"{town.zekt.url}/api/deliveries", headers=headers, timeout=10).ok
