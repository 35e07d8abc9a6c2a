"""The Python API: what a test or the demo does to the world that Zekt takes for GitHub."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from zekt_sandbox import events
from zekt_sandbox.app_stage import AppStage
from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.faults import Faults
from zekt_sandbox.issues import Issue
from zekt_sandbox.keys import SigningKeys
from zekt_sandbox.letters import Hook, HookDelivery
from zekt_sandbox.limits import Limits
from zekt_sandbox.people import Person
from zekt_sandbox.repositories import Repository
from zekt_sandbox.runs import Run
from zekt_sandbox.world import Visit, World

Named = Repository | str
"""A repository, or its `owner/name`."""


class Stage:
    """Every method may be called from any thread; none but `finish_run`, `redeliver` and the waits blocks."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def app(self) -> AppStage:
        """What owners do to the app, and to repositories that it is on."""
        return AppStage(self.world)

    @property
    def url(self) -> str:
        """The REST root: `ZEKT_GITHUB_API_URL`."""
        return self.world.url

    @property
    def issuer(self) -> str:
        """`ZEKT_OIDC_ISSUER`: discovery and keys stand under it."""
        return self.world.issuer.url

    @property
    def app_id(self) -> str:
        return self.world.credentials.app_id

    @property
    def app_private_key(self) -> str:
        """PEM."""
        return self.world.credentials.private_key

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def limits(self) -> Limits:
        return self.world.limits

    @property
    def keys(self) -> SigningKeys:
        return self.world.keys

    def broker_environment(self) -> dict[str, str]:
        """The settings that make a broker take this for GitHub."""
        return {
            "ZEKT_GITHUB_API_URL": self.url,
            "ZEKT_GITHUB_APP_ID": self.app_id,
            "ZEKT_GITHUB_APP_PRIVATE_KEY": self.app_private_key,
            "ZEKT_OIDC_ISSUER": self.issuer,
            "ZEKT_GITHUB_URL": self.url,
            "ZEKT_OAUTH_CLIENT_ID": self.world.oauth.client_id,
            "ZEKT_OAUTH_CLIENT_SECRET": self.world.oauth.client_secret,
        }

    def add_repository(
        self,
        full_name: str,
        *,
        id: int | None = None,  # noqa: A002 - GitHub's word
        installation_id: int | None = None,
    ) -> Repository:
        """A repository on which the app is installed. Ids are made up when left out."""
        return self.world.repositories.add(full_name, id=id, installation_id=installation_id)

    def set_permissions(self, repository: Named, **permissions: str) -> None:
        """Replace what the app may do in this repository's installation (`contents="read"`, …)."""
        self.world.repositories.permit(self._repository(repository).installation_id, permissions)

    def set_installation(
        self,
        repository: Named,
        *,
        suspended: bool | None = None,
        permissions: Mapping[str, str] | None = None,
        verified: bool | None = None,
    ) -> None:
        """Change the installation that covers this repository, or its organisation; what is left out stays."""
        number = self._repository(repository).installation_id
        if verified is not None:
            self.world.repositories.verify(self._repository(repository).owner_id, verified)
        if suspended is not None:
            self.world.repositories.suspend(number, suspended)
        if permissions is not None:
            self.world.repositories.permit(number, permissions)

    def change_repository(self, repository: Named, **fields: Any) -> Repository:
        """Replace its `default_branch`, `archived`, `disabled`, `actions_enabled`, `has_issues`, `installation_id`."""
        return self.world.repositories.change(self._repository(repository), **fields)

    def set_person(
        self,
        login: str,
        *,
        id: int | None = None,  # noqa: A002 - GitHub's word
        organizations: Mapping[str, str] | None = None,
        repositories: Mapping[str, str] | None = None,
    ) -> Person:
        """Make a person, or replace what one may do; roles and permissions in GitHub's words."""
        return self.world.people.set(login, id=id, organizations=organizations, repositories=repositories)

    def user_token(self, login: str) -> str:
        """A user access token of the app, as signing in gives one."""
        person = self.world.people.find(login)
        if person is None:
            raise LookupError(f"the sandbox has no person {login!r}; set_person makes one")
        return self.world.oauth.token(person.id)

    def add_workflow(
        self, repository: Named, path: str, text: str, *, branch: str | None = None, state: str = "active"
    ) -> None:
        """Write `.github/workflows/…`, on the default branch unless another is named. It is read by who asks for it."""
        self.world.workflows.add(self._repository(repository), path, text, branch=branch, state=state)

    def add_hook(
        self,
        repository: Named,
        *,
        url: str,
        secret: str | None = None,
        events: tuple[str, ...] = ("workflow_run",),
        active: bool = True,
    ) -> Hook:
        """A repository's hook. It is not pinged; `ping` does that."""
        where = self._repository(repository)
        return self.world.hooks.add(url, secret, repository=where, events=tuple(events), active=active)

    def set_app_hook(self, *, url: str, secret: str | None = None, events: tuple[str, ...] = ("workflow_run",)) -> Hook:
        """The app's own hook, which hears of every repository; the one set before is gone."""
        return self.world.hooks.add(url, secret, target_id=int(self.app_id), events=tuple(events))

    def ping(self, hook: Hook) -> HookDelivery:
        return self.world.hooks.ping(hook)

    def start_run(
        self,
        repository: Named,
        *,
        workflow: str = ".github/workflows/ci.yml",
        event: str = "push",
        name: str | None = None,
        actor: str = "octocat",
        ref: str | None = None,
        sha: str | None = None,
        event_payload: dict[str, Any] | None = None,
        id: int | None = None,  # noqa: A002 - GitHub's word
        announce: bool = False,
    ) -> Run:
        """A run that is in progress.

        Args:
            repository: where.
            workflow: the workflow file's path.
            event: what started it.
            name: the workflow's name; the file's stem when None.
            actor: who.
            ref: `refs/heads/…`; the default branch when None.
            sha: 40 hex digits; random when None.
            event_payload: members of the event file beside GitHub's usual ones.
            id: made up when None.
            announce: send the webhooks `requested` and `in_progress`, as GitHub does.
        """
        where = self._repository(repository)
        run = self.world.runs.start(
            where,
            workflow=workflow,
            event=event,
            name=name,
            actor=actor,
            ref=ref or f"refs/heads/{where.default_branch}",
            sha=sha,
            event_payload=event_payload,
            id=id,
        )
        for action in ("requested", "in_progress") if announce else ():
            self.send_workflow_run(run, action)
        return run

    def start_run_for(self, dispatch: Dispatch, *, workflow: str = ".github/workflows/receive.yml", **how: Any) -> Run:
        """The run that a repository_dispatch starts; its event file carries `client_payload`."""
        payload = {
            "action": dispatch.event_type,
            "branch": dispatch.repository.default_branch,
            "client_payload": dispatch.client_payload,
        }
        return self.start_run(
            dispatch.repository,
            workflow=workflow,
            event="repository_dispatch",
            event_payload=payload,
            **{"actor": "zekt-sandbox[bot]", **how},
        )

    def finish_run(self, run: Run, conclusion: str = "success") -> list[HookDelivery]:
        """End a run and send `workflow_run` completed; blocks until each hook answered (10 s at most)."""
        self.world.runs.finish(run, conclusion)
        return self.send_workflow_run(run, "completed")

    def send_workflow_run(self, run: Run, action: str) -> list[HookDelivery]:
        """Send that webhook for the run as it stands."""
        return self.world.hooks.send("workflow_run", events.workflow_run_event(run, action), run.repository)

    def send_event(self, event: str, payload: dict[str, Any], repository: Named) -> list[HookDelivery]:
        """Send any payload under any event name, signed for each hook, to see what a broker makes of it."""
        return self.world.hooks.send(event, payload, self._repository(repository))

    def rerun(self, run: Run) -> Run:
        """The next attempt of the same run."""
        return self.world.runs.rerun(run)

    def delete_run(self, run: Run) -> None:
        """What the button `Delete workflow run` does: GitHub knows it no more."""
        self.world.runs.delete(run.id)

    def backdate(self, ago: timedelta) -> None:
        """From now on runs and webhooks are stamped with a time so long ago; nought ends it."""
        self.world.clock.behind = ago

    def hook_deliveries(self, hook: Hook | None = None) -> list[HookDelivery]:
        """The delivery log, newest first."""
        return self.world.hooks.log(hook.id if hook else None)

    def forget_hook_deliveries(self) -> None:
        """As after three days: the delivery log is empty, and nothing in it can be redelivered."""
        self.world.hooks.forget()

    def redeliver(self, delivery: HookDelivery | int) -> HookDelivery:
        """What the button `Redeliver` does; blocks until it was answered."""
        return self.world.hooks.redeliver(delivery if isinstance(delivery, int) else delivery.id)

    def dispatches(self, repository: Named | None = None, *, refused: bool = False) -> list[Dispatch]:
        """What GitHub accepted, oldest first; with `refused` every try, also those that started nothing."""
        return self.world.dispatches.of(self._repository(repository) if repository else None, refused=refused)

    def wait_for_dispatches(
        self, repository: Named | None, count: int = 1, timeout: float = 10, *, refused: bool = False
    ) -> list[Dispatch]:
        """Block until there are at least `count`; all of them are given.

        Raises:
            TimeoutError: there were fewer after `timeout` seconds.
        """
        where = self._repository(repository) if repository else None
        return self.world.dispatches.wait(where, count, timeout, refused=refused)

    def issues(self, repository: Named) -> list[Issue]:
        """Those that were opened there, oldest first."""
        return self.world.issues.of(self._repository(repository))

    def on_dispatch(self, repository: Named, callback: Callable[[Dispatch], object]) -> None:
        """Call `callback` for each accepted dispatch, in a thread of its own: here a consumer plays."""
        self.world.dispatches.on_accept(self._repository(repository), callback)

    def visits(self, where: str | None = None) -> list[Visit]:
        """The newest 20,000 requests, oldest first; at `dispatch`, `rest`, `oidc`, `jwks` or anywhere."""
        return [visit for visit in list(self.world.visits) if where in (None, visit.where)]

    def _repository(self, repository: Named) -> Repository:
        return self.world.repositories.get(repository)
