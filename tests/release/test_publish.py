"""The release commit, its tags, and what they may not do to anybody's."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def changed(checkout: Any, old: str, new: str) -> list[str]:
    lines = checkout.git("diff", "--unified=0", old, new, at=checkout.remote).splitlines()
    return [line for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]


def test_the_release_commit_is_mains_with_one_line_of_action_yml_changed(checkout: Any, image: str) -> None:
    done = checkout.release("publish", "release/v0.2.0", image)
    assert (done.code, done.error) == (0, "")
    tags = checkout.tags()
    assert tags.keys() == {"v0.2.0", "v0"}
    main = checkout.git("rev-parse", "main", at=checkout.remote)
    assert checkout.git("log", "-1", "--format=%P", "v0.2.0", at=checkout.remote) == main
    assert changed(checkout, main, "v0.2.0") == ["-  image: Dockerfile", f"+  image: docker://{image}"]
    assert checkout.git("log", "-1", "--format=%an, %cn: %s", "v0.2.0", at=checkout.remote) == (
        "github-actions[bot], github-actions[bot]: Release v0.2.0"
    )


def test_main_and_the_working_tree_stay_as_they_are(checkout: Any, image: str) -> None:
    before = checkout.git("rev-parse", "main", at=checkout.remote)
    checkout.release("publish", "release/v0.2.0", image)
    assert checkout.git("rev-parse", "main", at=checkout.remote) == before
    assert checkout.git("rev-parse", "HEAD") == before
    assert checkout.git("status", "--porcelain") == ""


def test_the_major_tag_moves_with_each_release_and_stays_at_a_prerelease(checkout: Any, image: str) -> None:
    for version in ("0.2.0", "0.3.0-rc.1", "0.3.0", "1.0.0", "0.3.1"):
        checkout.prepare(version)
        assert checkout.release("publish", f"release/v{version}", image).code == 0
        tags = checkout.tags()
        moved = {"0.3.0-rc.1": "v0.2.0"}.get(version, f"v{version}")
        assert tags[f"v{version[0]}"] == tags[moved]
    assert tags["v1"] == tags["v1.0.0"]
    assert tags["v0"] == tags["v0.3.1"]
    assert tags.keys() == {"v0", "v0.2.0", "v0.3.0-rc.1", "v0.3.0", "v0.3.1", "v1", "v1.0.0"}


def test_an_interrupted_release_is_finished_by_running_it_again(checkout: Any, image: str) -> None:
    assert checkout.release("publish", "release/v0.2.0", image).code == 0
    whole = checkout.tags()
    checkout.git("update-ref", "-d", "refs/tags/v0", at=checkout.remote)
    assert checkout.release("publish", "release/v0.2.0", image).code == 0
    assert checkout.tags() == whole


def test_a_released_version_never_gets_another_image(checkout: Any, image: str) -> None:
    assert checkout.release("publish", "release/v0.2.0", image).code == 0
    assert "v0.2.0 exists already" in checkout.refused("publish", "release/v0.2.0", image.replace("5e", "e5"))


def test_an_old_release_that_is_run_again_takes_nothing_back(checkout: Any, image: str) -> None:
    assert checkout.release("publish", "release/v0.2.0", image).code == 0
    old = checkout.git("rev-parse", "HEAD")
    checkout.prepare("0.3.0", "0.2.0")
    assert checkout.release("publish", "release/v0.3.0", image).code == 0
    checkout.git("checkout", "--quiet", old)
    assert "0.2.0 is not newer than v0.3.0" in checkout.refused("publish", "release/v0.2.0", image)


def test_tags_are_pushed_all_or_none(checkout: Any, image: str) -> None:
    """A ruleset, here a hook, that refuses the major tag keeps the version's back too."""
    checkout.tag("v0")
    hook = checkout.remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/tags/v0 ]\n', encoding="utf-8")
    hook.chmod(0o755)
    assert "git push failed" in checkout.refused("publish", "release/v0.2.0", image).replace("%0A", " ")


