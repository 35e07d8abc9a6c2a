"""What tests of traces share."""

from collections.abc import Callable
from typing import Any

import pytest

from traces.chain import RIVAL, Chain, directory
from zekt_testing.broker import SECRET, Zekt


@pytest.fixture
def chain(start: Callable[..., Zekt], github: Any, request: pytest.FixtureRequest) -> Chain:
    """Indirect parameters are `directory`'s."""
    github.add_repository(RIVAL, id=3003, installation_id=53)
    zekt = start(wanted=directory(**getattr(request, "param", {})))
    github.add_hook(RIVAL, url=f"{zekt.url}/api/github/webhooks", secret=SECRET)
    return Chain(zekt)
