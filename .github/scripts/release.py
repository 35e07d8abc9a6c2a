#!/usr/bin/env python3
"""What release.yml does that can go wrong: docs/releasing.md says how a release is made, and this is its logic.

    release.py check release/v0.2.0                    may this be released? prints what the workflow goes on with
    release.py notes release/v0.2.0                    CHANGELOG's section of it
    release.py rewrite ghcr.io/…@sha256:…              action.yml names the image instead of the Dockerfile
    release.py publish release/v0.2.0 ghcr.io/…@sha256:…    makes the release commit, pushes v0.2.0 and moves v0

Standard library only; run at the top of a checkout that has its whole history. Exit code 1 and one sentence where
something is wrong, and then nothing was pushed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

MAIN = "main"
BUILT_HERE = "  image: Dockerfile"
_NUMBER = r"(0|[1-9]\d*)"
_WORD = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
# https://semver.org, without build metadata: `+` may stand in no image's tag, and would order nothing.
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_WORD}(?:\.{_WORD})*))?", re.ASCII)
_IMAGE = re.compile(r"[a-z0-9.-]+(?:/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
_AUTHOR = {"NAME": "github-actions[bot]", "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com"}


class RefusedError(Exception):
    """This is not released, and the sentence says why and what to do."""


@dataclass(frozen=True)
class Version:
    """A version as https://semver.org has it; `key` orders them by its rule 11."""

    text: str
    core: tuple[int, int, int]
    before: tuple[str, ...]
    """`rc`, `1` of 0.2.0-rc.1; of a final release, nothing."""

    @property
    def key(self) -> tuple[object, ...]:
        words = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in self.before)
        return self.core, not self.before, words

    @property
    def tag(self) -> str:
        return f"v{self.text}"

    @property
    def major_tag(self) -> str:
        return f"v{self.core[0]}"


@dataclass(frozen=True)
class Plan:
    """What a release does to the tags, of which `origin` has the last word."""

    version: Version
    seen: str
    """Where `origin` has the version's tag: nowhere, or on the commit of this release, which is run again."""
    moves: str
    """The major tag that goes along, or nothing: that of a pre-release stays."""
    moved_from: str
    """Where `origin` has it now, or nothing where there is none."""
    latest: bool
    """Whether GitHub shows it as the latest release: no pre-release, and no older line's."""


def parse(text: str) -> Version | None:
    found = _VERSION.fullmatch(text)
    if not found:
        return None
    major, minor, patch, before = found.groups()
    return Version(text, (int(major), int(minor), int(patch)), tuple(before.split(".")) if before else ())


def asked_for(tag: str) -> Version:
    """Return the version that a tag like release/v0.2.0 asks for."""
    version = parse(tag.removeprefix("release/v")) if tag.startswith("release/v") else None
    if version is None:
        raise RefusedError(f"{tag!r} asks for no release: push a tag like release/v0.2.0 or release/v0.2.0-rc.1.")
    return version


def git(*arguments: str, text: str = "", **environment: str) -> str:
    """What a git command prints, to the byte; it never asks anything."""
    done = subprocess.run(  # noqa: S603 - git, and arguments of ours
        ["git", *arguments],  # noqa: S607 - the runner's own
        check=False,
        capture_output=True,
        input=text.encode(),
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **environment},
    )
    if done.returncode:
        raise RefusedError(f"git {arguments[0]} failed: {(done.stderr or done.stdout).decode().strip()}")
    return done.stdout.decode()


def of_head(path: str) -> str:
    """A file as the commit has it, whatever the working tree says."""
    return git("show", f"HEAD:{path}")


def remote_tags() -> dict[str, str]:
    """Tag → what it names, as `origin` has them now."""
    lines = (line.split("\t") for line in git("ls-remote", "--tags", "--refs", "origin").splitlines())
    return {ref.removeprefix("refs/tags/"): sha for sha, ref in lines}


def check(tag: str, *, again: str = "") -> Plan:
    """Hold a release against the checkout and against `origin`.

    Args:
        tag: like release/v0.2.0.
        again: a commit that the version's tag may name already: an interrupted release that is run again.

    Raises:
        RefusedError: it must not be released, or not so.
    """
    version = asked_for(tag)
    _is_on_main()
    _says_its_version(version)
    notes(version)
    tags = remote_tags()
    if tags.get(version.tag, again) != again:
        raise RefusedError(f"{version.tag} exists already, and a release is never changed: take the next number.")
    released = [known for name in tags if name.startswith("v") and (known := parse(name[1:])) and known != version]
    _is_the_next(version, released)
    final = not version.before
    newest = all(version.key > other.key for other in released if not other.before)
    moves = version.major_tag if final else ""
    return Plan(version, tags.get(version.tag, ""), moves, tags.get(moves, ""), latest=final and newest)


def _is_on_main() -> None:
    if git("rev-list", "--max-count=1", "HEAD", "--not", f"refs/remotes/origin/{MAIN}"):
        head = git("rev-parse", "--short=12", "HEAD").strip()
        raise RefusedError(f"{head} is not on {MAIN}: release what was reviewed there, and tag that commit.")


def _says_its_version(version: Version) -> None:
    said = tomllib.loads(of_head("pyproject.toml"))["project"]["version"]
    if said != version.text:
        raise RefusedError(f"pyproject.toml says version {said}, the tag {version.text}: make them the same on {MAIN}.")


