"""The jobs of the bridge, and the app of Procrastinate that they belong to: `procrastinate --app=jobs.app worker`."""

import asyncio
import os
from typing import Any

import aiohttp
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy

CONNECTIONS = 16
"""Of each process, at most; and dispatches of a worker at the same time."""

app = App(
    connector=PsycopgConnector(conninfo=os.environ["PEER_DATABASE_URL"], min_size=1, max_size=CONNECTIONS + 4),
    worker_defaults={"concurrency": CONNECTIONS},
)
_sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}


def _session() -> aiohttp.ClientSession:
    """Kept from job to job, with its connections."""
    loop = asyncio.get_running_loop()
    if loop not in _sessions:
        _sessions[loop] = aiohttp.ClientSession(
            headers={
                "authorization": f"Bearer {os.environ['PEER_GITHUB_TOKEN']}",
                "accept": "application/vnd.github+json",
                "x-github-api-version": "2022-11-28",
            },
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=10),
            raise_for_status=True,
        )
    return _sessions[loop]


@app.task(name="dispatch", retry=RetryStrategy(max_attempts=4, exponential_wait=5), pass_context=True)
async def dispatch(context: JobContext, consumer: str, envelope: dict[str, Any]) -> None:
    """One `repository_dispatch`; an exception is another attempt."""
    envelope = {**envelope, "deliveryId": str(context.job.id), "attempt": context.job.attempts + 1}
    url = f"{os.environ['PEER_GITHUB_API_URL']}/repos/{consumer}/dispatches"
    body = {"event_type": envelope["eventType"], "client_payload": {"zekt": envelope}}
    async with _session().post(url, json=body):
        pass


@app.periodic(cron="*/10 * * * *")
@app.task(queueing_lock="retry_stalled_jobs")
async def retry_stalled_jobs(timestamp: int) -> None:
    """What a killed worker held is queued again, as Procrastinate's documents advise."""
    del timestamp
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)
