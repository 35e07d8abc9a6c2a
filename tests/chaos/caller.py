"""How providers and consumers reach the broker: by the action's own code, at whichever API answers."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable

from zekt_action.by_requests import RequestsTransport
from zekt_action.errors import ActionError
from zekt_action.transport import Answer, NoAnswerError, Request
from zekt_action.tries import Deadline, keep_trying
from zekt_sandbox import events, letters
from zekt_sandbox.runs import Run
from zekt_testing.broker import SECRET

_TRIES = 20
_SECONDS = 60.0
"""The action's default time; its tries at their most, since here something is down more often than not."""

_REDELIVERIES = 15
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 5.0


class Caller:
    """Any number of threads may call; each has connections of its own.

    Args:
        apis: where the broker's API listens; each try goes to any of them, as a plain load balancer would send it.
        seed: for that choice.
    """

    def __init__(self, apis: list[str], seed: int) -> None:
        self._apis = apis
        self._dice = random.Random(f"caller {seed}")
        self._own = threading.local()
        self._lock = threading.Lock()
        self.statuses: Counter[str] = Counter()
        """Every answer by its status, and `none` where there was none."""

    def ask(self, method: str, path: str, token: Callable[[], str], body: bytes | None = None) -> Answer | None:
        """What the broker finally answered; None when the caller gave up, as a step that fails does."""

        def attempt() -> Answer:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            request = Request(method, self._any() + path, headers, token(), body)
            try:
                answer = self._transport()(request, deadline.for_one_try())
            except NoAnswerError:
                self._count("none")
                raise
            self._count(str(answer.status))
            return answer

        deadline = Deadline(_SECONDS)
        try:
            answer, _ = keep_trying(attempt, most=_TRIES, deadline=deadline, tell=lambda _: None)
        except ActionError:
            return None
        return answer

    def tell(self, run: Run, *, twice: bool = False) -> bool:
        """Send the run's webhook, and again under the same guid until it is answered 2xx. False: it never was."""
        event = events.workflow_run_event(run, "completed")
        letter = letters.Letter(
            f"guid-{run.id}-{run.attempt}", "workflow_run", "completed", json.dumps(event).encode(), run.repository
        )
        for number in range(_REDELIVERIES):
            if self._post(letter):
                return self._post(letter) or True if twice else True
            time.sleep(min(_FIRST_WAIT * 2**number, _LONGEST_WAIT))
        return False

    def _post(self, letter: letters.Letter) -> bool:
        hook = letters.Hook(1, f"{self._any()}/api/github/webhooks", SECRET, letter.repository)
        # GitHub waits for 10 seconds.
        outcome = letters.post(hook, letter, 10.0)
        self._count(str(outcome.status_code or "none"))
        return outcome.status == "OK"

    def _any(self) -> str:
        with self._lock:
            return self._dice.choice(self._apis)

    def _count(self, status: str) -> None:
        with self._lock:
            self.statuses[status] += 1

    def _transport(self) -> RequestsTransport:
        found: RequestsTransport | None = getattr(self._own, "transport", None)
        if found is None:
            found = self._own.transport = RequestsTransport()
        return found
