"""The table of what things cost."""

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("costs.toml").read_text("utf-8"))
