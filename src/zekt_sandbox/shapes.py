"""JSON as GitHub shapes it: repositories, users, and what stands around every event."""

from datetime import UTC, datetime
from typing import Any

from zekt_sandbox.credentials import APP_ID, APP_SLUG
from zekt_sandbox.repositories import Repositories, Repository, stable_id

SERVER_URL = "https://github.com"


def stamp(moment: datetime) -> str:
    """GitHub's way to write a time: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(login: str, kind: str = "User", number: int | None = None) -> dict[str, Any]:
    return {
        "login": login,
        "id": number if number is not None else stable_id("user", login),
        "type": kind,
        "html_url": f"{SERVER_URL}/{login}",
        "site_admin": False,
    }


def owner(repository: Repository) -> dict[str, Any]:
    return user(repository.owner, "Organization", repository.owner_id)


def repository(repo: Repository, github_url: str) -> dict[str, Any]:
    return {
        "id": repo.id,
        "name": repo.name,
        "full_name": repo.full_name,
        "private": True,
        "visibility": "private",
        "owner": owner(repo),
        "html_url": f"{SERVER_URL}/{repo.full_name}",
        "url": f"{github_url}/repos/{repo.full_name}",
        "description": None,
        "fork": False,
        "archived": repo.archived,
        "disabled": repo.disabled,
        "default_branch": repo.default_branch,
    }


def installation(repositories: Repositories, number: int, github_url: str) -> dict[str, Any]:
    """As `GET /app/installations/{id}` and the webhooks of the app have it."""
    login, owner_id = repositories.installation_owner(number)
    suspended_at = repositories.suspended_at(number)
    return {
        "id": number,
        "app_id": int(APP_ID),
        "app_slug": APP_SLUG,
        "account": user(login, "Organization", owner_id),
        "target_id": owner_id,
        "target_type": "Organization",
        "repository_selection": "selected",
        "permissions": dict(repositories.permissions(number) or {}),
        "events": ["workflow_run"],
        "access_tokens_url": f"{github_url}/app/installations/{number}/access_tokens",
        "repositories_url": f"{github_url}/installation/repositories",
        "updated_at": stamp(repositories.updated_at(number)),
        "suspended_at": stamp(suspended_at) if suspended_at else None,
    }


def surroundings(repo: Repository, actor: str, github_url: str) -> dict[str, Any]:
    """The members that every event of an installed app has beside its own."""
    return {
        "repository": repository(repo, github_url),
        "organization": {"login": repo.owner, "id": repo.owner_id},
        "sender": user(actor),
        "installation": {"id": repo.installation_id},
    }
