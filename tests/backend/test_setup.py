"""`zekt setup apply`: a file says who is who, and errors name the line."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from zekt_backend.cli import app, setup_file
from zekt_backend.errors import ZektError

GOOD = """\
accounts:
  - login: shop-team
    repositories:
      - name: orders
        id: 1001
        installation-id: 51
        workflows:
          - path: .github/workflows/order.yml
            service: {slug: infrastructure-orders, event-type: order-finished}
  - login: infra-team
    repositories:
      - {name: platform, completion-tracking: true}
subscriptions:
  - service: infrastructure-orders
    consumer: infra-team/platform
    status: approved
    durable: true
    confirm-timeout: 60
"""


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "setup.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("login: infra-team", "login: infra team"), 10, "accounts.1.login"),
        (("event-type: order-finished", "event-type: ''"), 9, "service.event-type"),
        (("durable: true", "durabel: true"), 17, "durabel"),
        (("status: approved", "status: aproved"), 16, "subscriptions.0.status"),
        (("confirm-timeout: 60", "confirm-timeout: -1"), 18, "subscriptions.0.confirm-timeout"),
        (("durable: true", "branches: ['!main']"), 17, "subscriptions.0.branches.0"),
        (("durable: true", "event-types: []"), 17, "subscriptions.0.event-types"),
        (("id: 1001", "id: 0"), 5, "repositories.0.id"),
        (("path: .github/workflows/order.yml", "path: order.txt"), 8, "path"),
        (("login: shop-team", "login: 'x\n\t"), 2, ""),
        (("durable: true", "status: denied"), 17, "stands twice"),
        (("subscriptions:", "subscription:"), 13, "subscription"),
    ],
)
def test_an_error_names_its_line(tmp_path: Path, change: tuple[str, str], line: int, says: str) -> None:
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(ZektError) as caught:
        setup_file.read(path)
    assert caught.value.code == "setup_invalid"
    assert caught.value.detail.startswith(f"{path}:{line}")
    assert says in caught.value.detail


@pytest.mark.parametrize(
    "text", [b"\xff", b"a: [" * 2000, b"- 1", b"x" * 1_048_577, b"a: !!python/object:os.system {}"]
)
def test_what_is_no_setup_file_is_refused_in_one_sentence(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ZektError) as caught:
        setup_file.read(write(tmp_path, text))
    assert caught.value.code == "setup_invalid"


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ZektError, match=r"nowhere\.yaml cannot be read"):
        setup_file.read(tmp_path / "nowhere.yaml")


@pytest.fixture
def environment(start: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command's environment, on an own database; the sandbox is GitHub."""
    zekt = start(wanted={"accounts": []})
    for name, value in zekt.github.broker_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    return zekt


