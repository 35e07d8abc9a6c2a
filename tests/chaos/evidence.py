"""Reads the database and the sandbox once everything has settled."""

from collections import defaultdict

import psycopg

from chaos.records import Attempt, Delivery, Line, Received
from chaos.takeover import Pick
from zekt_sandbox.server import SandboxServer

_OWED = """
    SELECT count(*) FILTER (WHERE status = 'pending' OR durable AND status IN ('dispatched', 'confirmed')),
           (SELECT count(*) FROM pgqueuer)
    FROM deliveries
"""


def owing(url: str) -> tuple[int, int]:
    """How many deliveries, and how many jobs, are not done yet."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(_OWED).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def deliveries(url: str) -> list[Delivery]:
    """Every delivery with its history and its attempts."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            """SELECT d.id, correlation_id::bigint, consumer, event_id, payload_sha256, durable, status,
                      due_at IS NOT NULL, consumer_run_id
               FROM deliveries d LEFT JOIN messages USING (event_id) ORDER BY d.seq"""
        )
        found = {delivery.id: delivery for delivery in (Delivery(*row) for row in rows)}
        for delivery_id, *line in connection.execute(
            "SELECT delivery_id, fact, from_status, to_status FROM history ORDER BY id"
        ):
            found[delivery_id].history.append(Line(*line))
        for delivery_id, *attempt in connection.execute(
            """SELECT delivery_id, number, job_id, started_at, finished_at IS NOT NULL, accepted IS TRUE,
                      ambiguous IS TRUE, category
               FROM attempts ORDER BY delivery_id, number"""
        ):
            found[delivery_id].attempts.append(Attempt(*attempt))
    return list(found.values())


def received(github: SandboxServer) -> list[Received]:
    """Every dispatch that the sandbox accepted, also those it did not answer."""
    envelopes = [(d.client_payload["zekt"], d.repository.full_name) for d in github.dispatches()]
    return [
        Received(
            delivery_id=envelope["deliveryId"],
            attempt=envelope["attempt"],
            consumer=consumer,
            payload=envelope["payload"],
            sha256=envelope["payloadSha256"],
            reference=envelope["payloadRef"],
        )
        for envelope, consumer in envelopes
    ]


def engine_log(url: str) -> list[Pick]:
    """The engine's own log of deliver jobs, in order."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            """SELECT job_id, status::text, extract(epoch FROM created)::float8 FROM pgqueuer_log
               WHERE entrypoint = 'deliver' ORDER BY id"""
        )
        return [Pick(*row) for row in rows]


def tries(found: list[Delivery]) -> dict[int, list[float]]:
    """By job, when each try began."""
    by_job: dict[int, list[float]] = defaultdict(list)
    for delivery in found:
        for attempt in delivery.attempts:
            if attempt.job_id is not None:
                by_job[attempt.job_id].append(attempt.started_at.timestamp())
    return by_job


def server_settings(url: str) -> dict[str, str]:
    """What the promise rests on."""
    names = ("server_version", "fsync", "synchronous_commit", "full_page_writes")
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(names),))
        return {str(name): str(setting) for name, setting in rows}
