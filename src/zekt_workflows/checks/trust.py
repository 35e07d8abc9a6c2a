"""What a job that uses Zekt may do, and whose code it runs."""

from collections.abc import Iterator

from zekt_workflows.findings import Finding, finding
from zekt_workflows.model import Permissions, Workflow
from zekt_workflows.ours import Ours, Part, is_pinned, ours
from zekt_workflows.rules import MISSING_PERMISSION, TARGET_SEND, UNPINNED

_RANK = {"none": 0, "read": 1, "write": 2}


def missing_permission(flow: Workflow) -> Iterator[Finding]:
    """Once a job: the first of ours in it is where it is told."""
    told = set()
    for each in ours(flow):
        granted = flow.granted(each.job)
        if each.job.id.text in told or (granted is None and flow.event("workflow_call") is not None):
            continue  # a called workflow that says nothing has what its caller grants
        needed = _needed(each)
        missing = [scope for scope, access in needed.items() if not _has(granted, scope, access)]
        if missing:
            told.add(each.job.id.text)
            words = " and ".join(f"`{scope}: {needed[scope]}`" for scope in missing)
            what = f"The job `{each.job.id.text}` uses {each.part} without {words}."
            yield finding(MISSING_PERMISSION, flow, each.uses.text.place, what, _granting(granted, needed))


def _needed(each: Ours) -> dict[str, str]:
    """What a called workflow's job asks for must be granted by the caller, or GitHub does not start it."""
    return {"id-token": "write", **({} if each.step else {"contents": "read"})}


def _has(granted: Permissions | None, scope: str, access: str) -> bool:
    """Where nobody says, the repository's default holds: it may read contents, and never ask for a token."""
    if granted is None:
        return scope == "contents"
    return _RANK.get(granted.of(scope), 0) >= _RANK[access]


def _granting(granted: Permissions | None, needed: dict[str, str]) -> str:
    before = granted.scopes if granted is not None else {}
    if granted is None or granted.every is not None:
        before = {"contents": "read"}
    lines = [f"  {scope}: {access}" for scope, access in {**before, **needed}.items()]
    return "\n".join(["permissions:", *lines])


def target_send(flow: Workflow) -> Iterator[Finding]:
    event = flow.event("pull_request_target")
    sends = [each for each in ours(flow) if each.part in (Part.SEND, Part.SEND_JOB)]
    if event is not None and sends:
        what = f"The job `{sends[0].job.id.text}` sends a message in runs of pull_request_target."
        yield finding(TARGET_SEND, flow, event.name.place, what, "on:\n  push:\n    branches: [main]")


def unpinned(flow: Workflow) -> Iterator[Finding]:
    for each in ours(flow):
        if not is_pinned(each.uses):
            name = each.uses.text.text.rpartition("@")[0]
            what = f"`{each.uses.ref}` can move."
            fix = f"uses: {name}@<40 digits of the commit> # {each.uses.ref}"
            yield finding(UNPINNED, flow, each.uses.text.place, what, fix)
