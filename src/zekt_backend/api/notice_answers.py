"""What is answered of notices: described for `/openapi.json`, as in `answers`."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from zekt_backend.api.answers import Listed, Shown


class NoticeSettings(Shown):
    """Where an account is told of failures. `url` whole for its owners; `https://host/…` for whoever else reads it."""

    account: str
    url: str | None
    stopped_at: datetime | None = Field(description="since then nothing is sent: the url answered 410 Gone")
    failing: int = Field(description="tries in a row that the url has failed")
    issues_repository: str | None
    issues_repository_id: int | None
    rotated_at: datetime | None
    version: int


class NewNoticeSecret(NoticeSettings):
    """The same, with what signs from now on: told this once."""

    secret: str


class NoticeTest(Shown):
    """How a test was answered. `status` is HTTP's; null: there was no answer."""

    delivered: bool
    status: int | None
    answer: str


class Notice(Shown):
    """What an account was told of one connection on one day (UTC), by one channel."""

    id: str
    account: str
    channel: Literal["webhook", "issue"]
    kind: Literal["delivery.failed", "connection.critical"]
    connection: int
    service: str
    consumer: str
    day: date
    times: int = Field(description="how often it happened on that day; told once")
    status: Literal["pending", "sent", "failed"]
    tries: int
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    answer: str | None
    link: str | None = Field(description="the issue")


class NoticeList(Listed):
    """Notices, newest first."""

    notices: list[Notice]
