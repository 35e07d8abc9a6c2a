"""The claim check: a consumer's run fetches the message that did not fit into its dispatch."""

from datetime import timedelta

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
    if clock.now() > payload.received_at + retention:
        raise ZektError(
            "payload_expired",
            f"Payloads are kept for {retention.days} days; ask the provider to send it again.",
        )
    return payload