def test_applying_twice_changes_nothing_the_second_time(environment: Any, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    tables = ("accounts", "repositories", "workflows", "services", "subscriptions")

    def state() -> list[Any]:
        return [environment.sql(f"SELECT * FROM {table} ORDER BY 1") for table in tables]

    first = CliRunner().invoke(app, ["setup", "apply", str(path)], catch_exceptions=False)
    assert first.exit_code == 0
    after_first = state()
    assert [len(rows) for rows in after_first] == [2, 2, 1, 1, 1]
    CliRunner().invoke(app, ["setup", "apply", str(path)], catch_exceptions=False)
    assert state() == after_first


def test_ids_that_are_left_out_are_asked_of_github(environment: Any, tmp_path: Path) -> None:
    CliRunner().invoke(app, ["setup", "apply", str(write(tmp_path, GOOD))], catch_exceptions=False)
    rows = environment.sql("SELECT id, installation_id FROM repositories WHERE full_name = 'infra-team/platform'")
    assert rows == [(2002, 52)]


def test_an_id_that_is_not_githubs_own_is_refused(environment: Any, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("{name: platform,", "{name: platform, id: 7,"))
    with pytest.raises(ZektError, match="has the id 7 here and 2002 at GitHub"):
        CliRunner().invoke(app, ["setup", "apply", str(path)], catch_exceptions=False)
    assert environment.sql("SELECT count(*) FROM accounts") == [(0,)]


def test_a_login_that_another_owner_has_taken_is_refused(environment: Any, tmp_path: Path) -> None:
    environment.sql("INSERT INTO accounts (login, github_id) VALUES ('infra-team', 42)")
    with pytest.raises(ZektError, match=r"infra-team has the id [0-9]+ at GitHub, and here 42") as caught:
        CliRunner().invoke(app, ["setup", "apply", str(write(tmp_path, GOOD))], catch_exceptions=False)
    assert caught.value.code == "setup_invalid"
    assert environment.sql("SELECT count(*) FROM repositories") == [(0,)]


def test_an_owner_is_learned_and_followed_to_another_login(environment: Any, tmp_path: Path) -> None:
    path = str(write(tmp_path, GOOD))
    CliRunner().invoke(app, ["setup", "apply", path], catch_exceptions=False)
    owner = environment.github.world.repositories.get("infra-team/platform").owner_id
    learned = environment.sql("SELECT id, login FROM accounts WHERE github_id = %s", owner)
    assert [login for _, login in learned] == ["infra-team"]
    environment.sql("UPDATE accounts SET login = 'had-before' WHERE github_id = %s", owner)
    CliRunner().invoke(app, ["setup", "apply", path], catch_exceptions=False)
    assert environment.sql("SELECT id, login FROM accounts WHERE github_id = %s", owner) == learned


def test_what_was_taken_out_and_is_found_again_is_there_again(environment: Any, tmp_path: Path) -> None:
    """Of the other one the file has both ids: GitHub is not asked, and nothing is found."""
    path = str(write(tmp_path, GOOD))
    CliRunner().invoke(app, ["setup", "apply", path], catch_exceptions=False)
    environment.sql("UPDATE repositories SET removed_at = now(), removed_why = 'deselected'")
    CliRunner().invoke(app, ["setup", "apply", path], catch_exceptions=False)
    rows = environment.sql("SELECT full_name, removed_at IS NULL, removed_why FROM repositories ORDER BY 1")
    assert rows == [("infra-team/platform", True, None), ("shop-team/orders", False, "deselected")]


def test_a_repository_github_does_not_know_stops_it_and_nothing_is_written(environment: Any, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("name: platform", "name: nowhere"))
    with pytest.raises(ZektError) as caught:
        CliRunner().invoke(app, ["setup", "apply", str(path)], catch_exceptions=False)
    assert "infra-team/nowhere" in caught.value.detail
    assert environment.sql("SELECT count(*) FROM accounts") == [(0,)]


@pytest.mark.parametrize(
    "change",
    [("service: infrastructure-orders\n", "service: nothing\n"), ("consumer: infra-team/platform", "consumer: a/b")],
)
def test_a_subscription_to_nothing_stops_it(environment: Any, tmp_path: Path, change: tuple[str, str]) -> None:
    with pytest.raises(ZektError) as caught:
        CliRunner().invoke(app, ["setup", "apply", str(write(tmp_path, GOOD.replace(*change)))], catch_exceptions=False)
    assert caught.value.code == "setup_invalid"
    assert environment.sql("SELECT count(*) FROM accounts") == [(0,)]


def test_a_new_repository_under_an_old_name_takes_the_name_and_not_the_rights(environment: Any, tmp_path: Path) -> None:
    CliRunner().invoke(app, ["setup", "apply", str(write(tmp_path, GOOD))], catch_exceptions=False)
    moved = "accounts:\n  - login: shop-team\n    repositories: [{name: orders, id: 7007, installation-id: 51}]\n"
    CliRunner().invoke(app, ["setup", "apply", str(write(tmp_path, moved))], catch_exceptions=False)
    rows = environment.sql("SELECT id, full_name, enabled FROM repositories WHERE id IN (1001, 7007) ORDER BY id")
    assert rows == [(1001, "shop-team/orders#1001", False), (7007, "shop-team/orders", True)]
