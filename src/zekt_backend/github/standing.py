"""A repository as it stands at GitHub: who it is, what the app may do there, which workflows it has. Blocking.

Belongs in a worker thread.
"""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import msgspec
import requests

from zekt_backend.errors import ZektError
from zekt_backend.github import told
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.lookup import get, read
from zekt_backend.rules.onboarding import Standing
from zekt_backend.rules.paths import is_repository_name

MOST_WORKFLOWS = 500
"""Of one repository, that are listed."""

_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Workflows:
    """Those that GitHub lists, and how many it has beyond."""

    found: tuple[told.Workflow, ...]
    left_out: int


class _Owner(msgspec.Struct):
    id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class _Repository(msgspec.Struct):
    id: int
    full_name: str
    owner: _Owner
    archived: bool = False
    disabled: bool = False


class _App(msgspec.Struct):
    html_url: str


class _Workflows(msgspec.Struct):
    total_count: int
    workflows: list[told.Workflow]


def standing(app: GitHubApp, full_name: str) -> Standing:
    """Who it is, and what the app's installation may do there.

    Raises:
        ZektError: `conflict` when the app is not installed there, with the link to install it, or is suspended;
            `github_refused`, `github_unavailable`.
    """
    check_name(full_name)
    installed = get(app.as_app, f"/repos/{full_name}/installation")
    if installed.status == requests.codes.not_found:
        raise ZektError(
            "conflict",
            f"GitHub shows no installation of the Zekt app on {full_name}. Usually the name is misspelt, the repository"
            f" was renamed, or the app is not installed there: an owner installs it, {_where_to_install(app)}, or adds"
            " the repository under Settings > GitHub Apps > Configure > Repository access; then ask again.",
        )
    installation = read(installed, told.Installation, app, full_name)
    if installation.suspended_at is not None:
        raise ZektError(
            "conflict",
            f"The app's installation on {full_name} is suspended, so that GitHub refuses all it asks. An owner clicks"
            " Settings > GitHub Apps > Configure > Unsuspend; then ask again.",
        )
    answer = get(lambda: app.requester(installation.id), f"/repos/{full_name}")
    found = read(answer, _Repository, app, full_name)
    return Standing(
        repository_id=found.id,
        full_name=found.full_name,
        owner_id=found.owner.id,
        installation_id=installation.id,
        permissions=installation.permissions,
        archived=found.archived,
        disabled=found.disabled,
    )


def workflows(app: GitHubApp, installation_id: int, full_name: str) -> Workflows:
    """https://docs.github.com/en/rest/actions/workflows#list-repository-workflows , `MOST_WORKFLOWS` at most.

    Raises:
        ZektError: `github_refused`, `github_unavailable`.
    """
    check_name(full_name)
    found: list[told.Workflow] = []
    total = 0
    for page in range(1, MOST_WORKFLOWS // _PER_PAGE + 1):
        path = f"/repos/{full_name}/actions/workflows?per_page={_PER_PAGE}&page={page}"
        answer = read(get(lambda: app.requester(installation_id), path), _Workflows, app, full_name)
        found += answer.workflows
        total = answer.total_count
        if len(answer.workflows) < _PER_PAGE:
            break
    return Workflows(tuple(found), max(0, total - len(found)))


def has_workflow(app: GitHubApp, installation_id: int, full_name: str, file: str) -> bool:
    """Whether GitHub knows a workflow of this file name, `release.yml`.

    Raises:
        ZektError: `github_refused`, `github_unavailable`.
    """
    check_name(full_name)
    path = f"/repos/{full_name}/actions/workflows/{quote(file, safe='')}"
    answer = get(lambda: app.requester(installation_id), path)
    if answer.status == requests.codes.not_found:
        return False
    read(answer, told.Workflow, app, full_name)
    return True


def check_name(full_name: str) -> None:
    """Let pass what can stand in an address.

    Raises:
        ZektError: `conflict`.
    """
    if not is_repository_name(full_name):
        raise ZektError("conflict", f"{full_name!a} is no name of a repository at GitHub: write owner/name.")


def _where_to_install(app: GitHubApp) -> str:
    """The page to install it; in words where GitHub does not tell."""
    try:
        page = read(get(app.as_app, "/app"), _App, app, "the app").html_url
    except ZektError:
        return "the app's page > Install App"
    return f"{page}/installations/new"
