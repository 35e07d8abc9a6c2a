"""What GitHub tells an app of its installations and their repositories.

The bodies follow https://docs.github.com/webhooks/webhook-events-and-payloads .
"""

from collections.abc import Sequence
from typing import Any

from zekt_sandbox import shapes
from zekt_sandbox.repositories import Repositories, Repository


def _brief(repository: Repository) -> dict[str, Any]:
    """As lists of repositories have it in these webhooks."""
    return {
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": repository.name,
        "full_name": repository.full_name,
        "private": True,
    }


def installation(told: dict[str, Any], action: str, repositories: Sequence[Repository]) -> dict[str, Any]:
    """`installation`: created, deleted, suspend, unsuspend, new_permissions_accepted."""
    return {
        "action": action,
        "installation": told,
        "repositories": [_brief(each) for each in repositories],
        "requester": None,
        "sender": shapes.user("octocat"),
    }


def installation_repositories(
    told: dict[str, Any], *, added: Sequence[Repository] = (), removed: Sequence[Repository] = ()
) -> dict[str, Any]:
    """`installation_repositories`: added or removed."""
    return {
        "action": "removed" if removed else "added",
        "installation": told,
        "repository_selection": "selected",
        "repositories_added": [_brief(each) for each in added],
        "repositories_removed": [_brief(each) for each in removed],
        "requester": None,
        "sender": shapes.user("octocat"),
    }


def repository(
    repositories: Repositories, about: Repository, action: str, url: str, *, changes: dict[str, Any] | None = None
) -> dict[str, Any]:
    """`repository`: renamed, transferred, deleted and so on."""
    body = {"action": action, **shapes.surroundings(about, "octocat", url)}
    if repositories.permissions(about.installation_id) is None:
        del body["installation"]
    return {**body, "changes": changes} if changes else body


def installation_target(told: dict[str, Any], before: str) -> dict[str, Any]:
    """`installation_target`: renamed."""
    account = told["account"]
    return {
        "action": "renamed",
        "account": {**account, "slug": account["login"]},
        "changes": {"login": {"from": before}},
        "installation": {"id": told["id"], "node_id": f"I_{told['id']}"},
        "target_type": told["target_type"],
        "sender": shapes.user("octocat"),
    }
