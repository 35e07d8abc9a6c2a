"""The providers: run by run they send messages and webhooks, and write down what was acknowledged."""

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

from chaos.caller import Caller
from chaos.plan import Message, PlannedRun
from chaos.records import Owed
from chaos.world import WORKFLOW
from zekt_sandbox.runs import Run
from zekt_sandbox.server import SandboxServer

_AT_A_TIME = 32
_ACKNOWLEDGED = (200, 202)


class Providers:
    """Plays the plan at an even pace, however slowly the broker answers.

    Args:
        github: where the runs are.
        caller: the way to the broker.
        rate: messages and events a second.
    """

    def __init__(self, github: SandboxServer, caller: Caller, rate: float) -> None:
        self._github = github
        self._caller = caller
        self._rate = rate
        self._lock = threading.Lock()
        self.owed: list[Owed] = []
        self.refused: list[str] = []
        """Final answers other than 2xx: there should be none."""

    def play(self, planned: Sequence[PlannedRun]) -> None:
        """Block until every run has been played."""
        started, items = time.monotonic(), 0
        with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="provider") as pool:
            playing: list[Future[None]] = []
            for run in planned:
                time.sleep(max(0.0, started + items / self._rate - time.monotonic()))
                playing.append(pool.submit(self._play, run))
                items += run.items
            for done in playing:
                done.result()

    def _play(self, planned: PlannedRun) -> None:
        run = self._github.start_run(planned.provider.repository, workflow=WORKFLOW, id=planned.id)
        early = [message for message in planned.messages if not message.late]
        sent = [] if planned.racing else [(message, self._send(run, message)) for message in early]
        self._github.world.runs.finish(run, planned.conclusion)
        if planned.racing:
            told, racing = self._race(run, planned, early)
            sent += racing
        else:
            told = self._caller.tell(run, twice=planned.webhook_twice)
        bare = _bare(planned, [event_id for _, event_id in sent])
        sent += [(message, self._send(run, message)) for message in planned.messages if message.late]
        owed = Owed(
            run_id=run.id,
            event=told,
            consumers=planned.consumers,
            messages={event_id: message.raw for message, event_id in sent if event_id is not None},
            doubtful=frozenset(message.sha256 for message, event_id in sent if event_id is None),
            bare=bare,
            metadata_only=planned.provider.metadata_only,
        )
        with self._lock:
            self.owed.append(owed)

    def _race(
        self, run: Run, planned: PlannedRun, early: Sequence[Message]
    ) -> tuple[bool, list[tuple[Message, str | None]]]:
        """The webhook overtakes the messages, or the messages the webhook."""
        with ThreadPoolExecutor(1) as pool:
            telling = pool.submit(self._caller.tell, run, twice=planned.webhook_twice)
            sent = [(message, self._send(run, message)) for message in early]
            return telling.result(), sent

    def _send(self, run: Run, message: Message) -> str | None:
        """The event id of the receipt; None when it was never acknowledged."""
        head = {
            "eventType": "order-finished",
            "repository": run.repository.full_name,
            "workflowRunId": str(run.id),
            "messageId": message.id,
            "payloadSha256": message.sha256,
        }
        body = json.dumps(head).encode()[:-1] + b', "payload":' + message.raw + b"}"
        event_id = self._receipt(run, body)
        if event_id is not None and message.again and (again := self._receipt(run, body)) not in (None, event_id):
            with self._lock:
                self.refused.append(f"{message.id} was stored as {event_id}, and again as {again}")
        return event_id

    def _receipt(self, run: Run, body: bytes) -> str | None:
        answer = self._caller.ask("POST", "/api/events/receive", run.token, body)
        if answer is None:
            return None
        if answer.status not in _ACKNOWLEDGED:
            with self._lock:
                self.refused.append(f"a message of run {run.id} was answered {answer.status}: {answer.body[:300]!r}")
            return None
        return str(answer.json()["eventId"])


def _bare(planned: PlannedRun, early: Sequence[str | None]) -> Literal["owed", "forbidden", "optional"]:
    """Whether the event alone is delivered: when no message was there before it."""
    if not early:
        return "owed"
    return "optional" if planned.racing or all(event_id is None for event_id in early) else "forbidden"
