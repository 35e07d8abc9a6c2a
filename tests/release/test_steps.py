"""The scripts in release.yml themselves: what checks and what publishes, with everything that they call but GitHub."""

import json
import os
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

# Stands at the wire: hands what git says over ssh to the remote here, and keeps what else it was called with.
SSH = """#!/bin/sh
printf '%s\\n' "$@" > "$STANDIN/ssh-arguments"
while [ "$1" = -i ] || [ "$1" = -o ]; do
  if [ "$1" = -i ]; then cat "$2" > "$STANDIN/ssh-key"; fi
  shift 2
done
exec git-receive-pack "$STANDIN/remote"
"""
GH = """#!/bin/sh
case "$1 $2" in
  "api meta") echo "github.com ssh-ed25519 AAAA" ;;
  "release view") [ -n "$RELEASED" ] || exit 1
    while [ "$1" != --jq ]; do shift; done; echo "$RELEASED" | jq --raw-output "$2" ;;
  "release create") printf '%s\\n' "$@" > "$STANDIN/release"
    while [ "$1" != --notes-file ]; do shift; done; cp "$2" "$STANDIN/notes" ;;
  *) exit 99 ;;
esac
"""
DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >> "$STANDIN/docker"
case "$*" in
  login*) cat > "$STANDIN/password" ;;
  "buildx build"*) echo "{\\"containerimage.digest\\": \\"$BUILT\\"}" > built.json ;;
  *inspect*"@$AMD64 --raw") cat "$STANDIN/amd64.json" ;;
  *inspect*"@$ARM64 --raw") cat "$STANDIN/arm64.json" ;;
  *inspect*"@$BASE_DIGEST --raw") cat "$STANDIN/index.json" ;;
  *inspect*SBOM*) echo "$SBOM" ;;
  *inspect*) echo "$BASE_DIGEST" ;;
