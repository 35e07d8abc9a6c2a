"""A running broker for tests, and what its users would do to it. GitHub is the sandbox; all else is real."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import psycopg
import requests
from pydantic import SecretStr

from zekt_backend import log, process
from zekt_backend.broker import Broker
from zekt_backend.settings import Settings
from zekt_sandbox.dispatches import Dispatch
from zekt_sandbox.runs import Run
from zekt_sandbox.server import SandboxServer
from zekt_testing import described
from zekt_testing.waiting import WAIT, until

ADMIN_TOKEN = "an admin token that only these tests know"
SECRET = "a webhook secret that only these tests know"
Result = TypeVar("Result")

ORDER = ".github/workflows/order.yml"


@dataclass
class Zekt:
    """A running broker, and what its users would do to it."""

    url: str
    database_url: str
    github: SandboxServer
    settings: Settings
    also_work: Callable[[], None]
    """Starts one more worker, as `zekt worker` would on another machine."""
    hooks: list[Any] = field(default_factory=list)

    def start_run(self, **how: Any) -> Run:
        return self.github.start_run("shop-team/orders", workflow=ORDER, **how)

    def post(self, path: str, token: str, body: bytes | dict[str, Any]) -> requests.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = requests.post(self.url + path, data=raw, headers=headers, timeout=30)
        described.check(answer)
        return answer

    def send(self, run: Run, payload: Any = None, *, raw: bytes | None = None, **fields: Any) -> requests.Response:
        """A message as our action sends it: the payload's own bytes as the last member."""
        raw = json.dumps({"resourceType": "webServer"} if payload is None else payload).encode() if raw is None else raw
        head = {
            "eventType": "infrastructure-order",
            "repository": run.repository.full_name,
            "workflowRunId": str(run.id),
            "payloadSha256": hashlib.sha256(raw).hexdigest(),
            **fields,
        }
        kept = {key: value for key, value in head.items() if value is not None}
        body = json.dumps(kept).encode()[:-1] + b',"payload":' + raw + b"}"
        return self.post("/api/events/receive", run.token(), body)

    def confirm(self, run: Run, **body: Any) -> requests.Response:
        return self.post("/api/event-delivery/confirm", run.token(), body)

    def complete(self, run: Run, **body: Any) -> requests.Response:
        return self.post("/api/event-delivery/complete", run.token(), {"success": True, **body})

    def get(self, path: str) -> Any:
        answer = requests.get(self.url + path, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=30)
        assert answer.status_code == 200, answer.text
        described.check(answer)
        return answer.json()

    def deliveries(self, **query: Any) -> list[dict[str, Any]]:
        """Oldest first."""
        text = "&".join(f"{key}={value}" for key, value in query.items())
        found: list[dict[str, Any]] = self.get(f"/api/deliveries?limit=500&{text}")["deliveries"]
        return found[::-1]

    def delivery(self, delivery_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/deliveries/{delivery_id}")
        return found

    def until(self, delivery_id: str, *statuses: str, seconds: float = WAIT) -> dict[str, Any]:
        """The delivery once it has one of these statuses; its every change is a row."""

        def come() -> dict[str, Any] | None:
            found = self.delivery(delivery_id)
            return found if found["status"] in statuses else None

        return until(come, lambda: f"not {' or '.join(statuses)}: {self.delivery(delivery_id)}", seconds)

    def dispatched(self, count: int = 1, repository: str = "infra-team/platform") -> list[Dispatch]:
        return self.github.wait_for_dispatches(repository, count, WAIT)

    def until_sql(self, query: str, seconds: float = WAIT) -> None:
        """Wait until the query has a row."""
        until(lambda: self.sql(query), lambda: f"no row: {query}", seconds)

    def wait_for_visit(self, path: str, seconds: float = WAIT) -> None:
        """Wait until somebody has asked GitHub for a path that ends so."""
        until(
            lambda: any(visit.path.endswith(path) for visit in self.github.visits()),
            lambda: f"GitHub was not asked for {path}",
            seconds,
        )

    def sql(self, query: str, *params: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), params)
            return cursor.fetchall() if cursor.description else []


def settings_for(github: SandboxServer, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "port": 0,
        "admin_token": SecretStr(ADMIN_TOKEN),
        "webhook_secret": SecretStr(SECRET),
        "github_api_url": github.url,
        "github_app_id": github.app_id,
        "github_app_private_key": SecretStr(github.app_private_key),
        "github_url": github.url,
        "oauth_client_id": github.world.oauth.client_id,
        "oauth_client_secret": SecretStr(github.world.oauth.client_secret),
        "oidc_issuer": (github.issuer,),
        "dispatch_spacing": timedelta(0),
        "github_timeout": timedelta(seconds=2),
        "worker_heartbeat": timedelta(seconds=1.5),
        "sweep_seconds": 1,
        # Who tests it calls it: no round of the schedule's own spends a planned fault or counts as a visit.
        "reconcile_seconds": 0,
        "worker_threads": 4,
        **changes,
    }
    return Settings(**values)


class Running:
    """One broker process in a thread of its own: API, worker, or both."""

    def __init__(self, settings: Settings, url: str, *, api: bool = True, work: bool = True) -> None:
        self._stopping: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None
        self.broker: Broker | None = None
        self._thread = threading.Thread(target=self._run, args=(settings, url, api, work), daemon=True)
        self._thread.start()
        assert self._started.wait(WAIT)
        if self._error is not None:
            raise self._error

    def _run(self, settings: Settings, url: str, api: bool, work: bool) -> None:
        async def main() -> None:
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
            await process.run_until(self._stopping, settings, url, api=api, work=work, started=self._on_start)

        log.configure("json")
        try:
            with asyncio.Runner(loop_factory=process.new_loop) as runner:
                runner.run(main())
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            self._error = error
            self._started.set()

    def _on_start(self, broker: Broker) -> None:
        self.broker = broker
        self._started.set()

    def do(self, work: Callable[[Broker], Coroutine[Any, Any, Result]]) -> Result:
        """Run something of the broker's on its own loop, as a job would be, and wait for it."""
        assert self._loop is not None
        assert self.broker is not None
        return asyncio.run_coroutine_threadsafe(work(self.broker), self._loop).result(90)

    def stop(self) -> None:
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(WAIT)
        assert not self._thread.is_alive(), "the broker did not stop"
        if self._error is not None:
            raise self._error
