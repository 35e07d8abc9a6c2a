"""A chain of organisations, each of which answers the one before."""

from dataclasses import dataclass
from typing import Any

import requests

from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.runs import Run
from zekt_testing.broker import Zekt

SHOP, INFRA, RIVAL = "shop-team/orders", "infra-team/platform", "rival-team/tools"
WORKFLOW = {SHOP: ".github/workflows/order.yml", INFRA: ".github/workflows/build.yml"}


def directory(*, hides: bool = False, rival: bool = True, durable: bool = True) -> dict[str, Any]:
    """shop-team orders, infra-team (and rival-team) hears of it and answers; shop-team hears the answer."""

    def account(name: str, repository: int, service: dict[str, Any]) -> dict[str, Any]:
        login, repo = name.split("/")
        workflows = [{"path": WORKFLOW[name], "service": service}]
        made = {"name": repo, "id": repository, "installation-id": repository // 1000 + 50, "workflows": workflows}
        return {"login": login, "persona": "both", "repositories": [made]}

    orders = {"slug": "orders", "alias": "Orders", "event-type": "order"}
    answers = {"slug": "answers", "alias": "Answers", "event-type": "ready", "hide-provider": hides}
    wanted = [("orders", INFRA), ("answers", SHOP), *([("orders", RIVAL)] if rival else [])]
    return {
        "accounts": [
            account(SHOP, 1001, orders),
            account(INFRA, 2002, answers),
            {"login": "rival-team", "repositories": [{"name": "tools", "id": 3003, "installation-id": 53}]},
        ],
        "subscriptions": [
            {"service": service, "consumer": consumer, "status": "approved", "durable": durable}
            for service, consumer in wanted
        ],
    }


@dataclass
class Chain:
    """What the two do, step by step."""

    zekt: Zekt

    def run(self, repository: str = SHOP, dispatch: Dispatch | None = None) -> Run:
        if dispatch is None:
            return self.zekt.github.start_run(repository, workflow=WORKFLOW[repository])
        return self.zekt.github.start_run_for(dispatch, workflow=WORKFLOW.get(repository, ".github/workflows/x.yml"))

    def send(self, run: Run, **fields: Any) -> Any:
        return self.zekt.send(run, eventType="order", messageId=f"m-{run.id}", **fields)

    def end(self, run: Run) -> None:
        assert all(line.ok for line in self.zekt.github.finish_run(run))

    def sent_to(self, repository: str, count: int = 1) -> Dispatch:
        """The newest dispatch to it, once it has had so many."""
        return self.zekt.dispatched(count, repository)[-1]

    def order(self, **fields: Any) -> tuple[Run, Dispatch]:
        """shop-team's run, and what infra-team gets of it."""
        before = len(self.zekt.github.dispatches(INFRA))
        run = self.run()
        assert self.send(run, **fields).status_code == 202
        self.end(run)
        return run, self.sent_to(INFRA, before + 1)

    def answer(self, dispatch: Dispatch, **fields: Any) -> tuple[Run, Dispatch]:
        """infra-team's run, confirmed, and what shop-team gets of its answer."""
        before = len(self.zekt.github.dispatches(SHOP))
        run = self.run(INFRA, dispatch)
        ids = ids_of(dispatch)
        assert self.zekt.confirm(run, **ids).ok
        assert self.send(run, **{"causation": ids, **fields}).ok
        assert self.zekt.complete(run, **ids).ok
        self.end(run)
        return run, self.sent_to(SHOP, before + 1)


def envelope_of(dispatch: Dispatch) -> dict[str, Any]:
    found: dict[str, Any] = dispatch.client_payload["zekt"]
    return found


def ids_of(dispatch: Dispatch) -> dict[str, str]:
    return {name: envelope_of(dispatch)[name] for name in ("correlationId", "deliveryId")}


def shape(answer: requests.Response) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200, answer.text
    names = ("hop", "parent", "depth", "provider", "consumer", "status")
    return [tuple(hop[name] for name in names) for hop in answer.json()["hops"]]


def played(chain: Chain) -> tuple[Any, Any, Any]:
    """(the order's run, the answer's run, the dispatch of the answer); infra-team's delivery is completed."""
    ordered, order = chain.order()
    chain.sent_to(RIVAL)
    # GitHub's runs begin later than its answer is written down.
    chain.zekt.until(ids_of(order)["deliveryId"], "dispatched")
    run, answer = chain.answer(order)
    for dispatch in (answer, chain.sent_to(RIVAL)):
        chain.zekt.until(ids_of(dispatch)["deliveryId"], "dispatched")
    return ordered, run, answer


WHOLE = [
    (1, None, 0, SHOP, INFRA, "completed"),
    (2, 1, 1, INFRA, SHOP, "dispatched"),
    (3, None, 0, SHOP, RIVAL, "dispatched"),
]
