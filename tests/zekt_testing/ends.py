"""The end of a run, as the broker reads it from a webhook that nobody has sent."""

import json

from zekt_backend.github import webhook
from zekt_backend.rules.records import RunEvent
from zekt_sandbox import events
from zekt_sandbox.runs import Run


def ended(run: Run, conclusion: str = "success") -> RunEvent:
    run.status, run.conclusion = "completed", conclusion
    told = json.dumps(events.workflow_run_event(run, "completed")).encode()
    found = webhook.parse("workflow_run", f"guid-{run.id}-{run.attempt}", told)
    assert isinstance(found, RunEvent)
    return found
