"""The local room: folders as repositories, whose workflows run here with act."""

import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.local import asked, folders
from zekt_sandbox.local.attempt import Attempt
from zekt_sandbox.local.checkout import Checkout
from zekt_sandbox.local.containers import remove, remove_orphans
from zekt_sandbox.local.errors import LocalError
from zekt_sandbox.local.folders import Folder
from zekt_sandbox.local.journal import Journal
from zekt_sandbox.local.launcher import Cause, Launcher
from zekt_sandbox.local.player import Yard
from zekt_sandbox.local.tools import find_tools
from zekt_sandbox.local.turns import Turns
from zekt_sandbox.repositories import Repository
from zekt_sandbox.stage import Stage
from zekt_sandbox.workflows import FOLDER
from zekt_workflows.errors import WorkflowFileError
from zekt_workflows.model import Workflow
from zekt_workflows.reader import read

DEFAULT_IMAGE = "catthehacker/ubuntu:act-latest"
"""What act itself proposes for `ubuntu-latest`."""

UBUNTUS = ("ubuntu-latest", "ubuntu-26.04", "ubuntu-24.04", "ubuntu-22.04", "ubuntu-slim")
_STOP_SECONDS = 30.0


class LocalRoom:
    """Plays GitHub Actions for the repositories in a folder.

    Args:
        stage: the sandbox's.
        root: holds `owner/name/.github/workflows/`.
        api_url: the broker that is here: `ZEKT_API_URL` of every job, whatever the workflows say. None leaves it to
            them.
        images: a container image for each label of `runs-on`; that of `ubuntu-latest` counts for all of Ubuntu.
        state: an empty folder for logs and copies; a temporary one, removed at the end, when None.
        checkout: of this project, for `uses: zekt-dev-org/zekt-action`; the one that runs here when None.

    Raises:
        LocalError: act, Docker, git or the folder is not there; its text says what to do.
    """

    def __init__(
        self,
        stage: Stage,
        root: Path,
        *,
        api_url: str | None = None,
        images: Mapping[str, str] | None = None,
        state: Path | None = None,
        checkout: Path | None = None,
    ) -> None:
        self._folders = {each.full_name.lower(): each for each in folders.find(root)}
        self._temporary = state is None
        self._state = state or Path(tempfile.mkdtemp(prefix="zekt-sandbox-"))
        for name in ("runs", "logs"):
            (self._state / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        given = dict(images or {})
        ubuntu = given.get("ubuntu-latest", DEFAULT_IMAGE)
        self._yard = Yard(
            stage=stage,
            tools=find_tools(self._state / "home"),
            checkout=Checkout(self._state / "zekt-action", checkout),
            images={**dict.fromkeys(UBUNTUS, ubuntu), **given},
            api_url=api_url,
            journal=Journal(),
            turns=Turns(),
            cache=self._state / "actions",
            label=f"zekt.sandbox.{secrets.token_hex(6)}",
        )
        self._launcher = Launcher(self._yard, self._state)
        remove_orphans(self._yard.tools)
        for folder in self._folders.values():
            self._adopt(folder)

    @property
    def journal(self) -> Journal:
        """What all runs say."""
        return self._yard.journal

    @property
    def label(self) -> str:
        """Of every container that is made here."""
        return self._yard.label

    def repositories(self) -> list[str]:
        return [folder.full_name for folder in self._folders.values()]

    def runs(self) -> list[Attempt]:
        """Every attempt, newest first."""
        return self._launcher.attempts()

    def find(self, run_id: int, attempt: int | None = None) -> Attempt:
        """That attempt of a run, or the newest.

        Raises:
            LookupError: there is none.
        """
        for each in self.runs():
            if each.run.id == run_id and attempt in (None, each.run.attempt):
                return each
        raise LookupError(f"no run {run_id}{f' with an attempt {attempt}' if attempt else ''} of a local folder")

    def start(
        self,
        repository: str,
        workflow: str,
        inputs: asked.Given | None = None,
        *,
        event: str | None = None,
        event_payload: Mapping[str, Any] | None = None,
        actor: str = "octocat",
    ) -> Attempt:
        """Start a workflow as a person does.

        Args:
            repository: `owner/name`.
            workflow: its file's name or path.
            inputs: of a `workflow_dispatch`.
            event: `workflow_dispatch` where it listens for that, else `push`, when None.
            event_payload: members of the event file beside the usual ones.
            actor: who.

        Raises:
            LookupError: no such folder or workflow.
            LocalError: it cannot be started so.
        """
        folder = self._folder(repository)
        where = self._yard.stage.world.repositories.get(folder.full_name)
        found = self._read(folder, workflow)
        chosen = asked.event_of(found, event)
        values = asked.inputs_of(found, inputs or {}) if chosen == asked.DISPATCH else {}
        if inputs and chosen != asked.DISPATCH:
            raise LocalError(f"Only `workflow_dispatch` has inputs, and {found.path} is started by `{chosen}`.")
        payload = {**_payload(where, found, chosen, values), **(event_payload or {})}
        return self._launcher.begin(where, folder, Cause(found, chosen, payload, actor, actor))

    def rerun(self, run_id: int) -> Attempt:
        """The next attempt of a run that has ended, with the files as they are now.

        Raises:
            LookupError: there is no such run, or its workflow is gone.
            LocalError: it has not ended, or its workflow cannot be read any more.
        """
        old = self.find(run_id)
        if old.run.status != "completed":
            raise LocalError(f"run {run_id} is {old.run.status}; only one that has ended can be re-run")
        return self._launcher.again(old, self._read(old.stage.folder, old.run.workflow))

    def cancel(self, run_id: int) -> Attempt:
        """End a run; it is `cancelled` as soon as act has ended, of which the log tells.

        Raises:
            LookupError: there is no such run.
            LocalError: it has ended.
        """
        attempt = self.find(run_id)
        if attempt.run.status == "completed":
            raise LocalError(f"run {run_id} has ended: {attempt.run.conclusion}")
        self._launcher.cancel(attempt)
        return attempt

    def stop(self) -> None:
        """End every run, and remove what is left of them. Blocks, for at most about half a minute."""
        self._yard.stage.world.closing.set()
        self._launcher.stop(_STOP_SECONDS)
        remove(self._yard.tools, self._yard.label)
        self.journal.bell.ring()
        if self._temporary:
            shutil.rmtree(self._state, ignore_errors=True)

    def _adopt(self, folder: Folder) -> None:
        world, stage = self._yard.stage.world, self._yard.stage
        found = world.repositories.find(folder.full_name) or stage.add_repository(folder.full_name)
        world.workflows.read_from(found, folder.workflows)
        stage.on_dispatch(found, self._dispatched)

    def _dispatched(self, dispatch: Dispatch) -> None:
        """Start whatever listens for it."""
        world = self._yard.stage.world
        folder = self._folder(dispatch.repository.full_name)
        repository = world.repositories.get(folder.full_name)
        heard = 0
        for path in folder.workflows() if repository.actions_enabled else ():
            try:
                workflow = self._read(folder, path)
            except LookupError as unreadable:
                self._yard.remark(repository, str(unreadable))
                continue
            if world.workflows.state(repository, path) == "active" and asked.hears(
                workflow, "repository_dispatch", dispatch.event_type
            ):
                heard += 1
                self._begin_for(dispatch, repository, folder, workflow)
        if not heard:
            self._yard.remark(repository, f"No workflow of {repository} listens for `{dispatch.event_type}`.")

    def _begin_for(self, dispatch: Dispatch, repository: Repository, folder: Folder, workflow: Workflow) -> None:
        payload = {
            "action": dispatch.event_type,
            "branch": repository.default_branch,
            "client_payload": dispatch.client_payload,
        }
        try:
            cause = Cause(workflow, "repository_dispatch", payload, "zekt-sandbox[bot]", f"dispatch {dispatch.id}")
            self._launcher.begin(repository, folder, cause)
        except LocalError as error:
            self._yard.remark(repository, f"{workflow.path} cannot be started: {error}")

    def _folder(self, repository: str) -> Folder:
        found = self._folders.get(repository.lower())
        if found is None:
            raise LookupError(f"no folder for {repository!r}; there are {', '.join(self.repositories())}")
        return found

    def _read(self, folder: Folder, workflow: str) -> Workflow:
        """A workflow by its file's name or path.

        Raises:
            LookupError: there is none, or it cannot be read: GitHub knows no such workflow then.
        """
        path = workflow if "/" in workflow else f"{FOLDER}/{workflow}"
        texts = folder.workflows()
        if path not in texts:
            there = ", ".join(each.rpartition("/")[2] for each in texts) or "none"
            raise LookupError(f"{folder.full_name} has no workflow {workflow!r}; there are {there}")
        try:
            return read(texts[path], path)
        except WorkflowFileError as error:
            raise LookupError(f"{folder.full_name} has a workflow file that is none: {error}") from error


def _payload(repository: Repository, workflow: Workflow, event: str, inputs: dict[str, str]) -> dict[str, Any]:
    """What GitHub's event brings beside the members that every event has."""
    ref = f"refs/heads/{repository.default_branch}"
    if event == asked.DISPATCH:
        return {"inputs": inputs, "ref": ref, "workflow": workflow.path}
    if event == "push":
        return {"ref": ref, "before": "0" * 40, "created": False, "deleted": False, "forced": False, "commits": []}
    return {}
