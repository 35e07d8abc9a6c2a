"""What was sent before: the messages' bytes, for dispatch and claim check, and whole deliveries, for replay."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zekt_backend.store.database import Tx, many, one


@dataclass(frozen=True, slots=True)
class Payload:
    """Exactly the bytes that the provider's run sent."""

    raw: bytes
    sha256: str
    received_at: datetime
    gone: str | None
    """Why the bytes are not kept any more: `retention`, or `dispatched` (fire-and-forget); None: they are."""


async def fetch(tx: Tx, event_id: str) -> Payload:
    """The payload of a message. Its row outlives every delivery that refers to it."""
    return (await fetch_all(tx, {event_id}))[event_id]


async def fetch_all(tx: Tx, event_ids: Collection[str]) -> dict[str, Payload]:
    """By the ids of their messages."""
    rows = await many(
        tx,
        """SELECT event_id, payload AS raw, payload_sha256 AS sha256, received_at, flushed_why AS gone
           FROM messages WHERE event_id = ANY(%s)""",
        (list(event_ids),),
    )
    found = {row.pop("event_id"): Payload(**row) for row in rows}
    if missing := set(event_ids) - set(found):
        raise LookupError(f"message {min(missing)} has no row, though a delivery refers to it")
    return found


async def for_consumer(tx: Tx, delivery_id: str, consumer_id: int) -> tuple[bool, Payload | None]:
    """(is it this consumer's delivery, its payload if it carries one). What was never sent is nobody's yet."""
    row = await one(
        tx,
        "SELECT event_id FROM deliveries WHERE id = %s AND consumer_id = %s AND attempt > 0",
        (delivery_id, consumer_id),
    )
    if row is None:
        return False, None
    return True, await fetch(tx, row["event_id"]) if row["event_id"] else None


@dataclass(frozen=True, slots=True)
class Original:
    """A delivery as it was made, whatever became of it."""

    subscription_id: int
    provider_id: int
    provider: str
    correlation_id: str
    event_guid: str
    event_id: str | None
    event_type: str
    envelope: dict[str, Any]
    late: bool
    received_at: datetime | None
    """When its message came. None where it carries none, or where there is no trace of the message any more."""
    gone: str | None
    """As of `Payload`."""


async def original(tx: Tx, delivery_id: str) -> Original | None:
    """It, kept from being changed until the transaction ends.

    Whoever writes a reference to it needs that lock; it is taken before an installation's, as a try at GitHub
    takes them, so that the two cannot wait for each other.
    """
    row = await one(
        tx,
        """SELECT d.subscription_id, d.provider_id, d.provider, d.correlation_id, d.event_guid, d.event_id,
                  d.event_type, d.envelope, d.late
           FROM deliveries d WHERE d.id = %s FOR KEY SHARE OF d""",
        (delivery_id,),
    )
    if row is None:
        return None
    # Held, so that its bytes are not let go while somebody makes a delivery of them.
    kept = await one(
        tx, "SELECT received_at, flushed_why AS gone FROM messages WHERE event_id = %s FOR SHARE", (row["event_id"],)
    )
    return Original(**row, **(kept or {"received_at": None, "gone": None}))
