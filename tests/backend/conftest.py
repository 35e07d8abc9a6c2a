"""What tests of single flows share."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from zekt_backend.broker import Broker
from zekt_testing.broker import settings_for


@pytest.fixture
async def broker(zekt: Any) -> AsyncIterator[Broker]:
    """Its flows, in the test's own process, on the database of `zekt`."""
    made = Broker.build(settings_for(zekt.github), zekt.database_url)
    await made.open()
    yield made
    await made.close()
