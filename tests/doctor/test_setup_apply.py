"""`zekt setup apply` checks what it newly approves, says what is wrong, and applies it all the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

from zekt_testing import setup
from zekt_testing.connection import NAME


@pytest.fixture
def apply(zekt_command: Any, tmp_path: Path) -> Callable[..., Result]:
    """`zekt setup apply` of the usual directory, with the subscription changed."""

    def run(*options: str, **subscription: Any) -> Result:
        file = tmp_path / "setup.yaml"
        file.write_text(yaml.safe_dump(setup.directory(**subscription)), encoding="utf-8")
        done: Result = zekt_command("setup", "apply", str(file), *options)
        assert done.exit_code == 0, done.stderr
        return done

    return run


def _status(zekt: Any) -> str:
    return str(zekt.sql("SELECT status FROM subscriptions")[0][0])


def test_what_is_newly_approved_is_checked_and_applied_all_the_same(zekt: Any, apply: Any) -> None:
    assert "doctor" not in apply(status="requested").stderr
    warned = apply(status="approved").stderr
    assert f"{NAME} is approved, and will not run yet; `zekt doctor {NAME}` looks again:" in warned
    assert "No workflow file on main listens for order-finished" in warned
    assert "ok  " not in warned
    assert _status(zekt) == "approved"


def test_what_was_approved_before_is_not_asked_about_again(zekt: Any, apply: Any) -> None:
    before = len(zekt.github.visits("rest"))
    assert "will not run" not in apply(status="approved").stderr
    assert len(zekt.github.visits("rest")) == before


def test_where_all_is_well_nothing_more_is_said(healthy: Any, apply: Any) -> None:
    apply(status="revoked")
    assert " ".join(apply(status="approved").stderr.split()).endswith("setup.yaml says.")
    assert _status(healthy) == "approved"


def test_no_check_asks_nothing(zekt: Any, apply: Any) -> None:
    apply(status="denied")
    before = len(zekt.github.visits("rest"))
    assert "will not run" not in apply("--no-check", status="approved").stderr
    assert len(zekt.github.visits("rest")) == before
    assert _status(zekt) == "approved"


def test_a_github_that_cannot_be_asked_is_told_and_keeps_nothing_from_being_applied(zekt: Any, apply: Any) -> None:
    apply(status="revoked")
    zekt.github.faults.add(where="rest", kind="cut", times=None)
    warned = apply(status="approved").stderr
    assert "may not run yet" in warned
    assert "GitHub did not answer" in warned
    assert _status(zekt) == "approved"


def test_without_an_app_nothing_can_be_asked(zekt: Any, apply: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(status="revoked")
    monkeypatch.delenv("ZEKT_GITHUB_APP_ID")
    monkeypatch.delenv("ZEKT_GITHUB_APP_PRIVATE_KEY")
    assert "will not run" not in apply(status="approved").stderr
    assert _status(zekt) == "approved"
