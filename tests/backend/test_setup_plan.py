"""`zekt setup apply` says what it changes, and before that, if asked, what it would."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from zekt_backend.cli import app, main
from zekt_backend.errors import ZektError

TABLES = ("accounts", "repositories", "workflows", "services", "subscriptions", "installations", "audit")
Plan = Callable[..., dict[str, Any]]


@pytest.fixture
def environment(start: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty directory of the command's own; the sandbox is GitHub."""
    zekt = start(wanted={"accounts": []}, work=False)
    for name, value in {**zekt.github.broker_environment(), "ZEKT_DATABASE_URL": zekt.database_url}.items():
        monkeypatch.setenv(name, value)
    return zekt


@pytest.fixture
def run(environment: Any, tmp_path: Path) -> Callable[..., Any]:
    """`zekt setup apply` of this directory."""
    assert environment

    def invoke(wanted: dict[str, Any], *options: str) -> Any:
        file = tmp_path / "setup.yaml"
        file.write_text(yaml.safe_dump(wanted), encoding="utf-8")
        return CliRunner().invoke(app, ["setup", "apply", str(file), "--no-check", *options], catch_exceptions=False)

    return invoke


@pytest.fixture
def plan(run: Callable[..., Any]) -> Plan:
    return lambda wanted, *options: json.loads(run(wanted, "--json", *options).stdout)


def state(zekt: Any) -> list[Any]:
    return [zekt.sql(f"SELECT t, xmin FROM {table} t ORDER BY 1::text") for table in TABLES]


def changed(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["noun"], change["name"]) for change in found["changes"]]


ALL = [
    ("account", "infra-team"),
    ("account", "shop-team"),
    ("repository", "infra-team/platform"),
    ("repository", "shop-team/orders"),
    ("service", "infrastructure-orders"),
    ("subscription", "infrastructure-orders@infra-team/platform"),
    ("workflow", "shop-team/orders/.github/workflows/order.yml"),
]


def test_a_dry_run_shows_every_new_row_and_writes_none(environment: Any, plan: Plan, directory: Any) -> None:
    before = state(environment)
    found = plan(directory(), "--dry-run")
    assert state(environment) == before
    assert sorted(changed(found)) == ALL
    assert {change["before"] for change in found["changes"]} == {None}
    assert (found["dryRun"], found["approved"]) == (True, ["infrastructure-orders@infra-team/platform"])


def test_what_is_done_is_what_was_planned(plan: Plan, directory: Any) -> None:
    planned, done = plan(directory(), "--dry-run"), plan(directory())
    assert changed(planned) == changed(done)
    for one, other in zip(planned["changes"], done["changes"], strict=True):
        assert {key for key in one["after"] if one["after"][key] != other["after"][key]} <= KEYS
    assert plan(directory())["changes"] == []


KEYS = {"id", "accountId", "workflowId", "serviceId", "repositoryId", "createdAt", "whitelistedAt", "installedAt"}
"""What the database gives to a row that is made, each time anew."""


def test_of_a_row_that_changes_only_what_differs_is_shown(environment: Any, plan: Plan, directory: Any) -> None:
    plan(directory())
    before = state(environment)
    found = plan(directory(status="revoked", branches=["main"]), "--dry-run")
    assert state(environment) == before
    assert found["changes"] == [
        {
            "noun": "subscription",
            "name": "infrastructure-orders@infra-team/platform",
            "before": {"status": "approved", "branches": None},
            "after": {"status": "revoked", "branches": ["main"]},
        }
    ]
    assert plan(directory(status="revoked", branches=["main"]))["changes"] == found["changes"]


def test_people_read_a_table_or_that_there_is_nothing_to_change(run: Any, directory: Any) -> None:
    first = run(directory(), "--dry-run")
    assert "Nothing was written." in first.stderr
    assert "│ + │ subscription │ infrastructure-orders@infra-team/platform" in first.stdout
    assert 'status: "approved"' in first.stdout
    assert "installation-id" not in first.stdout
    assert "│ + │" in run(directory()).stdout
    assert run(directory(), "--dry-run").stdout == "Nothing to change.\n"
    assert run(directory()).stdout == "Nothing to change.\n"
    assert 'status: "approved" → "denied"' in run(directory(status="denied"), "--dry-run").stdout


def test_a_dry_run_asks_github_where_ids_are_missing_and_is_refused_alike(
    environment: Any, plan: Plan, run: Any, directory: Any
) -> None:
    wanted = directory()
    del wanted["accounts"][1]["repositories"][0]["id"]
    (after,) = [change["after"] for change in plan(wanted, "--dry-run")["changes"] if change["name"] == ALL[2][1]]
    assert after["id"] == 2002
    wanted["accounts"][1]["repositories"][0]["name"] = "nowhere"
    with pytest.raises(ZektError, match="infra-team/nowhere"):
        run(wanted, "--dry-run")
    assert environment.sql("SELECT count(*) FROM accounts") == [(0,)]


def test_a_dry_run_makes_no_tables(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "setup.yaml"
    file.write_text("accounts: []\n")
    monkeypatch.setenv("ZEKT_DATABASE_URL", empty_database)
    monkeypatch.setattr("sys.argv", ["zekt", "setup", "apply", str(file), "--dry-run"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "schema_missing" in capsys.readouterr().err
