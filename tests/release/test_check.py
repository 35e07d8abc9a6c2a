"""May this be released? Versions, CHANGELOG and tags must agree, and every refusal says what to do."""

from typing import Any

import pytest

SECTION = "## [0.2.0] - 2026-01-31\n\n### Added\n\n- Something.\n"
HEAD = "# Changelog\n\n## [Unreleased]\n\n"

CHANGELOGS = [
    ("# Changelog\n\n" + SECTION, "no section [Unreleased]"),
    (HEAD + "### Added\n\n- Forgotten.\n\n" + SECTION, "move them under [0.2.0]"),
    (HEAD, "newest section is 'none', not [0.2.0]"),
    (HEAD + "## [0.1.0] - 2026-01-30\n\n- Old.\n\n" + SECTION, "newest section is '[0.1.0] - 2026-01-30'"),
    (HEAD + SECTION.replace(" - 2026-01-31", ""), "`## [0.2.0] - YYYY-MM-DD`"),
    (HEAD + SECTION.replace("2026-01-31", "2026-02-31"), "`## [0.2.0] - YYYY-MM-DD`"),
    (HEAD + SECTION.replace("2026-01-31", "31 January"), "`## [0.2.0] - YYYY-MM-DD`"),
    (HEAD + SECTION.replace("2026-01-31", "9999-01-31"), "the day of the release or one before"),
    (HEAD + "## [0.2.0] - 2026-01-31\n\n### Added\n", "says nothing under [0.2.0]"),
    (HEAD + SECTION + "\n" + SECTION, "'[0.2.0] - 2026-01-31' twice"),
]

NO_RELEASE = [
    "v0.2.0",
    "release/0.2.0",
    "release/v0.2",
    "release/v0.2.0.0",
    "release/v00.2.0",
    "release/v0.2.0+build",
    "release/v0.2.0-",
    "release/v0.2.0-rc..1",
    "release/v0.2.0-01",
    "release/v0.2.0\n",
    "release/v\u0660.2.0",
    "refs/tags/release/v0.2.0",
    "release/v0.2.0;id",
]


def test_what_fits_is_told_to_the_next_steps(checkout: Any) -> None:
    done = checkout.release("check", "release/v0.2.0")
    assert (done.code, done.error) == (0, "")
    assert done.told == {"version": "0.2.0", "tag": "v0.2.0", "moves": "v0", "prerelease": "false", "latest": "true"}


@pytest.mark.parametrize("tag", NO_RELEASE)
def test_only_a_semantic_version_is_asked_for(checkout: Any, tag: str) -> None:
    assert "asks for no release" in checkout.refused("check", tag)


@pytest.mark.parametrize(("changelog", "says"), CHANGELOGS)
def test_a_changelog_that_is_not_ready_is_refused(checkout: Any, changelog: str, says: str) -> None:
    checkout.write(changelog=changelog)
    assert says in checkout.refused("check", "release/v0.2.0")


def test_the_commit_counts_and_not_what_lies_in_the_working_tree(checkout: Any) -> None:
    checkout.write(changelog=HEAD)
    (checkout.folder / "CHANGELOG.md").write_text(HEAD + SECTION, encoding="utf-8")
    assert "newest section is 'none'" in checkout.refused("check", "release/v0.2.0")


def test_pyproject_must_say_the_same_version(checkout: Any) -> None:
    checkout.write(version="0.1.9")
    assert "pyproject.toml says version 0.1.9, the tag 0.2.0" in checkout.refused("check", "release/v0.2.0")


def test_a_commit_that_is_not_on_main_is_refused(checkout: Any) -> None:
    checkout.git("commit", "--quiet", "--allow-empty", "--message", "Nobody reviewed this")
    assert "is not on main" in checkout.refused("check", "release/v0.2.0")


def test_an_older_commit_of_main_may_be_released(checkout: Any) -> None:
    checkout.git("branch", "ready")
    checkout.write(version="0.3.0")
    checkout.git("checkout", "--quiet", "ready")
    assert checkout.release("check", "release/v0.2.0").code == 0


def test_a_version_is_released_once(checkout: Any) -> None:
    checkout.tag("v0.2.0")
    assert "v0.2.0 exists already" in checkout.refused("check", "release/v0.2.0")


def test_a_tag_that_only_the_remote_has_counts(checkout: Any) -> None:
    checkout.git("update-ref", "refs/tags/v0.2.0", "main", at=checkout.remote)
    assert "v0.2.0 exists already" in checkout.refused("check", "release/v0.2.0")


def test_a_remote_that_does_not_answer_is_no_remote_without_tags(checkout: Any) -> None:
    checkout.git("remote", "set-url", "origin", str(checkout.folder / "nowhere"))
    done = checkout.release("check", "release/v0.2.0")
    assert (done.code, done.out) == (1, "")
    assert "git ls-remote failed" in done.error


# What was released before, what is asked for now: the tag that stands in the way, or what moves and is it latest.
ORDER = [
    (["v0.1.0"], "0.2.0", "", "v0", "true"),
    (["v0.10.0"], "0.9.0", "v0.10.0", "", ""),
    (["v0.9.0"], "0.10.0", "", "v0", "true"),
    (["v1.0.0"], "0.2.0", "", "v0", "false"),
    (["v0.2.0"], "1.0.0", "", "v1", "true"),
    (["v2.0.0", "v1.4.0"], "1.3.0", "v1.4.0", "", ""),
    (["v2.0.0", "v1.4.0"], "1.4.1", "", "v1", "false"),
    (["v0.2.0"], "0.2.0-rc.1", "v0.2.0", "", ""),
    (["v0.2.0-rc.1"], "0.2.0", "", "v0", "true"),
    (["v0.2.0-rc.2"], "0.2.0-rc.10", "", "", "false"),
    (["v0.2.0-rc.10"], "0.2.0-rc.2", "v0.2.0-rc.10", "", ""),
    (["v0.2.0-rc.1"], "0.2.0-beta", "v0.2.0-rc.1", "", ""),
    (["v0.2.0-rc"], "0.2.0-rc.1", "", "", "false"),
    (["v0.2.0-rc.1"], "0.2.0-rc.a", "", "", "false"),
    (["v0.3.0-rc.1", "v0.2.0"], "0.2.1", "", "v0", "true"),
    (["v", "v.0.1", "v0", "nightly", "v9", "V8.0.0", "release/v9.9.9"], "0.2.0", "", "v0", "true"),
]


@pytest.mark.parametrize(("before", "now", "refused_by", "moves", "latest"), ORDER)
def test_versions_follow_each_other_in_semantic_order(  # noqa: PLR0917
    checkout: Any, before: list[str], now: str, refused_by: str, moves: str, latest: str
) -> None:
    checkout.prepare(now)
    for tag in before:
        checkout.tag(tag)
    if refused_by:
        assert f"{now} is not newer than {refused_by}: v" in checkout.refused("check", f"release/v{now}")
        return
    done = checkout.release("check", f"release/v{now}")
    assert done.code == 0, done.error
    assert (done.told["moves"], done.told["latest"]) == (moves, latest)
    assert done.told["prerelease"] == str("-" in now).lower()


def test_the_notes_are_the_versions_own_section(checkout: Any) -> None:
    done = checkout.release("notes", "release/v0.2.0")
    assert done.out == "A word before.\n\n### Added\n\n- What is new in 0.2.0.\n"


def test_a_refusal_is_one_line_of_the_log_whatever_stands_in_it(checkout: Any) -> None:
    assert checkout.refused("check", "release/v%\n::warning::x").startswith("'release/v%25\\n::warning::x' asks for")
