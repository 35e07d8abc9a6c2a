"""GitHub's names: what may stand in an address, and one spelling for a workflow's path, since GitHub has three."""

import re

from zekt_backend.errors import ZektError

# `.github/workflows/x.yml`, `.github/workflows/x.yml@refs/heads/main` and `owner/repo/.github/workflows/x.yml@ref`
# all come: in `workflow_run.path`, and in the token's `workflow_ref`:
# https://docs.github.com/en/actions/concepts/security/openid-connect. A branch may itself hold an `@`, so the
# path ends at its first extension.
_PATH = re.compile(r"(?:(?P<home>[^/@]+/[^/@]+)/)?(?P<file>\.github/workflows/[^/]+?\.ya?ml)(?:@.*)?", re.DOTALL)

# Letters and such alone, so that the name can stand in an address; and not the two that mean another folder.
_REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9._-]{1,100}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}")


FOLDER = ".github/workflows"
_FILE = re.compile(r"[^/\x00-\x1f]{1,200}\.ya?ml")


def workflow_path(file: str) -> str:
    """`.github/workflows/x.yml`, from that or from the file's name alone.

    Raises:
        ZektError: `body_invalid`, when it is no workflow file's name.
    """
    name = normalise_path(file).removeprefix(f"{FOLDER}/")
    if not _FILE.fullmatch(name):
        raise ZektError("body_invalid", f"No workflow file: write the name of a file in {FOLDER}, like release.yml.")
    return f"{FOLDER}/{name}"


def is_repository_name(name: str) -> bool:
    """Whether this is `owner/name`, and safe as a part of an address."""
    return _REPOSITORY.fullmatch(name) is not None


def normalise_path(path: str, *, repository: str | None = None) -> str:
    """`.github/workflows/x.yml`, without the repository before it and the ref behind it.

    What has another form (GitHub's own `dynamic/…` workflows) is given back as it is, without its ref.

    Args:
        path: as GitHub or a person wrote it.
        repository: whose run this is, `owner/name`. A file of *another* repository (a workflow that an
            organisation requires everywhere) then keeps its repository in front, so that it never passes for
            the file of the same name that was whitelisted here.
    """
    path = path.strip()
    match = _PATH.fullmatch(path)
    if match is None:
        return path.partition("@")[0]
    home, file = match["home"], match["file"]
    if home is None or repository is None or home.casefold() == repository.casefold():
        return file
    return f"{home}/{file}"
