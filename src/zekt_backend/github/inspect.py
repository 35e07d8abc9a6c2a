"""Look at what a connection rests on, at GitHub: the app's installations, a repository, its hooks, files and runs.

Blocking; belongs in a worker thread. Nothing here raises for what GitHub says or fails to say: that is `Unknown`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import requests
from github.Requester import Requester

from zekt_backend.errors import ZektError
from zekt_backend.github import told
from zekt_backend.github.client import GitHubApp
from zekt_backend.github.hook_log import same_address
from zekt_backend.github.lookup import Told, get, read
from zekt_backend.rules.diagnosis import APP_HOOK, is_alive
from zekt_backend.rules.facts import (
    Delivered,
    File,
    Files,
    Hook,
    Installation,
    Member,
    RepositoryState,
    Run,
    Runs,
    Side,
    Unknown,
)
from zekt_backend.rules.paths import is_repository_name
from zekt_workflows.listening import listening

MOST_FILES = 50
"""Workflow files that are read; what is beyond is counted only."""

RUNS_PER_PAGE = 50
"""A run has about 15 KB as GitHub tells it, and an answer of ours at most 1 MiB."""

_FOLDER = ".github/workflows"
_SUFFIXES = (".yml", ".yaml")


class Inspector:
    """One look, of one or many connections: what was asked once is not asked again. Belongs to one thread at a time.

    Args:
        app: who asks.
        hook_url: where our webhooks should arrive; None where that is not known.
    """

    def __init__(self, app: GitHubApp, hook_url: str | None) -> None:
        self._app = app
        self.hook_url = hook_url
        self._down: Unknown | None = None
        self._kept: dict[tuple[int | None, str], object] = {}

    def side(self, member: Member, *, hooks: bool) -> Side:
        """One end of a connection; its hooks only when they are wanted."""
        if not is_repository_name(member.full_name):
            unknown = Unknown(f"{member.full_name} is no name of a repository at GitHub any more.")
            return Side(unknown, None, unknown, untold=(unknown,))
        found = self._installation(f"/repos/{member.full_name}/installation", member)
        known = None
        if found is None and member.installation_id is not None:
            known = self._installation(f"/app/installations/{member.installation_id}", member)
        shut = _shut(found)
        state = shut or self._repository(member, found)
        seen, untold = self._hooks(member, found, shut) if hooks else ([], [])
        return Side(found, known, state, tuple(seen), tuple(untold))

    def files(self, member: Member, side: Side) -> Files:
        """The workflow files of the default branch, and which are switched off."""
        shut = _shut(side.installation) or (side.repository if isinstance(side.repository, Unknown) else None)
        if shut is not None or not isinstance(side.installation, Installation):
            return Files(shut or _NOT_INSTALLED)
        number = side.installation.id
        found, left = self._files(member, number)
        if isinstance(found, Unknown):
            return Files(found)
        states = self._states(member, number)
        if not isinstance(states, Unknown):
            found = [File(file.path, file.listening, states.get(file.path)) for file in found]
        allowed = self._ask(number, f"/repos/{member.full_name}/actions/permissions", told.Allowed, member.full_name)
        return Files(
            found=tuple(found),
            states=states if isinstance(states, Unknown) else None,
            left_out=left,
            actions_enabled=allowed.enabled if isinstance(allowed, told.Allowed) else None,
        )

    def runs(self, member: Member, side: Side, since: datetime) -> Runs | Unknown:
        """The newest runs of `repository_dispatch` that were created since then."""
        if (shut := _shut(side.installation)) is not None or not isinstance(side.installation, Installation):
            return shut or _NOT_INSTALLED
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = f"event=repository_dispatch&created={quote('>=' + stamp, safe='')}&per_page={RUNS_PER_PAGE}"
        path = f"/repos/{member.full_name}/actions/runs?{query}&exclude_pull_requests=true"
        found = self._ask(side.installation.id, path, told.RunList, member.full_name)
        if found is None or isinstance(found, Unknown):
            return found or _NO_REPOSITORY
        listed = [
            Run(run.id, run.created_at, run.conclusion or run.status or "", run.html_url) for run in found.workflow_runs
        ]
        more = found.total_count > len(listed) and bool(listed)
        return Runs(tuple(listed), min(run.created_at for run in listed) if more else None)

    def _installation(self, path: str, member: Member) -> Installation | Unknown | None:
        found = self._ask(None, path, told.Installation, member.full_name)
        if found is None or isinstance(found, Unknown):
            return found
        return Installation(found.id, found.suspended_at is not None, found.permissions)

    def _repository(self, member: Member, installed: object) -> RepositoryState | Unknown | None:
        if not isinstance(installed, Installation):
            return _NOT_INSTALLED
        found = self._ask(installed.id, f"/repos/{member.full_name}", told.Repository, member.full_name)
        if found is None or isinstance(found, Unknown):
            return found
        return RepositoryState(found.id, found.archived, found.disabled, found.default_branch, found.html_url)

    def _files(self, member: Member, number: int) -> tuple[list[File] | Unknown, int]:
        folder = f"/repos/{member.full_name}/contents/{_FOLDER}"
        entries = self._ask(number, folder, list[told.Entry], member.full_name)
        if isinstance(entries, Unknown):
            return entries, 0
        names = [each.name for each in entries or [] if each.type == "file" and each.name.endswith(_SUFFIXES)]
        found = []
        for name in names[:MOST_FILES]:
            file = self._ask(number, f"{folder}/{quote(name, safe='')}", told.Content, member.full_name)
            if isinstance(file, Unknown):
                return file, 0
            if file is not None:
                found.append(File(f"{_FOLDER}/{name}", listening(file.text)))
        return found, len(names[MOST_FILES:])

    def _states(self, member: Member, number: int) -> dict[str, str] | Unknown:
        path = f"/repos/{member.full_name}/actions/workflows?per_page=100"
        found = self._ask(number, path, told.WorkflowList, member.full_name)
        if found is None or isinstance(found, Unknown):
            return found or _NO_REPOSITORY
        return {each.path: each.state for each in found.workflows}

    def _hooks(self, member: Member, installed: object, shut: Unknown | None) -> tuple[list[Hook], list[Unknown]]:
        """The app's own; and the repository's, unless that one is enough."""
        own = self._app_hook(member)
        seen = [own] if isinstance(own, Hook) else []
        untold = [own] if isinstance(own, Unknown) else []
        if self.hook_url is None or (seen and seen[0].ours and is_alive(seen[0])):
            return seen, untold
        if shut is not None or not isinstance(installed, Installation):
            return seen, [*untold, shut or _NOT_INSTALLED]
        path = f"/repos/{member.full_name}/hooks"
        found = self._ask(installed.id, f"{path}?per_page=100", list[told.Hook], member.full_name)
        if found is None or isinstance(found, Unknown):
            return seen, [*untold, found or _NO_REPOSITORY]
        for each in found:
            ours = same_address(each.config.url, self.hook_url)
            log = f"{path}/{each.id}/deliveries?per_page=100"
            newest = self._newest(installed.id, log, member) if ours else None
            name = f"webhook {each.id} of {member.full_name}"
            hook = Hook(name, each.config.url, ours, each.active, each.config.content_type, tuple(each.events), newest)
            seen.append(hook)
        return seen, untold

    def _app_hook(self, member: Member) -> Hook | Unknown | None:
        config = self._ask(None, "/app/hook/config", told.HookConfig, APP_HOOK)
        app = self._ask(None, "/app", told.App, "the app")
        if config is None or isinstance(config, Unknown):
            return config
        if app is None or isinstance(app, Unknown):
            return app or _NO_REPOSITORY
        newest = self._newest(None, "/app/hook/deliveries?per_page=100", member)
        ours = self.hook_url is not None and same_address(config.url, self.hook_url)
        return Hook(APP_HOOK, config.url, ours, True, config.content_type, tuple(app.events), newest)

    def _newest(self, number: int | None, path: str, member: Member) -> Delivered | Unknown | None:
        """The newest line about a run of this repository, else of any."""
        lines = self._ask(number, path, list[told.LogLine], APP_HOOK if number is None else member.full_name)
        if lines is None or isinstance(lines, Unknown):
            return lines
        about = [line for line in lines if line.event == "workflow_run"]
        own = [line for line in about if line.repository_id == member.id]
        for line in own or about:
            return Delivered(line.status == "OK", line.status, line.delivered_at)
        return None

    def _ask(self, installation: int | None, path: str, kind: type[Told], about: str) -> Told | Unknown | None:
        """GitHub's answer to a GET; None for 404. As the app itself where no installation is named."""
        if (installation, path) not in self._kept:
            self._kept[installation, path] = self._down or self._asked(installation, path, kind, about)
        return self._kept[installation, path]  # type: ignore[return-value] # a path is asked for one kind only

    def _asked(self, installation: int | None, path: str, kind: type[Told], about: str) -> Told | Unknown | None:
        try:
            reply = get(self._requester(installation), path)
            if reply.status == requests.codes.not_found:
                return None
            return read(reply, kind, self._app, about, advice={403: f"The app needs {_permission(path)} for that."})
        except ZektError as error:
            unknown = Unknown(error.detail)
            if error.code == "github_unavailable":
                # Whoever asks on would wait as long for each answer.
                self._down = unknown
            return unknown

    def _requester(self, installation: int | None) -> Callable[[], Requester]:
        return self._app.as_app if installation is None else lambda: self._app.requester(installation)


def _shut(installation: Installation | Unknown | None) -> Unknown | None:
    """Why GitHub would not let this installation look; None when it would."""
    if isinstance(installation, Unknown):
        return installation
    return Unknown("The app's installation is suspended.") if installation and installation.suspended else None


_NOT_INSTALLED = Unknown("The app is not installed there.")
_NO_REPOSITORY = Unknown("GitHub answered 404: the app does not see it.")

_PERMISSIONS = {
    "/contents/": "Contents: read",
    "/hooks": "Webhooks: read",
    "/actions/permissions": "Administration: read",
}


def _permission(path: str) -> str:
    """What https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps asks for such a path."""
    return next((needed for part, needed in _PERMISSIONS.items() if part in path), "Actions: read and Metadata: read")
