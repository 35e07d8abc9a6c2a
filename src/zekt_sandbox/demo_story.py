"""The story: shop-team orders a web server, infra-team builds it and answers with what it is and costs."""

import json
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from zekt_sandbox.demo_broker import DemoFailed
from zekt_sandbox.demo_runner import Job
from zekt_sandbox.demo_timeline import Timeline
from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.repositories import Repository
from zekt_sandbox.runs import Run
from zekt_sandbox.stage import Stage

SHOP, INFRA = "shop-team/orders", "infra-team/platform"
PEOPLE = {"sam": SHOP, "ida": INFRA}
"""Who owns which repository's organisation."""
ORDER_WORKFLOW = ".github/workflows/order-new-infrastructure.yml"
BUILD_WORKFLOW = ".github/workflows/build-infrastructure.yml"
ARRIVED_WORKFLOW = ".github/workflows/infrastructure-ready.yml"
ORDER_EVENT, READY_EVENT = "infrastructure-order", "infrastructure-ready"

ORDER = {
    "resourceType": "webServer",
    "tenantId": "4f6f2c1e-5d0b-4f55-9d2c-0c9b6a1f7e10",
    "subscriptionId": "b1a7d6f0-93a4-4a38-8c71-2e5d0f3c9a44",
    "runtime": "python",
    "runtimeVersion": "3.13",
    "size": "small",
    "region": "westeurope",
}

# Repository and installation ids are left out on purpose: `zekt setup apply` looks them up at GitHub.
SETUP = f"""\
accounts:
  - login: shop-team
    repositories:
      - name: orders
        workflows:
          - path: {ORDER_WORKFLOW}
            service:
              slug: infrastructure-orders
              alias: Infrastructure orders
              description: What shop-team needs, as soon as it is ordered.
              tags: [infrastructure]
              visibility: public
              event-type: {ORDER_EVENT}
  - login: infra-team
    repositories:
      - name: platform
        workflows:
          - path: {BUILD_WORKFLOW}
            service:
              slug: infrastructure-results
              alias: Finished infrastructure
              description: What was built, where it is, and what it costs a month.
              tags: [infrastructure, cost]
              visibility: public
              event-type: {READY_EVENT}
subscriptions:
  - {{service: infrastructure-orders, consumer: {INFRA}, status: approved, durable: true, conclusions: [success]}}
  - {{service: infrastructure-results, consumer: {SHOP}, status: approved, durable: true, conclusions: [success]}}
"""


def built(order: dict[str, Any], run: Run) -> dict[str, Any]:
    """What infra-team answers: the order's own words come back, so it can be seen that they arrived."""
    name = f"web-{order['region']}-{run.number:03}"
    return {
        "resourceId": f"/subscriptions/{order['subscriptionId']}/sites/{name}",
        "name": name,
        "monthlyCost": {"amount": "13.14", "currency": "EUR"},
        "for": {key: order[key] for key in ("resourceType", "runtime", "runtimeVersion", "size")},
    }


