"""GET /repos/{owner}/{repo}/actions/runs: filtered, newest first, in pages.

https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_sandbox import events
from zekt_sandbox.github_api import number, per_page, reach, world_of
from zekt_sandbox.refusals import Refused
from zekt_sandbox.runs import Run
from zekt_sandbox.shapes import stamp

MOST_FOUND = 1_000
"""A search shows no more than this, however many there are."""

_FILTERS = ("event", "head_sha", "status", "created")
# https://docs.github.com/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax
_CREATED = re.compile(r"(?P<sign>>=|<=|>|<)?(?P<one>[^.<>]+)|(?P<first>[^.]+)\.\.(?P<last>[^.]+)")
_SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, None: operator.eq}


async def list_runs(request: Request) -> Response:
    """The newest attempt of each run that fits, with a Link to the next page."""
    runs = world_of(request).runs.of(reach(request, "actions"))
    wanted = {name: asked for name in _FILTERS if (asked := request.query_params.get(name)) is not None}
    created = _between(wanted.get("created"))
    fitting = [run for run in runs if _fits(run, wanted) and created(datetime.fromisoformat(stamp(run.created_at)))]
    reachable = fitting[:MOST_FOUND] if wanted else fitting
    page, size = number(request, "page", 1), per_page(request)
    shown = reachable[(page - 1) * size : page * size]
    links = {}
    if len(reachable) > page * size:
        links["link"] = f'<{request.url.include_query_params(page=page + 1)}>; rel="next"'
    told = {"total_count": len(fitting), "workflow_runs": [events.workflow_run(run) for run in shown]}
    return JSONResponse(told, headers=links)


def _fits(run: Run, wanted: Mapping[str, str]) -> bool:
    return (
        wanted.get("event") in (None, run.event)
        and wanted.get("head_sha") in (None, run.sha)
        and wanted.get("status") in (None, run.status, run.conclusion)
    )


def _between(wanted: str | None) -> Callable[[datetime], bool]:
    """`>=TIME`, `<=TIME`, `>TIME`, `<TIME`, `TIME..TIME` or a whole second; any time when not asked.

    Raises:
        Refused: 422.
    """
    if wanted is None:
        return lambda _: True
    found = _CREATED.fullmatch(wanted)
    if found is None:
        raise Refused(422, "Validation Failed")
    if found["one"] is None:
        first, last = _time(found["first"]), _time(found["last"])
        return lambda at: first <= at <= last
    compare, then = _SIGNS[found["sign"]], _time(found["one"])
    return lambda at: compare(at, then)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(422, "Validation Failed") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
