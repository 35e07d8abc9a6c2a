"""Folders as repositories: which are, what of them is copied, and what is read, without act or Docker."""

import os
import shutil
from pathlib import Path

import pytest

from zekt_sandbox.local import folders
from zekt_sandbox.local.errors import LocalError
from zekt_sandbox.local.stage import RunFolder
from zekt_sandbox.local.tools import Tools
from zekt_sandbox.server import SandboxServer
from zekt_testing.rooms import write

ORDER = "on: push\njobs: {}\n"


def test_repositories_are_folders_two_deep_that_have_a_github_folder(tmp_path: Path) -> None:
    write(tmp_path, "shop-team/orders", {"order.yml": ORDER})
    (tmp_path / "shop-team/notes").mkdir()
    write(tmp_path, ".zekt/hidden", {"x.yml": ORDER})
    write(tmp_path / "elsewhere", "a/b", {"x.yml": ORDER})
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere/a")
    assert [each.full_name for each in folders.find(tmp_path)] == ["shop-team/orders"]


@pytest.mark.parametrize("name", ["", "missing"])
def test_where_there_is_none_it_is_said_how_to_make_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(LocalError, match=r"\.github/workflows"):
        folders.find(tmp_path / name)


def test_workflow_files_are_read_anew_and_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    home = write(tmp_path, "shop-team/orders", {"order.yml": ORDER, "notes.txt": "no workflow"})
    (tmp_path / "secret.yml").write_text("on: push")
    (home / ".github/workflows/out.yml").symlink_to(tmp_path / "secret.yml")
    (home / ".github/workflows/again.yaml").symlink_to("order.yml")
    (folder,) = folders.find(tmp_path)
    assert folder.workflows() == {".github/workflows/again.yaml": ORDER, ".github/workflows/order.yml": ORDER}
    (home / ".github/workflows/order.yml").write_text("on: pull_request")
    assert folder.workflows()[".github/workflows/order.yml"] == "on: pull_request"


def test_a_copy_has_what_a_push_would_bring(tmp_path: Path) -> None:
    home = write(tmp_path, "shop-team/orders", {"order.yml": ORDER})
    (tmp_path / "key.pem").write_text("secret")
    (home / "key.pem").symlink_to(tmp_path / "key.pem")
    (home / "same.yml").symlink_to(".github/workflows/order.yml")
    (home / "run.sh").write_text("#!/bin/sh\n")
    (home / "run.sh").chmod(0o755)
    for name in (".git", ".GIT", ".zekt"):
        (home / name).mkdir()
        (home / name / "config").write_text("x")
    (folder,) = folders.find(tmp_path)
    assert folder.copy_to(tmp_path / "copy") == ["key.pem"]
    copied = sorted(str(each.relative_to(tmp_path / "copy")) for each in (tmp_path / "copy").rglob("*"))
    assert copied == [".github", ".github/workflows", ".github/workflows/order.yml", "run.sh", "same.yml"]
    assert (tmp_path / "copy/run.sh").stat().st_mode & 0o111
    assert (tmp_path / "copy/same.yml").read_text() == ORDER


def test_git_starts_no_program_that_a_configuration_names(tmp_path: Path) -> None:
    write(tmp_path, "shop-team/orders", {"order.yml": ORDER})
    (folder,) = folders.find(tmp_path)
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    configured = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(program)}
    tools = Tools("", "", shutil.which("git") or "", {"PATH": os.environ["PATH"], **configured})
    assert RunFolder(tmp_path / "run", folder).fill("main", tools)
    assert not (tmp_path / "started").exists()


def test_a_folder_that_is_too_large_is_refused_before_it_is_copied_whole(tmp_path: Path) -> None:
    home = write(tmp_path, "shop-team/orders", {"order.yml": ORDER})
    with (home / "data.bin").open("wb") as file:
        file.truncate(folders.MAX_TOTAL_BYTES)  # sparse: it takes no room
    (folder,) = folders.find(tmp_path)
    with pytest.raises(LocalError, match="200 MB"):
        folder.copy_to(tmp_path / "copy")
    assert not (tmp_path / "copy/data.bin").exists()


def test_the_doctor_reads_the_folders_files_through_the_contents_api(tmp_path: Path) -> None:
    write(tmp_path, "shop-team/orders", {"order.yml": ORDER})
    (folder,) = folders.find(tmp_path)
    with SandboxServer() as github:
        orders = github.add_repository("shop-team/orders")
        github.world.workflows.read_from(orders, folder.workflows)
        assert github.world.workflows.files(orders) == {".github/workflows/order.yml": ORDER}
        assert github.world.workflows.files(orders, "another-branch") == {}
