"""Looks at the engine's queue all the time, to know whose a job was when its worker died."""

import json
import threading
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import psycopg

from chaos.takeover import Holder, Worker

_EVERY = 0.5
"""Seconds: what a dead worker held is not touched for six."""


class Watch:
    """Notes which connection holds which job, whenever the database answers."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.holders: dict[int, list[Holder]] = defaultdict(list)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._enough.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=2) as connection:
                    while not self._enough.wait(_EVERY):
                        self._look(connection)
            except psycopg.Error:
                self._enough.wait(_EVERY)

    def _look(self, connection: psycopg.Connection) -> None:
        now = time.time()
        held = "SELECT id, queue_manager_id::text FROM pgqueuer WHERE status = 'picked' AND entrypoint = 'deliver'"
        for job_id, manager in connection.execute(held):
            self.holders[job_id].append(Holder(now, manager))


def workers(service: str, log: Path) -> list[Worker]:
    """Each connection that this worker's log tells of."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if '"worker_connected"' in line]
    return [
        Worker(service, line["queue_manager"], datetime.fromisoformat(line["timestamp"]).timestamp()) for line in lines
    ]
