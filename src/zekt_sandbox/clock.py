"""The time that runs and webhooks are stamped with, so that an outage of two hours can be played in two seconds."""

from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's time, `behind` ago. Tokens, limits and retention go by the real one."""

    def __init__(self) -> None:
        self.behind = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) - self.behind
