"""The embedded PostgreSQL, with real processes: started, shared, killed, found again, stopped."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has no types
import psycopg
import pytest

from zekt_backend.errors import ZektError
from zekt_backend.store import embedded
from zekt_backend.store.embedded import Embedded

Hold = Callable[[Path], Any]


def start(data_dir: Path) -> Embedded:
    return Embedded.start(data_dir, as_root_allowed=True)


def answer(url: str, question: str = "SELECT 42") -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def kill_server(pid: int) -> None:
    server = psutil.Process(pid)
    server.send_signal(signal.SIGKILL)
    psutil.wait_procs([server], timeout=10)


def test_it_starts_answers_and_stops_and_keeps_its_data(data_dir: Path) -> None:
    first = start(data_dir)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'here' AS word")
    first.stop()
    assert is_gone(first.pid)
    second = start(data_dir)
    assert answer(second.url, "SELECT word FROM kept") == "here"
    second.stop()
    second.stop()
    assert is_gone(second.pid)


def test_nobody_else_can_reach_it(short_dir: Path, data_dir: Path) -> None:
    for folder in (short_dir, data_dir):
        held = start(folder)
        sockets = Path(answer(held.url, "SHOW unix_socket_directories"))
        assert answer(held.url, "SHOW listen_addresses") == ""
        assert sockets.stat().st_mode & 0o077 == 0
        assert (sockets / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
        held.stop()


def test_a_short_path_keeps_the_socket_with_the_data(short_dir: Path) -> None:
    held = start(short_dir)
    assert answer(held.url, "SHOW unix_socket_directories") == str(short_dir / "postgres")
    held.stop()


def test_no_secret_of_ours_is_in_its_environment(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEKT_WEBHOOK_SECRET", "hush")
    monkeypatch.setenv("PGPORT", "1")
    held = start(short_dir)
    environment = psutil.Process(held.pid).environ()
    assert "ZEKT_WEBHOOK_SECRET" not in environment
    assert answer(held.url) == 42
    held.stop()


def test_a_second_process_attaches_and_whoever_leaves_last_stops_it(data_dir: Path, hold: Hold) -> None:
    ours = start(data_dir)
    other = hold(data_dir)
    assert other.ready() == (ours.pid, ours.url)
    ours.stop()
    assert answer(ours.url) == 42, "a living sibling is not cut off"
    other.close()
    assert is_gone(ours.pid)


def test_two_holds_of_one_process_count_as_two(short_dir: Path) -> None:
    first, second = start(short_dir), start(short_dir)
    first.stop()
    assert answer(second.url) == 42
    second.stop()
    assert is_gone(second.pid)


def test_processes_that_start_at_once_end_with_one_server(data_dir: Path, hold: Hold) -> None:
    holders = [hold(data_dir) for _ in range(4)]
    assert len({holder.ready() for holder in holders}) == 1


def test_after_kill_9_the_next_process_attaches_to_what_was_left(data_dir: Path, hold: Hold) -> None:
    killed = hold(data_dir)
    pid, _ = killed.ready()
    killed.kill()
    assert "still runs" in (embedded.leftover(data_dir) or "")
    again = start(data_dir)
    assert again.pid == pid
    assert embedded.leftover(data_dir) is None, "it is in use again"
    again.stop()
    assert is_gone(pid), "a dead process does not keep it alive"
    assert embedded.leftover(data_dir) is None


def test_a_leftover_can_be_stopped_and_one_in_use_cannot(data_dir: Path, hold: Hold) -> None:
    killed = hold(data_dir)
    pid, url = killed.ready()
    with pytest.raises(ZektError, match="stop that process"):
        embedded.stop_leftover(data_dir)
    assert answer(url) == 42
    killed.kill()
    embedded.stop_leftover(data_dir)
    assert is_gone(pid)
    embedded.stop_leftover(data_dir)


def test_a_folder_that_never_had_a_server_has_no_leftover(tmp_path: Path) -> None:
    assert embedded.leftover(tmp_path / "none") is None
    embedded.stop_leftover(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_killed_server_is_revived_under_the_same_url(data_dir: Path) -> None:
    held = start(data_dir)
    url, pid = held.url, held.pid
    kill_server(pid)
    held.revive()
    assert held.pid != pid
    assert held.url == url
    assert answer(url) == 42
    held.revive()
    held.stop()


def test_a_killed_server_with_living_backends_is_not_run_beside_them(short_dir: Path) -> None:
    held = start(short_dir)
    with psycopg.connect(held.url) as connection:
        connection.execute("SELECT 1")
        kill_server(held.pid)
        held.revive()
        assert answer(held.url) == 42
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    held.stop()


@pytest.mark.parametrize("lines", [0, 1, 5, 7, 8])
def test_a_stale_postmaster_file_is_no_obstacle_however_much_was_written(
    short_dir: Path, cluster: Path, lines: int
) -> None:
    """The process id in it is this test's own: alive, and no PostgreSQL."""
    whole = [str(os.getpid()), str(cluster), "1", "5432", str(cluster), "", "1 1", "ready"]
    (cluster / "postmaster.pid").write_text("".join(f"{line}\n" for line in whole[:lines]))
    (cluster / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    held = start(short_dir)
    assert answer(held.url) == 42
    held.stop()


def test_a_postmaster_file_of_nonsense_is_no_obstacle(short_dir: Path, cluster: Path) -> None:
    (cluster / "postmaster.pid").write_text("not a number\n")
    held = start(short_dir)
    assert answer(held.url) == 42
    held.stop()


def test_a_half_made_data_folder_is_made_again(short_dir: Path) -> None:
    short_dir.mkdir()
    half = short_dir / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    held = start(short_dir)
    assert answer(held.url) == 42
    assert not half.exists()
    held.stop()


@pytest.mark.parametrize("version", ["16", "19", "", "x"])
def test_data_of_another_postgresql_is_refused_and_left_alone(tmp_path: Path, version: str) -> None:
    cluster = tmp_path / "postgres"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text(f"{version}\n")
    with pytest.raises(ZektError, match=r"PostgreSQL 18.*ZEKT_DATABASE_URL") as caught:
        start(tmp_path)
    assert caught.value.code == "embedded_refused"
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_is_itself_a_cluster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("16\n")
    with pytest.raises(ZektError, match="ZEKT_DATA_DIR"):
        start(tmp_path)


def test_a_start_that_fails_shows_the_log_and_holds_nothing(short_dir: Path, cluster: Path) -> None:
    good = (cluster / "postgresql.conf").read_text()
    (cluster / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ZektError, match=r"no_such_setting.*ZEKT_DATABASE_URL") as caught:
        start(short_dir)
    assert caught.value.code == "embedded_refused"
    (cluster / "postgresql.conf").write_text(good)
    held = start(short_dir)
    held.stop()
    assert is_gone(held.pid), "the failed start does not count as a user"


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ZektError, match="ZEKT_DATABASE_URL"):
        start(tmp_path / "file")


def test_a_socket_folder_that_somebody_else_made_is_refused(data_dir: Path, tmp_path: Path) -> None:
    """In /tmp anybody could have been first; so it must be ours, and private."""
    held = start(data_dir)
    sockets = Path(answer(held.url, "SHOW unix_socket_directories"))
    held.stop()
    assert not sockets.exists(), "nothing is left in /tmp"
    sockets.symlink_to(tmp_path)
    with pytest.raises(ZektError, match="private folder"):
        start(data_dir)
    sockets.unlink()


def test_a_dead_socket_is_no_server(short_dir: Path, cluster: Path) -> None:
    """A whole postmaster.pid and a socket file, but nobody behind it."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(cluster / ".s.PGSQL.5432"))
    (cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster}\n1\n5432\n{cluster}\n\n1 1\nready\n")
    held = start(short_dir)
    assert answer(held.url) == 42
    held.stop()