esac
"""


class Steps:
    """Runs the `run:` of a job's steps as the runner does, in a checkout on the tag's commit."""

    def __init__(self, checkout: Any, root: Path, folder: Path, digest: str) -> None:
        self.checkout, self.folder = checkout, folder
        self.jobs = yaml.safe_load((root / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
        (folder / "bin").mkdir()
        (folder / "remote").symlink_to(checkout.remote)
        for name, text in (("ssh", SSH), ("gh", GH), ("docker", DOCKER)):
            (folder / "bin" / name).write_text(text, encoding="utf-8")
            (folder / "bin" / name).chmod(0o755)
        (checkout.folder / ".github").symlink_to(root / ".github")
        (checkout.folder / "Dockerfile").write_text("ARG BASE_IMAGE=python:3.13-slim\n", encoding="utf-8")
        self.environ = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_REF_NAME": "release/v0.2.0",
            "GITHUB_REPOSITORY": "zekt-dev-org/zekt-action",
            "IMAGE": "ghcr.io/zekt-dev-org/zekt-action",
            "RUNNER_TEMP": str(folder),
            "STANDIN": str(folder),
            "BASE_DIGEST": digest,
            "BASE": f"python:3.13-slim@{digest}",
            "BUILT": digest,
            "SBOM": '{"spdxVersion": "SPDX-2.3"}',
            "ARCHITECTURE": "arm64",
            "AMD64": "sha256:" + "a1" * 32,
            "ARM64": "sha256:" + "a2" * 32,
            "GITHUB_ACTOR": "octocat",
            "GITHUB_SHA": "a" * 40,
            "GH_REPO": "zekt-dev-org/zekt-action",
            "TOKEN": "a token",
            "VERSION": "0.2.0",
            "RELEASED": "",
            "DIGEST": digest,
            "GH_TOKEN": "a token",
            "KEY": "a deploy key",
            "TAG": "v0.2.0",
            "PRERELEASE": "false",
            "LATEST": "true",
        }

    def run(self, job: str, **environ: str) -> tuple[int, str]:
        """The exit code of the first step that fails, else 0; and all that was printed."""
        self.checkout.git("checkout", "--quiet", "--detach")
        printed = ""
        for step in self.jobs[job]["steps"]:
            if "run" not in step:
                continue
            assert set(step.get("env", {})) <= set(self.environ)
            command = ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", step["run"]]
            done = subprocess.run(
                command, cwd=self.checkout.folder, env=self.environ | environ, check=False, text=True, timeout=60,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            printed += done.stdout
            if done.returncode:
                return done.returncode, printed
        return 0, printed

    def told(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")


@pytest.fixture
def steps(checkout: Any, root: Path, tmp_path: Path, image: str) -> Steps:
    if shutil.which("jq") is None:
        pytest.skip("there is no jq here, which GitHub's runners have")
    return Steps(checkout, root, tmp_path, image.partition("@")[2])


def test_what_may_be_released_is_handed_on_with_the_bases_digest(steps: Any) -> None:
    code, printed = steps.run("check")
    assert code == 0, printed
    told = dict(line.split("=", 1) for line in steps.told("output").splitlines())
    assert set(steps.jobs["check"]["outputs"]) - {"base"} <= set(told)
    assert told["image"] == f"python:3.13-slim@{steps.environ['DIGEST']}"


@pytest.mark.parametrize("digest", ["", "sha256:5e", "null"])
def test_a_base_without_a_digest_ends_the_release(steps: Any, digest: str) -> None:
    assert steps.run("check", BASE_DIGEST=digest)[0] == 1


def test_a_tag_that_may_not_be_released_ends_it_at_once(steps: Any) -> None:
    code, printed = steps.run("check", GITHUB_REF_NAME="release/v9.0.0")
    assert code == 1
    assert "::error title=Not released::pyproject.toml says version 0.2.0" in printed


def test_each_image_is_built_on_the_pinned_base_and_pushed_by_its_digest_alone(steps: Any) -> None:
    code, printed = steps.run("build")
    assert code == 0, printed
    login, _, build, logout = steps.told("docker").splitlines()
    assert (login, logout) == ("login ghcr.io --username octocat --password-stdin", "logout ghcr.io")
    assert steps.told("password") == "a token"
    wanted = ("--platform linux/arm64", f"BASE_IMAGE={steps.environ['BASE']}", "--sbom=true", "--provenance=mode=max")
    assert [part for part in (*wanted, "push-by-digest=true") if part not in build] == []
    assert "--tag" not in build
    assert steps.told("output") == f"arm64={steps.environ['DIGEST']}\n"


def part(digit: str, architecture: str, os: str = "linux", of: str = "") -> dict[str, Any]:
    """A line of a list of images, as BuildKit writes it."""
    line: dict[str, Any] = {"digest": "sha256:" + digit * 32, "platform": {"architecture": architecture, "os": os}}
    return line | ({"annotations": {"vnd.docker.reference.digest": "sha256:" + of * 32}} if of else {})


BUILT = {
    "amd64": [part("b1", "amd64"), part("c1", "unknown", "unknown", "b1")],
    "arm64": [part("b2", "arm64"), part("c2", "unknown", "unknown", "b2")],
}
INDEX = BUILT["amd64"] + BUILT["arm64"]


def push(steps: Steps, index: list[dict[str, Any]], built: dict[str, list[dict[str, Any]]] = BUILT) -> None:
    for name, parts in {"index": index, **built}.items():
        (steps.folder / f"{name}.json").write_text(json.dumps({"manifests": parts}), encoding="utf-8")


def test_both_images_stand_under_one_digest_and_each_bill_of_materials_is_of_one(steps: Any) -> None:
    push(steps, INDEX)
    code, printed = steps.run("image")
    assert code == 0, printed
    told = dict(line.split("=", 1) for line in steps.told("output").splitlines())
    assert told == {
        "digest": steps.environ["DIGEST"],
        "amd64": BUILT["amd64"][0]["digest"],
        "arm64": BUILT["arm64"][0]["digest"],
    }
    attested = {
        step["with"]["subject-digest"]: step["with"].get("sbom-path")
        for step in steps.jobs["image"]["steps"]
        if "uses" in step
    }
    assert attested == {
        "${{ steps.index.outputs.digest }}": None,
        "${{ steps.index.outputs.amd64 }}": "amd64.spdx.json",
        "${{ steps.index.outputs.arm64 }}": "arm64.spdx.json",
    }
    assert all((steps.checkout.folder / path).exists() for path in attested.values() if path)


@pytest.mark.parametrize("environ", [{"BASE_DIGEST": ""}, {"SBOM": "null"}], ids=["no digest", "no materials"])
def test_an_image_that_is_not_whole_ends_the_release(steps: Any, environ: dict[str, str]) -> None:
    push(steps, INDEX)
    assert steps.run("image", **environ)[0] != 0


FOREIGN = {
    "another image": [part("ee", "amd64"), *INDEX[1:]],
    "an image for both": [part("b1", "amd64"), part("b1", "arm64"), INDEX[1], INDEX[3]],
    "a second image": [*INDEX, part("ee", "amd64")],
    "another platform": [*INDEX, part("ee", "s390x")],
    "another system": [*INDEX, part("ee", "amd64", "windows")],
    "no platform, and about nothing": [*INDEX, part("ee", "unknown", "unknown")],
    "other statements about it": [INDEX[0], part("ee", "unknown", "unknown", "b1"), *INDEX[2:]],
    "one image only": BUILT["amd64"],
    "nothing": [],
}


@pytest.mark.parametrize("index", FOREIGN.values(), ids=FOREIGN)
def test_a_list_that_is_not_of_the_images_built_here_is_not_signed(steps: Any, index: list[Any]) -> None:
    """Somebody moved the version's tag in the registry after it was made, and before it was asked for its digest."""
    push(steps, index)
    code, printed = steps.run("image")
    assert code == 1
    assert "::error title=Not released::" in printed
    assert not (steps.folder / "output").exists()


