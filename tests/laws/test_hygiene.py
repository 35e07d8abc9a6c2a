"""The checkout is the same for everybody: no machine of ours, no registry, nothing pinned by a name that moves."""

import re
from pathlib import Path

# Written in pieces, so that this file does not break its own law.
REGISTRIES = ("pypi" + r"\.org", "pythonhosted" + r"\.org", "npmjs" + r"\.(org|com)", r"deb\." + r"debian\.org")
MACHINE_PATHS = (
    r"(?<![\w/.])/work/" + r"(main|shared)",
    "/tmp/" + "exp",
    "/opt/" + "wheels",
    r"(?<![\w/])/root/" + r"\w",
)
# `./` is the checkout itself, where a release tries its own action.yml with the image that it has just built.
# `./.zekt-composite` is the caller's own, from the caller's checkout.
PINNED = re.compile(
    r"^(\$/|\./\.zekt-composite$|\./$|docker://[^@]+@sha256:[0-9a-f]{64}$|[\w.-]+/[\w./-]+@[0-9a-f]{40}$)"
)
USES = re.compile(r"^\s*(?:- )?uses: *([^\s#]+)", re.MULTILINE)


def _matches(texts: dict[Path, str], patterns: tuple[str, ...]) -> list[str]:
    regex = re.compile("|".join(patterns))
    return [f"{path}: {found[0]}" for path, text in texts.items() if (found := regex.search(text))]


def test_no_file_names_a_package_registry(texts: dict[Path, str]) -> None:
    assert _matches(texts, REGISTRIES) == []


def test_no_file_names_a_path_of_one_machine(texts: dict[Path, str]) -> None:
    assert _matches(texts, MACHINE_PATHS) == []


def test_every_action_in_our_workflows_is_pinned_to_a_commit_or_is_of_nobody_else(texts: dict[Path, str]) -> None:
    workflows = {path: text for path, text in texts.items() if path.parts[:2] == (".github", "workflows")}
    assert workflows
    loose = [
        f"{path}: {used}" for path, text in workflows.items() for used in USES.findall(text) if not PINNED.match(used)
    ]
    assert loose == []


def test_every_lock_line_has_a_hash(root: Path) -> None:
    for name in ("action.txt", "lock.txt"):
        text = (root / "requirements" / name).read_text("utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        assert len(lines) > 10
        assert [line for line in lines if "--hash=sha256:" not in line] == []


def test_the_image_and_the_tests_have_the_same_versions(root: Path) -> None:
    """What the action's image installs is what the tests ran with."""
    action, everything = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (root / "requirements" / name).read_text("utf-8"), re.MULTILINE))
        for name in ("action.txt", "lock.txt")
    )
    assert action.items() <= everything.items()
