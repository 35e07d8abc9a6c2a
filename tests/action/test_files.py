"""A path of the host is translated where it is one for sure; nothing else ever becomes another file."""

from pathlib import Path

import pytest

from zekt_action import files
from zekt_action.errors import ActionError
from zekt_action.inputs import Job


@pytest.fixture
def here(tmp_path: Path) -> Job:
    for folder in ("workspace", "temp"):
        (tmp_path / folder / "orders").mkdir(parents=True)
        (tmp_path / folder / "made.json").write_text(folder)
    (tmp_path / "workspace/orders/made.json").write_text("the folder's own")
    environ = {"GITHUB_WORKSPACE": str(tmp_path / "workspace"), "RUNNER_TEMP": str(tmp_path / "temp")}
    return Job(environ | {"GITHUB_REPOSITORY": "shop-team/orders"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("/home/runner/work/_temp/made.json", b"temp"),
        ("/home/runner/work/orders/orders/made.json", b"workspace"),
        ("/home/runner/work/orders/orders/orders/made.json", b"the folder's own"),
    ],
)
def test_a_path_of_the_host_is_read_by_its_first_folder(here: Job, name: str, content: bytes) -> None:
    assert files.read(name, here, limit=100) == content


@pytest.mark.parametrize(
    "name",
    [
        "{workspace}/a/orders/orders/made.json",
        "{workspace}/_temp/made.json",
        "{temp}/_temp/made.json",
        "{temp}/orders/orders/made.json",
        "/github/workspace/orders/orders/made.json",
        "/github/runner_temp/_temp/made.json",
        "/home/runner/work/other/other/made.json",
        "/home/runner/work/a/a/made.json",
        "/home/runner/work/_temp/a/_temp/made.json",
        "/home/runner/work/orders/orders/gone/orders/orders/made.json",
        "/made.json",
    ],
)
def test_a_file_that_is_missing_is_no_other_file(here: Job, name: str) -> None:
    with pytest.raises(ActionError) as caught:
        files.read(name.format(workspace=here.workspace, temp=here.temp), here, limit=100)
    assert caught.value.code == "file_missing"


def test_without_a_repository_no_doubled_folder_is_guessed(here: Job) -> None:
    nameless = Job({"GITHUB_WORKSPACE": str(here.workspace)})
    with pytest.raises(ActionError, match="file_missing"):
        files.read("/home/runner/work///made.json", nameless, limit=100)