def _is_the_next(version: Version, released: list[Version]) -> None:
    """A final release must be newer than those of its major; a pre-release of 0.3.0 does not hold up 0.2.1."""
    line = [
        other
        for other in released
        if other.core[0] == version.core[0] and (not other.before or other.core == version.core)
    ]
    newest = max(line, key=lambda other: other.key, default=None)
    if newest and newest.key >= version.key:
        raise RefusedError(f"{version.text} is not newer than {newest.tag}: {version.major_tag} moves only forward.")


def sections(changelog: str) -> dict[str, str]:
    """Heading, without its `##`, → the text below it, in the file's order."""
    parts = _HEADING.split(changelog)[1:]
    headings = parts[::2]
    if twice := sorted({heading for heading in headings if headings.count(heading) > 1}):
        raise RefusedError(f"CHANGELOG.md has {twice[0]!r} twice.")
    return dict(zip(headings, (text.strip() for text in parts[1::2]), strict=True))


def notes(version: Version) -> str:
    """CHANGELOG's section of a version, which https://keepachangelog.com calls `## [0.2.0] - 2026-11-21`."""
    found = sections(of_head("CHANGELOG.md"))
    if "[Unreleased]" not in found:
        raise RefusedError("CHANGELOG.md has no section [Unreleased]: keep it, empty, above the version's.")
    if found["[Unreleased]"]:
        raise RefusedError(f"CHANGELOG.md has lines under [Unreleased]: move them under [{version.text}].")
    heading = list(found)[1] if len(found) > 1 else ""
    name, _, date = heading.partition(" - ")
    if name != f"[{version.text}]":
        raise RefusedError(f"CHANGELOG.md's newest section is {heading or 'none'!r}, not [{version.text}].")
    _is_a_day(version, date)
    if not re.search(r"^- \S", found[heading], re.MULTILINE):
        raise RefusedError(f"CHANGELOG.md says nothing under [{version.text}].")
    return found[heading] + "\n"


def _is_a_day(version: Version, date: str) -> None:
    wrong = f"CHANGELOG.md must say `## [{version.text}] - YYYY-MM-DD`, with the day of the release or one before."
    # One day ahead is today somewhere.
    limit = dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=1)
    try:
        fits = re.fullmatch(r"\d{4}-\d\d-\d\d", date, re.ASCII) and dt.date.fromisoformat(date) <= limit
    except ValueError:
        fits = False
    if not fits:
        raise RefusedError(wrong)


def rewritten(action: str, image: str) -> str:
    """action.yml with an image by its digest, where main has it built from the Dockerfile; one line changes."""
    if not _IMAGE.fullmatch(image):
        raise RefusedError(f"{image!r} names no image by its digest: it must be host/owner/name@sha256:<64 digits>.")
    lines = action.split("\n")
    if lines.count(BUILT_HERE) != 1:
        raise RefusedError(f"action.yml must have the line {BUILT_HERE!r} exactly once.")
    lines[lines.index(BUILT_HERE)] = f"  image: docker://{image}"
    return "\n".join(lines)


def publish(tag: str, image: str) -> Plan:
    """Make the release commit and push its tags, all of them or none.

    The commit stands on the version's tags alone, never on main. Its dates are its parent's, so that a second run makes
    the same commit, and finds its work done.
    """
    version = asked_for(tag)
    commit = _release_commit(version, image)
    plan = check(tag, again=commit)
    refs = {version.tag: plan.seen} | ({plan.moves: plan.moved_from} if plan.moves else {})
    # Each tag only from where the check saw it: what somebody else pushed since then stays, and nothing is pushed.
    leases = [f"--force-with-lease=refs/tags/{name}:{seen}" for name, seen in refs.items()]
    git("push", "--quiet", "--atomic", *leases, "origin", *[f"{commit}:refs/tags/{name}" for name in refs])
    return plan


def _release_commit(version: Version, image: str) -> str:
    """HEAD with one line of action.yml changed, made beside the working tree."""
    action = rewritten(of_head("action.yml"), image)
    blob = git("hash-object", "-w", "--stdin", text=action)
    tree, (_, _, old) = git("ls-tree", "HEAD"), git("ls-tree", "HEAD", "action.yml").partition("\t")[0].split()
    changed = tree.replace(f" {old}\taction.yml\n", f" {blob.strip()}\taction.yml\n")
    when, parent = git("log", "-1", "--format=%cI").strip(), git("rev-parse", "HEAD").strip()
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _AUTHOR.items()}
    dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    message = f"Release {version.tag}\n\n{parent} with its image by digest.\n"
    new = git("mktree", text=changed).strip()
    return git("commit-tree", new, "-p", parent, text=message, **names, **dates).strip()


def told(plan: Plan) -> str:
    """Outputs for the workflow's next steps, a line each."""
    lines = {
        "version": plan.version.text,
        "tag": plan.version.tag,
        "moves": plan.moves,
        "prerelease": str(bool(plan.version.before)).lower(),
        "latest": str(plan.latest).lower(),
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, takes in {"check": "t", "notes": "t", "rewrite": "i", "publish": "ti"}.items():
        of = verbs.add_parser(verb)
        for letter in takes:
            of.add_argument({"t": "tag", "i": "image"}[letter])
    asked = parser.parse_args(arguments)
    try:
        match asked.verb:
            case "check":
                sys.stdout.write(told(check(asked.tag)))
            case "notes":
                sys.stdout.write(notes(asked_for(asked.tag)))
            case "rewrite":
                Path("action.yml").write_bytes(rewritten(of_head("action.yml"), asked.image).encode())
            case "publish":
                sys.stdout.write(told(publish(asked.tag, asked.image)))
    except RefusedError as refused:
        sys.stderr.write(f"::error title=Not released::{str(refused).replace('%', '%25').replace(chr(10), '%0A')}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
