"""GitHub's three spellings of a workflow's path."""

import time

import pytest

from zekt_backend.rules.paths import normalise_path


@pytest.mark.parametrize(
    "spelling",
    [
        ".github/workflows/x.yml",
        "  .github/workflows/x.yml\n",
        ".github/workflows/x.yml@main",
        ".github/workflows/x.yml@refs/heads/dependabot/npm/@types/node",
        "owner/repo/.github/workflows/x.yml",
        "owner/repo/.github/workflows/x.yml@refs/tags/v1",
        "owner/re.po/.github/workflows/x.yml@refs/heads/.github/workflows/y.yml",
    ],
)
def test_every_spelling_gives_the_same_path(spelling: str) -> None:
    assert normalise_path(spelling) == ".github/workflows/x.yml"


def test_yaml_is_an_extension_too() -> None:
    assert normalise_path("o/r/.github/workflows/a b.yaml@1") == ".github/workflows/a b.yaml"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("dynamic/pages/pages-build-deployment", "dynamic/pages/pages-build-deployment"),
        ("dynamic/dependabot/update@main", "dynamic/dependabot/update"),
        ("", ""),
        (".github/workflows/deep/x.yml", ".github/workflows/deep/x.yml"),
    ],
)
def test_what_is_no_workflow_file_stays_as_it_is(path: str, kept: str) -> None:
    assert normalise_path(path) == kept


def test_only_our_own_repository_is_taken_off_when_it_is_named() -> None:
    path = "owner/repo/.github/workflows/x.yml@main"
    assert normalise_path(path, repository="Owner/Repo") == ".github/workflows/x.yml"
    assert normalise_path(path, repository="other/repo") == "owner/repo/.github/workflows/x.yml"


@pytest.mark.alone
def test_a_hostile_path_takes_no_longer_than_a_long_one() -> None:
    started = time.perf_counter()
    normalise_path(".github/workflows/" + ".yml" * 100_000 + "/")
    assert time.perf_counter() - started < 1
