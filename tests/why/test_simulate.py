"""`zekt policy simulate FILE`: who would have got more, who less, and nothing is changed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg import sql
from typer.testing import CliRunner, Result

from zekt_backend.cli import app
from zekt_backend.errors import ZektError

Start = Callable[..., Any]
MINE = "infrastructure-orders@infra-team/platform"


@pytest.fixture
def simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    def run(zekt: Any, wanted: dict[str, Any], *options: str) -> Result:
        monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
        path = tmp_path / "changed.yaml"
        path.write_text(yaml.safe_dump(wanted), "utf-8")
        return CliRunner().invoke(app, ["policy", "simulate", str(path), *options], catch_exceptions=False)

    return run


def contents(zekt: Any) -> dict[str, list[Any]]:
    """Every row of every table of ours."""
    names = zekt.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'pgqueuer%%'")
    rows = sql.SQL("SELECT t::text FROM {} t ORDER BY 1")
    return {name: zekt.sql(rows.format(sql.Identifier(name)).as_string()) for (name,) in names}


def test_a_filter_takes_away_and_gives_and_the_tables_stay(start: Start, directory: Any, simulate: Any) -> None:
    zekt = start(work=False, branches=["main"])
    for branch in ("main", "main", "dev"):
        run = zekt.start_run(ref=f"refs/heads/{branch}")
        zekt.send(run, eventType="draft", messageId=f"{run.id}")
        zekt.github.finish_run(run)
    before = contents(zekt)
    told = json.loads(simulate(zekt, directory(branches=["dev"]), "--json").stdout)
    assert contents(zekt) == before
    (change,) = told["connections"]
    assert (told["events"], told["blockedBefore"], told["blockedAfter"]) == (3, 1, 2)
    assert (change["connection"], change["before"], change["after"]) == (MINE, 2, 1)
    assert (change["gained"], change["lost"]) == (1, 2)
    (gain,) = [example for example in change["examples"] if example["gained"]]
    assert gain["why"] == "The run was of the branch dev; wanted: main."
    shown = simulate(zekt, directory(branches=["dev"])).stdout
    assert "would not get run" in shown
    assert "Nothing was changed." in shown


def test_a_whitelist_a_new_consumer_and_a_revoked_one_show(start: Start, directory: Any, simulate: Any) -> None:
    zekt = start(work=False)
    zekt.github.finish_run(zekt.start_run())
    closed = directory()
    closed["accounts"][0]["repositories"][0]["workflows"][0]["whitelisted"] = False
    (change,) = json.loads(simulate(zekt, closed, "--json").stdout)["connections"]
    assert (change["lost"], change["examples"][0]["why"]) == (1, ".github/workflows/order.yml is not whitelisted.")
    swapped = directory(status="revoked")
    swapped["accounts"][1]["repositories"].append({"name": "new", "id": 2003, "installation-id": 52})
    swapped["subscriptions"].append(
        {"service": "infrastructure-orders", "consumer": "infra-team/new", "status": "approved"}
    )
    new, old = json.loads(simulate(zekt, swapped, "--json").stdout)["connections"]
    assert (new["connection"], new["gained"], new["examples"][0]["why"]) == (
        "infrastructure-orders@infra-team/new",
        1,
        "There is no such subscription to this workflow.",
    )
    assert (old["lost"], old["examples"][0]["why"]) == (1, "The subscription of infra-team/platform is revoked.")


def test_the_same_file_changes_nobodys_deliveries_and_only_the_last_are_tried(
    start: Start, directory: Any, simulate: Any
) -> None:
    zekt = start(work=False)
    for _ in range(3):
        zekt.github.finish_run(zekt.start_run())
    assert "Nobody would have got more or less." in simulate(zekt, directory()).stdout
    told = json.loads(simulate(zekt, directory(status="denied"), "--json", "--last", "2").stdout)
    assert (told["events"], told["connections"][0]["lost"]) == (2, 2)


def test_known_repositories_need_no_id_and_unknown_ones_do(start: Start, directory: Any, simulate: Any) -> None:
    zekt = start(work=False)
    zekt.github.finish_run(zekt.start_run())
    wanted = directory(status="denied")
    for account in wanted["accounts"]:
        for repository in account["repositories"]:
            del repository["id"], repository["installation-id"]
    assert json.loads(simulate(zekt, wanted, "--json").stdout)["connections"][0]["lost"] == 1
    wanted["accounts"][1]["repositories"].append({"name": "unheard-of"})
    with pytest.raises(ZektError, match="infra-team/unheard-of is not known here"):
        simulate(zekt, wanted)
