"""The newest events with the messages of their runs, to ask a changed policy about."""

from collections import defaultdict
from collections.abc import Sequence

from zekt_backend.rules.correlation import Message
from zekt_backend.rules.records import RunEvent, RunKey
from zekt_backend.store.database import Tx, many


async def newest(tx: Tx, limit: int) -> list[tuple[RunEvent, list[Message]]]:
    """Newest first, each with what that attempt of the run has sent, in order."""
    rows = await many(
        tx,
        """SELECT guid, repository_id, run_id, run_attempt, repository, workflow_id, workflow_path, workflow_name,
                  conclusion, head_branch, head_sha, event, actor, html_url, started_at, completed_at
           FROM events ORDER BY received_at DESC LIMIT %s""",
        (limit,),
    )
    keys = [RunKey(row.pop("repository_id"), row.pop("run_id"), row.pop("run_attempt")) for row in rows]
    messages = await _messages(tx, keys)
    return [(RunEvent(key=key, **row), messages[key]) for key, row in zip(keys, rows, strict=True)]


async def _messages(tx: Tx, keys: Sequence[RunKey]) -> dict[RunKey, list[Message]]:
    rows = await many(
        tx,
        """SELECT m.repository_id, m.run_id, m.event_id, m.event_type, m.workflow_path, m.run_attempt, m.job, m.step
           FROM unnest(%s::bigint[], %s::bigint[], %s::integer[]) AS k (repository_id, run_id, run_attempt)
           JOIN messages m ON (m.repository_id, m.run_id, m.run_attempt) = (k.repository_id, k.run_id, k.run_attempt)
           ORDER BY m.seq""",
        ([k.repository_id for k in keys], [k.run_id for k in keys], [k.run_attempt for k in keys]),
    )
    found: dict[RunKey, list[Message]] = defaultdict(list)
    for row in rows:
        key = RunKey(row.pop("repository_id"), row.pop("run_id"), row["run_attempt"])
        found[key].append(Message(**row))
    return found
