"""What a confirm or a complete means for a delivery: pure, and never corrupting."""

from dataclasses import dataclass

from zekt_backend.rules.lifecycle import ENDED, Fact, Status


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules need of a delivery."""

    status: Status
    durable: bool
    consumer_run_id: int | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """The facts to write, in order (none: the delivery stays as it is), and what to tell the caller."""

    facts: tuple[Fact, ...]
    message: str
    duplicate: bool = False


_NOT_TRACKED = (
    "Accepted. This subscription is fire-and-forget, so there is nothing to track: make it durable to see more."
)


def on_confirm(delivery: Standing, run_id: int) -> Ruling:
    """The consumer's run says that it has started."""
    if not delivery.durable:
        return Ruling((), _NOT_TRACKED)
    if delivery.consumer_run_id not in (None, run_id):
        return Ruling((), "Another run confirmed this delivery before: skip the work.", duplicate=True)
    if delivery.consumer_run_id == run_id:
        return Ruling((), "This run has confirmed this delivery before.")
    if delivery.status in ENDED:
        return Ruling((), "The delivery had ended before this confirmation came; it stays as it is.")
    return Ruling((Fact.CONFIRMED,), "Confirmed.")


def on_complete(delivery: Standing, run_id: int, *, success: bool) -> Ruling:
    """The consumer's run says how it ended. Without a confirmation before it, it is one too."""
    end = Fact.COMPLETED if success else Fact.RUN_FAILED
    if not delivery.durable:
        return Ruling((), _NOT_TRACKED)
    if delivery.status in ENDED:
        return Ruling((), f"The delivery had ended as {delivery.status.value} before; it stays as it is.")
    if delivery.consumer_run_id not in (None, run_id):
        return Ruling((), "Another run confirmed this delivery, and its end is the one that counts.", duplicate=True)
    if delivery.status is Status.CONFIRMED:
        return Ruling((end,), "Completed." if success else "Recorded as failed.")
    return Ruling((Fact.CONFIRMED, end), "No confirmation came before, so this counts as both.")
