"""What `zekt deliveries` and `zekt doctor` show."""

import json
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner, Result

from zekt_backend.cli import app
from zekt_backend.errors import ZektError


@pytest.fixture
def zekt_command(zekt: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `zekt ARGUMENTS` on the test's database."""
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_no_deliveries_says_so(zekt_command: Callable[..., Result]) -> None:
    assert zekt_command("deliveries").stdout.strip() == "No deliveries."


def test_the_listing_shows_ids_that_can_be_copied(zekt: Any, zekt_command: Callable[..., Result]) -> None:
    zekt.github.finish_run(zekt.start_run())
    zekt.dispatched()
    (delivery,) = zekt.deliveries()
    shown = zekt_command("deliveries")
    assert delivery["deliveryId"] in shown.stdout
    assert "shop-team/orders" in shown.stdout
    one = zekt_command("deliveries", delivery["deliveryId"])
    assert "created" in one.stdout
    assert "accepted" in one.stdout
    assert json.loads(zekt_command("deliveries", "--json").stdout)[0]["deliveryId"] == delivery["deliveryId"]
    assert json.loads(zekt_command("deliveries", delivery["deliveryId"], "--json").stdout)["history"]
    assert json.loads(zekt_command("deliveries", "--status", "failed", "--json").stdout) == []


def test_a_strangers_event_type_cannot_steer_the_terminal(zekt: Any, zekt_command: Callable[..., Result]) -> None:
    run = zekt.start_run()
    zekt.send(run, eventType="[red]order[/red]")
    zekt.github.finish_run(run)
    zekt.dispatched()
    zekt.sql("UPDATE deliveries SET event_type = %s", "\x1b[2J[red]order")
    shown = zekt_command("deliveries").stdout
    assert "\x1b[2J" not in shown
    assert "[red]order" in shown


def test_a_status_that_does_not_exist_is_refused(zekt_command: Callable[..., Result]) -> None:
    refused = zekt_command("deliveries", "--status", "bogus")
    assert refused.exit_code == 2
    assert "bogus" in refused.stderr


def test_a_delivery_that_is_not_there_says_where_to_look(zekt_command: Callable[..., Result]) -> None:
    with pytest.raises(ZektError, match="`zekt deliveries` lists them"):
        zekt_command("deliveries", "delivery-none")


def test_the_version_is_told(zekt_command: Callable[..., Result]) -> None:
    assert zekt_command("--version").stdout.startswith("zekt ")


def test_migrate_says_which_database_it_was_and_never_the_password(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database()
    known = conninfo_to_dict(url)
    monkeypatch.setenv("ZEKT_DATABASE_URL", make_conninfo(url, password="hunter2"))
    told = CliRunner().invoke(app, ["migrate"], catch_exceptions=False).stderr
    assert told.splitlines()[-1] == f"Up to date: the database {known['dbname']} at {known['host']}."
    assert "hunter2" not in told


def test_migrate_says_that_it_has_made_a_database_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZEKT_DATABASE_URL", raising=False)
    with tempfile.TemporaryDirectory(prefix="zekt-") as folder:
        monkeypatch.setenv("ZEKT_DATA_DIR", folder)
        told = CliRunner().invoke(app, ["migrate"], catch_exceptions=False).stderr
    said = f"Up to date: the embedded database in {folder}, since ZEKT_DATABASE_URL is not set."
    assert told.splitlines()[-1] == said


def test_the_doctor_finds_nothing_where_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="zekt-") as folder:
        monkeypatch.setenv("ZEKT_DATA_DIR", folder)
        assert "No PostgreSQL was left over" in CliRunner().invoke(app, ["doctor"], catch_exceptions=False).stderr
