"""The consumers: each dispatch starts a run that confirms and completes, or fails, or dies without a word."""

import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from typing import Any

from chaos.caller import Caller
from chaos.records import Confirmed
from chaos.world import DURABLE
from zekt_action.transport import Answer
from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.runs import Run
from zekt_sandbox.server import SandboxServer

_AT_A_TIME = 48
_OK = 200


class Part(StrEnum):
    """What a consumer's run does, and how its delivery must end."""

    DONE = "confirms, completes"
    FAILS = "confirms, completes as failed"
    QUIET = "confirms, ends well, and only its webhook says so"
    DIES = "confirms, is cancelled, and only its webhook says so"
    VANISHES = "confirms, times out, and its webhook is lost: the broker must ask"
    SLEEPS = "the first run says nothing; the next does all"


_WEIGHTS = {Part.DONE: 70, Part.FAILS: 10, Part.QUIET: 6, Part.DIES: 6, Part.VANISHES: 4, Part.SLEEPS: 4}
_CONCLUSION = {Part.FAILS: "failure", Part.DIES: "cancelled", Part.VANISHES: "timed_out"}


class Consumers:
    """Plays every dispatch that GitHub accepts.

    Args:
        github: where the dispatches arrive.
        caller: the way to the broker.
        seed: for the parts.
    """

    def __init__(self, github: SandboxServer, caller: Caller, seed: int) -> None:
        self._github = github
        self._caller = caller
        self._seed = seed
        self._pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="consumer")
        self._lock = threading.Lock()
        self._playing: set[Future[None]] = set()
        self._seen: Counter[str] = Counter()
        self.ends: dict[str, str] = {}
        self.confirmed: list[Confirmed] = []
        self.told_duplicates = 0
        self.bad_fetches: list[str] = []
        self.troubles: list[str] = []
        """Final answers other than 2xx, and bugs of our own: there should be none."""
        for consumer in DURABLE:
            github.on_dispatch(consumer, self._on_dispatch)

    @property
    def busy(self) -> bool:
        with self._lock:
            return bool(self._playing)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _on_dispatch(self, dispatch: Dispatch) -> None:
        with self._lock:
            playing = self._pool.submit(self._play, dispatch)
            self._playing.add(playing)
        playing.add_done_callback(self._played)

    def _played(self, playing: Future[None]) -> None:
        with self._lock:
            self._playing.discard(playing)
            if not playing.cancelled() and (error := playing.exception()) is not None:
                self.troubles.append(f"a consumer broke: {error!r}")

    def _play(self, dispatch: Dispatch) -> None:
        envelope = dispatch.client_payload["zekt"]
        if not DURABLE[dispatch.repository.full_name]:
            return
        delivery_id = envelope["deliveryId"]
        part = self._part(envelope, dispatch.repository.full_name)
        conclusion = _CONCLUSION.get(part, "success")
        with self._lock:
            self._seen[delivery_id] += 1
            asleep = part is Part.SLEEPS and self._seen[delivery_id] == 1
            self.ends[delivery_id] = "completed" if conclusion == "success" else "failed"
        run = self._github.start_run_for(dispatch)
        if part is Part.VANISHES or asleep:
            self._github.world.runs.finish(run, conclusion)
        if asleep:
            return
        said = self._confirms(run, envelope) and self._works(run, envelope, part, conclusion)
        self._github.world.runs.finish(run, conclusion)
        if not said and part is not Part.VANISHES:
            self._caller.tell(run)

    def _works(self, run: Run, envelope: Mapping[str, Any], part: Part, conclusion: str) -> bool:
        """Whether the broker was told how it ended; if not, the run's webhook tells."""
        if envelope["payloadRef"] is not None:
            self._fetch(run, envelope)
        if part in (Part.QUIET, Part.DIES, Part.VANISHES):
            return False
        return self._acknowledge("complete", run, envelope, success=conclusion == "success") is not None

    def _part(self, envelope: Mapping[str, Any], consumer: str) -> Part:
        """The same for every dispatch of a delivery."""
        name = f"{self._seed} {envelope['correlationId']} {consumer} {envelope['payloadSha256']}"
        return random.Random(name).choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]

    def _confirms(self, run: Run, envelope: Mapping[str, Any]) -> bool:
        """Whether this run shall do the work: it was told so, and not that another run does it."""
        answer = self._acknowledge("confirm", run, envelope)
        if answer is None or answer.status != _OK:
            return False
        duplicate = answer.json()["duplicate"] is True
        with self._lock:
            self.told_duplicates += duplicate
            if not duplicate:
                self.confirmed.append(Confirmed(envelope["deliveryId"], run.id))
        return not duplicate

    def _acknowledge(self, verb: str, run: Run, envelope: Mapping[str, Any], **body: Any) -> Answer | None:
        ids = {"correlationId": envelope["correlationId"], "deliveryId": envelope["deliveryId"]}
        sent = json.dumps(ids | body).encode()
        return self._checked(self._caller.ask("POST", f"/api/event-delivery/{verb}", run.token, sent))

    def _fetch(self, run: Run, envelope: Mapping[str, Any]) -> None:
        path = f"/api/event-delivery/{envelope['deliveryId']}/payload"
        answer = self._checked(self._caller.ask("GET", path, run.token))
        if answer is not None and hashlib.sha256(answer.body).hexdigest() != envelope["payloadRef"]["sha256"]:
            with self._lock:
                self.bad_fetches.append(envelope["deliveryId"])

    def _checked(self, answer: Answer | None) -> Answer | None:
        if answer is not None and answer.status != _OK:
            with self._lock:
                self.troubles.append(f"a consumer was answered {answer.status}: {answer.body[:300]!r}")
        return answer