class Story:
    """Both teams' workflows. What they do when a dispatch starts them runs in the sandbox's threads.

    Args:
        github: the sandbox.
        folder: for the jobs' files.
        broker_url: where the broker is.
        timeline: hears of every hop.
    """

    def __init__(self, github: Stage, folder: Path, broker_url: str, timeline: Timeline) -> None:
        self._github = github
        self._folder = folder
        self._broker_url = broker_url
        self._timeline = timeline
        self.built: Future[None] = Future()
        self.arrived: Future[None] = Future()
        github.on_dispatch(INFRA, self._told(self.built, self._build))
        github.on_dispatch(SHOP, self._told(self.arrived, self._arrive))

    def order(self) -> None:
        """shop-team's workflow, from its start to GitHub's webhook."""
        run = self._github.start_run(SHOP, workflow=ORDER_WORKFLOW, name="Order new infrastructure", announce=True)
        self._timeline.note("shop-team", "shop-team", f"run {run.id} of {Path(ORDER_WORKFLOW).name} has started")
        job = self._job(run)
        self._send(job, ORDER_EVENT, ORDER)
        self._finish(run)

    def _build(self, dispatch: Dispatch) -> None:
        """infra-team's workflow: confirm, build, answer, complete."""
        run, job, order = self._received(dispatch, BUILD_WORKFLOW, "Build infrastructure")
        if order is None:
            return
        result = built(order, run)
        self._timeline.note("infra-team", "infra-team", f"deploys {order['resourceType']} {result['name']}")
        self._send(job, READY_EVENT, result)
        self._complete(job)
        self._finish(run)

    def _arrive(self, dispatch: Dispatch) -> None:
        """shop-team's other workflow: confirm, read the answer, complete."""
        run, job, result = self._received(dispatch, ARRIVED_WORKFLOW, "Infrastructure is ready")
        if result is None:
            return
        cost = result["monthlyCost"]
        what = f"has {result['name']} for {cost['amount']} {cost['currency']} a month ({result['resourceId']})"
        self._timeline.note("shop-team", "shop-team", what)
        self._complete(job)
        self._finish(run)

    def _received(self, dispatch: Dispatch, workflow: str, name: str) -> tuple[Run, Job, dict[str, Any] | None]:
        """The run that a dispatch starts, confirmed, with its message; None where it was confirmed before."""
        team = dispatch.repository.owner
        attempt = dispatch.client_payload["zekt"]["attempt"]
        said = f"repository_dispatch {dispatch.event_type}, {len(dispatch.body):,} bytes, attempt {attempt}"
        self._timeline.note("Zekt", team, said)
        run = self._github.start_run_for(dispatch, workflow=workflow, name=name, announce=True)
        job = self._job(run)
        confirmed = job.confirm()
        self._timeline.note(team, "Zekt", f"confirm: {confirmed['delivery-id']} is {confirmed['status']}")
        if confirmed["duplicate"] == "true":
            self._timeline.note(team, team, "was here before: nothing is done twice")
            return run, job, None
        message: dict[str, Any] = json.loads(Path(confirmed["payload-path"]).read_bytes())
        return run, job, message

    def _send(self, job: Job, event_type: str, message: dict[str, Any]) -> None:
        (job.workspace / "message.json").write_text(json.dumps(message), encoding="utf-8")
        sent = job.send("notify", {"event-type": event_type, "payload": "{}", "payload-file": "message.json"})
        what = f"message {event_type}, {sent['payload-bytes']} bytes, for {sent['consumers-notified']} consumer"
        self._timeline.note(job.run.repository.owner, "Zekt", what)

    def _complete(self, job: Job) -> None:
        completed = job.complete("success")
        self._timeline.note(
            job.run.repository.owner, "Zekt", f"complete: {completed['delivery-id']} is {completed['status']}"
        )

    def _finish(self, run: Run) -> None:
        for line in self._github.finish_run(run, "success"):
            if not line.ok:
                raise DemoFailed(f"the broker answered a webhook with {line.status}: {line.outcome.body[:300]}")
            self._timeline.note("GitHub", "Zekt", f"workflow_run: run {run.id} of {run.repository} ended, success")

    def _job(self, run: Run) -> Job:
        return Job(run, self._folder / f"{run.repository.name}-{run.id}", self._broker_url)

    def _told(self, end: Future[None], work: Callable[[Dispatch], None]) -> Callable[[Dispatch], None]:
        """Do the work; the one who waits hears how it ended."""

        def consume(dispatch: Dispatch) -> None:
            try:
                work(dispatch)
            except Exception as error:  # noqa: BLE001 - whatever it is, the demo's main thread tells it
                _end(end, error)
            else:
                _end(end, None)

        return consume


def _end(future: Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def open_repositories(github: Stage) -> list[Repository]:
    """Both, each with the workflow that a dispatch starts: the broker looks for it when a subscription is approved.

    And with people, for whom the console is.
    """
    for login, name in PEOPLE.items():
        github.set_person(login, organizations={name.partition("/")[0]: "admin"})
    made = [github.add_repository(name) for name in (SHOP, INFRA)]
    for name, path, event in ((INFRA, BUILD_WORKFLOW, ORDER_EVENT), (SHOP, ARRIVED_WORKFLOW, READY_EVENT)):
        github.add_workflow(name, path, f"on:\n  repository_dispatch:\n    types: [{event}]\n")
    return made
