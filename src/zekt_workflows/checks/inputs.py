"""What a step gives to an action of Zekt, and what that action takes."""

import difflib
from collections.abc import Iterator

from zekt_workflows.findings import Finding, finding
from zekt_workflows.model import Workflow
from zekt_workflows.ours import Part, ours
from zekt_workflows.rules import UNKNOWN_INPUT

_BROKER = ("zekt-api-url", "audience", "timeout-seconds", "max-attempts", "fail-on-error")
_DELIVERY = ("correlation-id", "delivery-id")
TAKES = {
    Part.SEND: ("event-type", "payload", "payload-file", "payload-schema", "leg", "shield", *_BROKER),
    Part.CONFIRM: (*_DELIVERY, *_BROKER),
    Part.COMPLETE: ("status", "conclusion", "result", "result-file", *_DELIVERY, *_BROKER),
}
"""The inputs of each action. Those of a called workflow GitHub itself refuses before anything runs."""

OLD = {
    "zekt_payload": "write `payload`, or `payload-file` with the path of a file",
    "zekt_api_url": "write `zekt-api-url`",
    "zekt_run_id": "remove it, the job's token names the run",
    "zekt_step_id": "remove it, messages of several steps are told apart by themselves",
    "github_token": "remove it and write `permissions: id-token: write`",
}
"""What the action itself says of the inputs of its first version; docs/migrating.md has them with an example."""

_PASTE = {
    "zekt_payload": "payload-file: message.json",
    "zekt_api_url": "zekt-api-url: https://zekt.example.com",
    "github_token": "permissions:\n  id-token: write\n  contents: read",
}
_OF_EVERY_IMAGE = {"args", "entrypoint"}
"""https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepswithargs"""


def unknown_input(flow: Workflow) -> Iterator[Finding]:
    """The runner warns of them and goes on, and tells only an image of them."""
    for each in ours(flow):
        if each.step is None or each.part not in TAKES:
            continue
        takes = TAKES[each.part]
        for key, _ in each.step.arguments:
            name = key.text.casefold()
            if name in takes or (name in _OF_EVERY_IMAGE and not each.uses.path):
                continue
            old = OLD.get(name) if each.part is Part.SEND else None
            said = f"is of the action's first version: {old}" if old else f"is no input of {each.part}"
            near = difflib.get_close_matches(name.replace("_", "-"), takes, n=1)
            fix = _PASTE.get(name, "") if old else (f"{near[0]}: …" if near else "")
            what = f"`{key.text[:100]}` {said}."
            yield finding(UNKNOWN_INPUT, flow, key.place, what, fix or f"# remove `{key.text[:100]}`")
