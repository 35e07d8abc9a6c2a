"""What is answered of replays of many deliveries: described for `/openapi.json`."""

from datetime import datetime

from pydantic import Field

from zekt_backend.api.answers import Shown


class Impossible(Shown):
    """So many cannot be replayed, why, and the first of them."""

    code: str
    count: int
    detail: str
    deliveries: list[str]


class ReplaysReceipt(Shown):
    """`id` is null where nothing was begun. `more`: there are more than were taken; ask again for them."""

    id: int | None
    dry_run: bool
    total: int = Field(description="How many are, or would be, replayed")
    impossible: list[Impossible]
    more: bool
    per_minute: int
    minutes: int = Field(description="How long that takes, about")


class RefusedReplay(Shown):
    """One that could not be replayed when it was its turn."""

    delivery_id: str
    code: str
    detail: str


class ReplayState(Shown):
    """How far it is. `account`: on whose behalf; null: the operator's."""

    id: int
    account: str | None
    actor: str
    connection: int | None
    per_minute: int
    created_at: datetime
    ended_at: datetime | None
    stopped: bool
    why: str | None = Field(description="What stopped it, where nobody asked for that")
    total: int
    made: int
    refused: int
    left: int


class Replays(ReplayState):
    """Of those that were refused the first hundred, too."""

    refusals: list[RefusedReplay]


class ReplayList(Shown):
    replays: list[ReplayState]
    next: int | None
