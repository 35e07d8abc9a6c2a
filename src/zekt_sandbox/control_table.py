"""Everything that /_sandbox/… can be asked for, in one list."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zekt_sandbox import bodies, control, people_api
from zekt_sandbox.local import api as local
from zekt_sandbox.refusals import Refused

Endpoint = Callable[[Request], Awaitable[Response]]


def _clearly(endpoint: Endpoint) -> Endpoint:
    """What was asked wrongly is a 422, and what is not there a 404, with the reason."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except LookupError as missing:
            raise Refused(404, str(missing)) from missing
        except ValueError as wrong:
            raise Refused(422, str(wrong)) from wrong

    return answer


def _readable(value: Any) -> Response:
    """For people: indented."""
    return Response(json.dumps(value, indent=2, ensure_ascii=False) + "\n", media_type="application/json")


async def index(_request: Request) -> Response:
    return _readable([each.as_json() for each in CONTROLS])


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that can be asked for; the list of them is what `GET /_sandbox/` answers."""

    method: str
    path: str
    endpoint: Endpoint
    what: str
    body: type[bodies.Asked] = bodies.Nothing
    query: type[bodies.Asked] = bodies.Nothing

    def as_json(self) -> dict[str, Any]:
        path = self.path.replace(":int}", "}")
        said = {"method": self.method, "path": path, "what": self.what}
        return {**said, "query": self.query.fields(), "body": self.body.fields()}


_RUN = "/_sandbox/runs/{run_id:int}"
_LOG = "/_sandbox/hook-deliveries"
_FAULTS = "/_sandbox/faults"
_LOCAL = "/_sandbox/local/runs"
CONTROLS = (
    Control("GET", "/_sandbox/", index, "This list."),
    Control(
        "GET", "/_sandbox/info", control.info, "What a broker must be told to take this for GitHub.", query=bodies.Form
    ),
    Control(
        "POST",
        "/_sandbox/repositories",
        control.add_repository,
        "Add a repository with the app on it.",
        bodies.AddRepository,
    ),
    Control("PUT", "/_sandbox/repositories", control.change_repository, "Change one.", bodies.ChangeRepository),
    Control(
        "PUT", "/_sandbox/installations", control.set_installation, "Change the app's rights.", bodies.SetInstallation
    ),
    Control("GET", "/_sandbox/people", people_api.list_people, "All people, and what each may do."),
    Control(
        "PUT", "/_sandbox/people", people_api.set_person, "Make a person, or change what one may do.", bodies.SetPerson
    ),
    Control(
        "POST", "/_sandbox/people/{login}/tokens", people_api.user_token, "A person's token, without the sign-in page."
    ),
    Control(
        "POST", "/_sandbox/app-changes", control.change_app, "Change the app, and tell its webhook.", bodies.ChangeApp
    ),
    Control("POST", "/_sandbox/workflows", control.add_workflow, "Write a workflow file.", bodies.AddWorkflow),
    Control("POST", "/_sandbox/runs", control.start_run, "Start a run.", bodies.StartRun, bodies.Form),
    Control(
        "POST",
        "/_sandbox/runs",
        control.start_run,
        "Start what a dispatch starts.",
        bodies.StartRunForDispatch,
        bodies.Form,
    ),
    Control(
        "GET", _RUN, control.get_run, "A run, with what a runner would have in its environment.", query=bodies.Form
    ),
    Control("GET", _RUN + "/event", control.get_event, "What stands in the run's file at GITHUB_EVENT_PATH."),
    Control(
        "POST",
        _RUN + "/finish",
        control.finish_run,
        "End it; answers when every webhook was answered.",
        bodies.FinishRun,
    ),
    Control("POST", _RUN + "/rerun", control.rerun, "Start its next attempt."),
    Control("DELETE", _RUN, control.delete_run, "Forget it, with all its attempts."),
    Control("POST", _RUN + "/token", control.mint, "An OIDC token at once.", bodies.Mint),
    Control("POST", "/_sandbox/hooks", control.add_hook, "Add a repository's webhook.", bodies.AddHook),
    Control(
        "POST",
        "/_sandbox/app-hook",
        control.set_app_hook,
        "Set the app's webhook, which hears of every repository.",
        bodies.AppHook,
    ),
    Control("GET", _LOG, control.hook_log, "Every webhook that was sent, newest first."),
    Control(
        "POST", _LOG + "/{delivery_id:int}/attempts", control.redeliver, "Send one again; answers when it was answered."
    ),
    Control("GET", _FAULTS, control.list_faults, "The faults, and how often each struck."),
    Control("POST", _FAULTS, control.add_fault, "Plan a fault.", bodies.AddFault),
    Control("DELETE", _FAULTS, control.clear_faults, "Plan none."),
    Control(
        "PUT",
        "/_sandbox/limits",
        control.set_limits,
        "Switch rate limits on; what is left out is off.",
        bodies.SetLimits,
    ),
    Control(
        "PUT", "/_sandbox/clock", control.set_clock, "Stamp what happens from now on as so long ago.", bodies.SetClock
    ),
    Control(
        "GET",
        "/_sandbox/dispatches",
        control.list_dispatches,
        "What was dispatched, oldest first.",
        query=bodies.FindDispatches,
    ),
    Control("POST", _LOCAL, local.start, "Start a workflow of a local folder.", bodies.StartLocalRun),
    Control("GET", _LOCAL, local.list_runs, "The runs of local folders, newest first."),
    Control("GET", _LOCAL + "/{run_id:int}", local.get_run, "One of them.", query=bodies.FindAttempt),
    Control("GET", _LOCAL + "/{run_id:int}/log", local.run_log, "Its log, as text.", query=bodies.ReadLog),
    Control("POST", _LOCAL + "/{run_id:int}/cancel", local.cancel, "Cancel it; its log tells when it has ended."),
    Control("POST", _LOCAL + "/{run_id:int}/rerun", local.rerun, "Run it again, with the files as they are now."),
    Control(
        "GET", "/_sandbox/local/log", local.log, "What all of them say, a JSON object a line.", query=bodies.Follow
    ),
)
ROUTES = [Route(each.path, _clearly(each.endpoint), methods=[each.method]) for each in CONTROLS]
