"""What asking costs the database, whoever asks."""

import requests

from zekt_testing.bench import Bench
from zekt_testing.broker import ADMIN_TOKEN
from zekt_testing.cable import Cut

NEVER = 1_000_000


def test_a_token_costs_one_read_known_or_not_and_its_use_is_written_once_in_a_while(bench: Bench) -> None:
    def statements(token: str) -> int:
        bench.cable.arm(NEVER, Cut.BEFORE)
        requests.get(f"{bench.zekt.url}/api/accounts", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        bench.cable.disarm()
        return bench.cable.statements

    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    wanted = {"account": "infra-team", "name": "ci"}
    known = requests.post(f"{bench.zekt.url}/api/tokens", json=wanted, headers=admin, timeout=30).json()["token"]
    listing = statements(ADMIN_TOKEN)
    assert statements("zekt_" + "x" * 43) == 1
    assert statements(known) > listing + 1, "its first use is written down"
    assert statements(known) == listing + 1