STRANGE = {
    "another platform": [*BUILT["arm64"], part("b3", "s390x")],
    "about another": [BUILT["arm64"][0], part("c2", "unknown", "unknown", "ee")],
}


@pytest.mark.parametrize("built", STRANGE.values(), ids=STRANGE)
def test_a_build_that_made_more_than_its_image_is_not_signed(steps: Any, built: list[Any]) -> None:
    push(steps, BUILT["amd64"] + built, BUILT | {"arm64": built})
    code, printed = steps.run("image")
    assert code == 1
    assert "::error title=Not released::" in printed


def test_the_tags_are_pushed_with_the_deploy_key_and_the_release_is_drafted(steps: Any, image: str) -> None:
    code, printed = steps.run("publish")
    assert code == 0, printed
    tags = steps.checkout.tags()
    assert tags["v0.2.0"] == tags["v0"]
    assert f"docker://{image}" in steps.checkout.git("show", "v0.2.0:action.yml", at=steps.checkout.remote)
    assert steps.told("ssh-key") == "a deploy key\n"
    arguments = steps.told("ssh-arguments").splitlines()
    assert {"IdentitiesOnly=yes", "StrictHostKeyChecking=yes", "git@github.com"} <= set(arguments)
    assert steps.told("known_hosts") == "github.com ssh-ed25519 AAAA\n"
    assert {"--draft", "--verify-tag", "v0.2.0", "--prerelease=false", "--latest=true"} <= set(
        steps.told("release").splitlines()
    )
    assert steps.told("notes") == "A word before.\n\n### Added\n\n- What is new in 0.2.0.\n"


def test_the_key_is_gone_and_was_never_printed(steps: Any) -> None:
    _, printed = steps.run("publish")
    assert not (steps.folder / "key").exists()
    assert "deploy key" not in printed


def draft(author: str, *files: str) -> str:
    return json.dumps({"author": {"login": author}, "assets": [{"name": name} for name in files]})


def test_a_release_that_was_drafted_before_is_not_drafted_twice(steps: Any) -> None:
    code, printed = steps.run("publish", RELEASED=draft("github-actions[bot]"))
    assert code == 0, printed
    assert not (steps.folder / "release").exists()


@pytest.mark.parametrize(
    "found", [draft("mallory"), draft("github-actions[bot]", "zekt.tar.gz")], ids=["author", "file"]
)
def test_a_draft_of_somebody_else_is_not_taken_for_the_releases(steps: Any, found: str) -> None:
    code, printed = steps.run("publish", RELEASED=found)
    assert (code, "a release of v0.2.0 already that is not this workflow's" in printed) == (1, True)
    assert not (steps.folder / "release").exists()


def test_nothing_is_drafted_where_the_tags_did_not_go_through(steps: Any) -> None:
    steps.checkout.tag("v0.2.0")
    code, printed = steps.run("publish")
    assert code == 1
    assert "v0.2.0 exists already" in printed
    assert not (steps.folder / "release").exists()
    assert not (steps.folder / "key").exists()


def test_who_checks_an_image_as_told_asks_for_this_workflow_on_the_tag_that_starts_it(root: Path) -> None:
    """With `gh attestation verify --repo` alone, what any workflow of any branch attested would do."""
    lines = [
        line
        for path in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
        for line in path.read_text("utf-8").replace("\\\n", " ").splitlines()
        if "gh attestation verify" in line
    ]
    assert lines
    workflow = yaml.safe_load((root / ".github/workflows/release.yml").read_text("utf-8"))
    for line in lines:
        words = line.split()
        assert words[words.index("--signer-workflow") + 1] == "zekt-dev-org/zekt-action/.github/workflows/release.yml"
        tag = words[words.index("--source-ref") + 1].removeprefix("refs/tags/")
        assert any(fnmatch(tag, pattern) for pattern in workflow[True]["push"]["tags"])
        assert "--deny-self-hosted-runners" in words
