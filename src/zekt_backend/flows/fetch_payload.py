"""The claim check: a consumer's run fetches the message that did not fit into its dispatch."""

from datetime import datetime, timedelta

from zekt_backend.clock import Clock
from zekt_backend.errors import ZektError
from zekt_backend.flows.admit import admit
from zekt_backend.rules.identity import not_yours
from zekt_backend.rules.records import SignedClaims
from zekt_backend.store import archive
from zekt_backend.store.archive import Payload
from zekt_backend.store.database import Database, Tx


async def fetch_payload(
    delivery_id: str, claims: SignedClaims, purpose: bytes, *, db: Database, clock: Clock, retention: timedelta
) -> Payload:
    """Exactly the bytes the provider sent.

    Raises:
        ZektError: `not_yours`, `no_payload`, or `payload_expired` after `retention`; what `admit` raises.
    """

    async def work(tx: Tx) -> Payload | None:
        await admit(tx, claims, purpose)
        theirs, payload = await archive.for_consumer(tx, delivery_id, claims.repository_id)
        if not theirs:
            raise not_yours("This repository has no such delivery")
        return payload

    payload = await db.run(work)
    if payload is None:
        raise ZektError("no_payload", "The run that was delivered sent no message, or its service forwards none.")
    check_kept(payload.received_at, payload.gone, clock.now(), retention)
    return payload


def check_kept(received_at: datetime | None, gone: str | None, now: datetime, retention: timedelta) -> None:
    """Whether the bytes of a message may be had.

    Raises:
        ZektError: `payload_expired`, saying why.
    """
    again = "Have the provider's workflow run again, so that it sends anew."
    if gone == "dispatched":
        raise ZektError(
            "payload_expired",
            "It was let go some time after its dispatch (ZEKT_FLUSH_AFTER), as messages of fire-and-forget deliveries"
            f" are; those of durable ones stay for {retention.days} days. {again}",
        )
    if gone or received_at is None or now > received_at + retention:
        raise ZektError("payload_expired", f"Payloads are kept for {retention.days} days. {again}")