def test_a_tag_that_somebody_moves_meanwhile_stays_where_it_was_put(checkout: Any, image: str) -> None:
    """Somebody pushes v0 after release.py looked and before its push: what the remote is called by is that moment."""
    checkout.tag("v0")
    theirs = checkout.git("rev-parse", "HEAD")
    checkout.prepare("0.2.0", "0.1.0")
    checkout.git("push", "--quiet", "--force", "origin", "HEAD:refs/tags/v0")
    program = checkout.remote / "receive"
    move = f"git --git-dir='{checkout.remote}' update-ref refs/tags/v0 {theirs}"
    program.write_text(f'#!/bin/sh\n{move}\nexec git-receive-pack "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    checkout.git("config", "remote.origin.receivepack", str(program))
    done = checkout.release("publish", "release/v0.2.0", image)
    assert (done.code, done.out) == (1, "")
    assert "stale info" in done.error
    assert checkout.tags() == {"v0": theirs}


def test_a_version_that_somebody_tags_after_the_check_is_not_replaced(checkout: Any, image: str) -> None:
    """Somebody pushes v0.2.0 right after release.py listed the tags: the remote does it when its answer is given."""
    theirs = checkout.git("rev-parse", "HEAD")
    checkout.prepare("0.2.0", "0.1.0")
    program = checkout.remote / "answer"
    push = f"git --git-dir='{checkout.remote}' update-ref refs/tags/v0.2.0 {theirs}"
    program.write_text(f'#!/bin/sh\ngit-upload-pack "$@"\n{push}\n', encoding="utf-8")
    program.chmod(0o755)
    checkout.git("config", "remote.origin.uploadpack", str(program))
    done = checkout.release("publish", "release/v0.2.0", image)
    assert checkout.tags() == {"v0.2.0": theirs}
    assert (done.code, done.out) == (1, "")
    assert "stale info" in done.error


IMAGES = [
    "ghcr.io/zekt-dev-org/zekt-action",
    "ghcr.io/zekt-dev-org/zekt-action:0.2.0",
    "ghcr.io/zekt-dev-org/zekt-action@sha256:5e",
    "ghcr.io/zekt-dev-org/zekt-action@" + "5e" * 32,
    "ghcr.io/zekt-dev-org/zekt-action@sha256:" + "5E" * 32,
    "ghcr.io/zekt-dev-org/zekt-action:0.2.0@sha256:" + "5e" * 32,
    "docker://ghcr.io/zekt-dev-org/zekt-action@sha256:" + "5e" * 32,
    "ghcr.io/a b@sha256:" + "5e" * 32,
    "ghcr.io/zekt-dev-org/zekt-action@sha256:" + "5e" * 32 + "\n  entrypoint: /bin/sh",
    "@sha256:" + "5e" * 32,
    "sha256:" + "5e" * 32,
]


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("verb", [["rewrite"], ["publish", "release/v0.2.0"]], ids=lambda verb: verb[0])
def test_an_image_without_its_digest_is_refused(checkout: Any, verb: list[str], image: str) -> None:
    assert "names no image by its digest" in checkout.refused(*verb, image)


@pytest.mark.parametrize("line", ["", "  image: Dockerfile\n  image: Dockerfile\n", "  image: docker://a/b@sha256:1\n"])
def test_an_action_that_is_not_built_from_the_dockerfile_is_refused(checkout: Any, image: str, line: str) -> None:
    path = checkout.folder / "action.yml"
    path.write_text(path.read_text("utf-8").replace("  image: Dockerfile\n", line), encoding="utf-8")
    checkout.write()
    assert "exactly once" in checkout.refused("publish", "release/v0.2.0", image)


def test_the_rewritten_action_fits_the_schema_and_says_all_else_as_before(checkout: Any, image: str) -> None:
    before = (checkout.folder / "action.yml").read_text("utf-8")
    assert checkout.release("rewrite", image).code == 0
    path = checkout.folder / "action.yml"
    assert path.read_text("utf-8") == before.replace("  image: Dockerfile\n", f"  image: docker://{image}\n")
    checker = Path(sys.executable).with_name("check-jsonschema")
    schema = [str(checker), "--builtin-schema", "vendor.github-actions", "--output-format", "json"]
    done = subprocess.run([*schema, str(path)], check=False, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["status"] == "ok", done.stdout
