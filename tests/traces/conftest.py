"""What tests of traces share."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from traces.chain import RIVAL, Chain, directory
from zekt_testing import described
from zekt_testing.broker import ADMIN_TOKEN, SECRET, Zekt


@pytest.fixture
def chain(start: Callable[..., Zekt], github: Any, request: pytest.FixtureRequest) -> Chain:
    """Indirect parameters are `directory`'s."""
    github.add_repository(RIVAL, id=3003, installation_id=53)
    zekt = start(wanted=directory(**getattr(request, "param", {})))
    github.add_hook(RIVAL, url=f"{zekt.url}/api/github/webhooks", secret=SECRET)
    return Chain(zekt)


@pytest.fixture
def ask(chain: Chain) -> Callable[..., Any]:
    """`ask(run)` as the operator, `ask(run, "shop-team")` as that account."""
    tokens: dict[str | None, str] = {None: ADMIN_TOKEN}

    def asked(run: Any, account: str | None = None) -> requests.Response:
        if account not in tokens:
            wanted = {"account": account, "name": "t", "scope": "read"}
            tokens[account] = chain.zekt.post("/api/tokens", ADMIN_TOKEN, wanted).json()["token"]
        headers = {"Authorization": f"Bearer {tokens[account]}"}
        url = f"{chain.zekt.url}/api/traces/{getattr(run, 'id', run)}"
        return requests.get(url, headers=headers, timeout=10, hooks={"response": described.check})

    return asked
