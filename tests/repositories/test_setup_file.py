"""A setup file that places webhooks, as enabling does."""

from pathlib import Path
from typing import Any

from repositories.conftest import ORDERS, PLATFORM

FILE = """
accounts:
  - login: shop-team
    repositories: [{name: orders, provider: %s}]
  - login: infra-team
    repositories: [{name: platform, completion-tracking: true}]
"""


def apply(desk: Any, tmp_path: Path, *options: str, provider: str = "true") -> Any:
    file = tmp_path / "setup.yaml"
    file.write_text(FILE % provider)
    return desk.command("setup", "apply", str(file), *options)


def test_webhooks_are_placed_and_taken_away_when_asked_for(desk: Any, tmp_path: Path) -> None:
    assert apply(desk, tmp_path).exit_code == 0
    assert desk.hooks(ORDERS) == desk.hooks(PLATFORM) == []
    for _ in range(2):
        assert apply(desk, tmp_path, "--webhooks").exit_code == 0
        for name in (ORDERS, PLATFORM):
            (hook,) = desk.hooks(name)
            assert desk.ask("GET", f"/{hook.repository.id}").json()["hookId"] == hook.id
    assert apply(desk, tmp_path, "--webhooks", provider="false").exit_code == 0
    assert (desk.hooks(ORDERS), len(desk.hooks(PLATFORM))) == ([], 1)


def test_what_github_refuses_is_told_and_the_others_go_on(desk: Any, tmp_path: Path) -> None:
    desk.zekt.github.set_installation(ORDERS, permissions={"contents": "write", "actions": "read", "metadata": "read"})
    applied = apply(desk, tmp_path, "--webhooks")
    assert applied.exit_code == 1
    assert f"warning: {ORDERS}: " in applied.stderr
    assert "Webhooks" in applied.stderr
    assert (desk.hooks(ORDERS), len(desk.hooks(PLATFORM))) == ([], 1)


def test_completion_tracking_that_is_left_out_stays_as_it_was(desk: Any, tmp_path: Path) -> None:
    desk.add(PLATFORM)
    desk.put(PLATFORM, "completion-tracking")
    file = tmp_path / "setup.yaml"
    for written, tracking in (("", True), (", completion-tracking: false", False)):
        file.write_text(f"accounts: [{{login: infra-team, repositories: [{{name: platform{written}}}]}}]")
        assert desk.command("setup", "apply", str(file)).exit_code == 0
        assert desk.ask("GET", "/2002").json()["completionTracking"] is tracking
