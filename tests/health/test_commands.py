"""`zekt connections`, and what `zekt doctor` has beside its checks: the API's own figures."""

import json
import shlex
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import typer
from typer.testing import Result

from health import rows
from health.conftest import Still
from zekt_backend.cli import app
from zekt_backend.errors import ZektError

NAME = "infrastructure-orders@infra-team/platform"
HOUR = timedelta(hours=1)
Command = Callable[..., Result]


def without_times(found: Any) -> Any:
    """The command looks a moment later than the API."""
    if isinstance(found, dict):
        return {name: without_times(value) for name, value in found.items() if name != "since"}
    return found


@pytest.fixture
def ill(still: Still) -> Still:
    now, url = still.clock.now() - HOUR, still.database_url
    rows.add(url, "completed", now, count=8, attempt=2)
    rows.add(url, "failed", now, count=2, advice="Add [bold]a workflow[/bold].")
    rows.add(url, "dispatched", now, due_at=still.clock.now() + HOUR)
    return still


def test_the_list_has_what_the_api_has(ill: Still, zekt_command: Command) -> None:
    told = json.loads(zekt_command("connections", "list", "--json").stdout)
    assert told == ill.get("/api/connections")["connections"]
    table = zekt_command("connections", "list").stdout
    assert all(word in table for word in (NAME, "shop-team/orders", "critical", "8 of 10", "80.00 %"))
    assert json.loads(zekt_command("connections", "list", "--state", "healthy", "--json").stdout) == []
    assert len(json.loads(zekt_command("connections", "list", "--state", "critical", "--json").stdout)) == 1
    rival = zekt_command("connections", "list", "--account", "rival-team", "--json")
    assert json.loads(rival.stdout) == []


@pytest.mark.parametrize("name", ["1", NAME, NAME.upper().replace("INFRASTRUCTURE-ORDERS", "infrastructure-orders")])
def test_show_has_what_the_diagnostics_have(ill: Still, zekt_command: Command, name: str) -> None:
    told = json.loads(zekt_command("connections", "show", name, "--json").stdout)
    assert without_times(told) == without_times(ill.diagnostics())


@pytest.mark.usefixtures("ill")
def test_show_tells_figures_reasons_and_what_to_do(zekt_command: Command) -> None:
    shown = zekt_command("connections", "show", "1").stdout
    figures = "8 of 10 deliveries succeeded (80.00 %), 2 failed, 1 underway, 8 retries."
    assert f"{NAME}\ncritical 24 hours: {figures}" in shown
    assert "2 failed in the last 30 days. No run confirmed in time: 2." in shown
    assert "Add [bold]a workflow[/bold]." in shown
    assert f"zekt doctor {NAME}" in shown


def test_without_a_delivery_it_says_so(zekt_command: Command) -> None:
    assert "healthy  There was no delivery yet." in zekt_command("connections", "show", NAME).stdout


CHANGES = (
    "SELECT 1",
    "UPDATE subscriptions SET status = 'requested'",
    "UPDATE subscriptions SET status = 'revoked'",
    "UPDATE services SET retired_at = now()",
    "UPDATE workflows SET whitelisted = false",
    "UPDATE repositories SET provider = false, consumer = false",
    "UPDATE deliveries SET created_at = created_at - interval '8 days'",
    "UPDATE deliveries SET due_at = now() WHERE due_at IS NOT NULL",
    "UPDATE installations SET suspended_at = now()",
)


@pytest.mark.parametrize("change", CHANGES)
def test_every_command_that_is_recommended_is_one_that_there_is(ill: Still, change: str) -> None:
    for category in ("auth", "timeout", "overdue", "uninstalled", "revoked"):
        rows.add(ill.database_url, "failed", ill.clock.now(), failure=category, count=2)
    with psycopg.connect(ill.database_url, autocommit=True) as connection:
        connection.execute(change.encode())
    lines = {line for remedy in ill.diagnostics()["recommendations"] for line in remedy["fix"]["commands"]}
    assert len(lines) > 5
    for line in lines:
        parse(line)


def parse(line: str) -> None:
    """As the command would; runs nothing.

    Raises:
        click.UsageError: it does not fit.
    """
    command: Any = typer.main.get_command(app)
    first, *words = shlex.split(line)
    assert first == "zekt"
    while hasattr(command, "commands"):
        _, command, words = command.resolve_command(typer.Context(command), words)
    command.make_context(line, words)


@pytest.mark.parametrize("name", ["0", "9", "99999999999999999999999999", "orders@nobody/here", "x", ""])
def test_what_is_not_there_is_said_to_be_so(zekt_command: Command, name: str) -> None:
    with pytest.raises(ZektError, match="not_found: There is no connection"):
        zekt_command("connections", "show", name)
