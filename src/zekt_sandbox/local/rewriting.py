"""The workflow as act gets it: the same jobs, with what a runner of GitHub's would do and act does not."""

from collections.abc import Callable
from dataclasses import dataclass

from zekt_sandbox.local.checkout import REPOSITORY, Checkout, named
from zekt_sandbox.local.confines import confine
from zekt_sandbox.local.errors import CannotStart
from zekt_sandbox.local.tree import Tree, grow, mapping, text_of, written
from zekt_sandbox.workflows import FOLDER
from zekt_workflows.errors import WorkflowFileError
from zekt_workflows.model import Job, Origin, Uses, Workflow, uses
from zekt_workflows.reader import read
from zekt_workflows.source import Pairs, Scalar

ADDRESS = "ZEKT_API_URL"
SETUP_STEP = "zekt-sandbox"
"""The id of the step that we put first into jobs of a matrix; the log leaves it out."""

_INPUT = "zekt-api-url"
_MAX_CALLED = 50
_MAX_DEPTH = 10
"""https://docs.github.com/actions/reference/workflows-and-actions/reusing-workflow-configurations."""

# act has no `strategy.job-index`, so a leg makes up a name for itself: check_run_id is to differ, and means nothing.
_LEG = (
    'printf "ACTIONS_ID_TOKEN_REQUEST_URL=%s&leg=%s\\n" "$ACTIONS_ID_TOKEN_REQUEST_URL"'
    ' "$(cat /proc/sys/kernel/random/uuid)" >>"$GITHUB_ENV"'
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rewriting needs to know of the run."""

    suffix: str
    """Makes the names of act's containers this run's own: act names them after workflow and job alone."""
    label: str
    """Of every container of it."""
    api_url: str | None
    grant: Callable[[str, str], dict[str, str]]
    """The OIDC variables of a job, by its path (`build`, or `call / build`) and its `job_workflow_ref` (or empty)."""
    text: Callable[[str], str | None]
    """A file of the same repository."""
    checkout: Checkout


@dataclass(frozen=True, slots=True)
class _File:
    """One workflow file at one place of the run's tree of jobs."""

    workflow: Workflow
    ours: str | None = None
    """The ref by which it was called, where it is one of this project's; None in the user's repository."""
    reference: str = ""
    """Its `job_workflow_ref`, where it is a called one."""
    above: tuple[str, ...] = ()
    """The jobs that called it."""
    may: bool | None = None
    """Whether the caller grants `id-token: write`; None at the top."""
    many: bool = False
    """Whether a caller is a matrix, so that the file runs more than once."""


class Rewriting:
    """A workflow and all that it calls. `files` are to be written beside each other, the first is act's `-W`."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self.files: dict[str, str] = {}
        self.notes: list[str] = []
        self._name = ""

    def workflow(self, workflow: Workflow) -> None:
        """Rewrite it, with whatever it calls.

        Raises:
            CannotStart: GitHub would not start it, or it needs what is not here.
        """
        self._name = workflow.name.text if workflow.name else workflow.path
        tree = self._tree(_File(workflow), self._around.suffix)
        self.files = {"workflow.yml": written(tree), **self.files}

    def _tree(self, file: _File, suffix: str) -> dict[str, Tree]:
        tree: dict[str, Tree] = grow(file.workflow.raw)
        tree["name"] = self._name  # also of a called one: that is GITHUB_WORKFLOW in it
        if not file.workflow.jobs:
            raise CannotStart(f"{file.workflow.path}: it has no jobs")
        self._see_address(file, file.workflow.raw)
        for job in file.workflow.jobs:
            mine = tree["jobs"][job.id.text]
            self._job(file, job, mine)
            mine["name"] = f"{text_of(mine.get('name')) or job.id.text}-{suffix}"
        return tree

    def _job(self, file: _File, job: Job, tree: dict[str, Tree]) -> None:
        granted = self._granted(file, job)
        many = file.many or (isinstance(job.strategy, Pairs) and job.strategy.get("matrix") is not None)
        self._see_address(file, job.raw)
        where = f"{file.workflow.path}:{job.id.place.line}: the job '{job.id.text}'"
        confine(tree, self._around.label, where)
        if job.uses is not None:
            self._set_address(file, tree.get("with"), _INPUT)
            tree["uses"] = self._called(file, job, job.uses, granted, many)
            return
        for step in tree.get("steps") or []:
            self._step(file, step)
        if granted:
            path = " / ".join((*file.above, job.id.text))
            mapping(tree, "env").update(self._around.grant(path, file.reference))
            if many and tree.get("steps"):
                step = {"id": SETUP_STEP, "name": SETUP_STEP, "shell": "sh", "working-directory": "/", "run": _LEG}
                tree["steps"].insert(0, step)

    def _granted(self, file: _File, job: Job) -> bool:
        """Whether the job gets OIDC tokens. Nobody does who has not asked: the default permissions have none."""
        said = file.workflow.granted(job)
        if said is None:
            return bool(file.may)
        wants = said.of("id-token") == "write"
        if wants and file.may is False:
            raise CannotStart(
                f"{file.workflow.path}:{job.id.place.line}: the nested job '{job.id.text}' is requesting 'id-token:"
                f" write', but is only allowed 'id-token: none'. Write `permissions: {{id-token: write}}` into the job"
                f" '{file.above[-1]}' that calls it."
            )
        return wants

    def _step(self, file: _File, step: dict[str, Tree]) -> None:
        found = uses(step["uses"]) if isinstance(step.get("uses"), Scalar) else None
        if found is not None and found.origin is Origin.SAME:
            step["uses"] = named(found.path, file.ours) if file.ours else f"./{found.path}"
        self._set_address(file, step.get("with"), _INPUT)
        self._set_address(file, step.get("env"), ADDRESS)

    def _called(self, file: _File, job: Job, called: Uses, granted: bool, many: bool) -> str:
        """The reusable workflow as a file of its own for this very job; strangers' stay with act."""
        path, text, ours = called.path, None, file.ours
        if called.origin in (Origin.WORKSPACE, Origin.SAME):
            text = self._around.checkout.workflow(path) if ours else self._around.text(path)
        elif called.repository.lower() == REPOSITORY:
            ours = called.ref
            text = self._around.checkout.workflow(path)
        elif called.origin is Origin.REPOSITORY:
            return called.text.text
        if text is None or not path.startswith(f"{FOLDER}/"):
            where = f"{file.workflow.path}:{called.text.place.line}"
            raise CannotStart(f"{where}: error parsing called workflow '{called.text.text}': workflow was not found.")
        if len(self.files) >= _MAX_CALLED or len(file.above) >= _MAX_DEPTH:
            raise CannotStart(f"{file.workflow.path}: too many workflows call each other (at {called.text.text}).")
        number = len(self.files)
        name = f"called-{number}.yml"
        self.files[name] = ""
        reference = f"{REPOSITORY}/{path}@{ours}" if ours else path
        inner = _File(_read(text, path), ours, reference, (*file.above, job.id.text), granted, many)
        self.files[name] = written(self._tree(inner, f"{self._around.suffix}.{number}"))
        return f"./../{name}"

    def _set_address(self, file: _File, names: Tree, name: str) -> None:
        """A literal address of a broker gives way to that of the broker that is here."""
        for key, value in names.items() if isinstance(names, dict) else ():
            if key.casefold() == name.casefold() and self._is_another(value):
                self._note(file, value)
                names[key] = self._around.api_url

    def _see_address(self, file: _File, raw: Pairs) -> None:
        """What stands in the `env` of a workflow or job gives way to act's own `--env-file`; that is said."""
        env = raw.get("env")
        value = env.get(ADDRESS) if isinstance(env, Pairs) else None
        if isinstance(value, Scalar) and self._is_another(value):
            self._note(file, value)

    def _is_another(self, value: Tree) -> bool:
        api_url = self._around.api_url
        if api_url is None or not isinstance(value, Scalar):
            return False
        return bool(value.text) and "${{" not in value.text and value.text.rstrip("/") != api_url.rstrip("/")

    def _note(self, file: _File, value: Scalar) -> None:
        where = f"{file.workflow.path}:{value.place.line}"
        self.notes.append(f"{where} says {value.text}; here the broker is at {self._around.api_url}.")


def _read(text: str, path: str) -> Workflow:
    try:
        return read(text, path)
    except WorkflowFileError as error:
        raise CannotStart(str(error)) from error
