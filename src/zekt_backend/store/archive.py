"""The messages' bytes, for dispatch and for the claim check."""

from dataclasses import dataclass
from datetime import datetime

from zekt_backend.store.database import Tx, one


@dataclass(frozen=True, slots=True)
class Payload:
    """Exactly the bytes that the provider's run sent."""

    raw: bytes
    sha256: str
    received_at: datetime


async def fetch(tx: Tx, event_id: str) -> Payload:
    """The payload of a message. Its row outlives every delivery that refers to it."""
    row = await one(
        tx,
        "SELECT payload AS raw, payload_sha256 AS sha256, received_at FROM messages WHERE event_id = %s",
        (event_id,),
    )
    if row is None:
        raise LookupError(f"message {event_id} has no row, though a delivery refers to it")
    return Payload(**row)


async def for_consumer(tx: Tx, delivery_id: str, consumer_id: int) -> tuple[bool, Payload | None]:
    """(is it this consumer's delivery, its payload if it carries one)."""
    row = await one(
        tx,
        "SELECT event_id, envelope FROM deliveries WHERE id = %s AND consumer_id = %s",
        (delivery_id, consumer_id),
    )
    if row is None:
        return False, None
    return True, await fetch(tx, row["event_id"]) if row["event_id"] else None
