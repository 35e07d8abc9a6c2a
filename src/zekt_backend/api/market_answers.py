"""What the management API answers of services, the directory and subscriptions: described for `/openapi.json`."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from zekt_backend.api.answers import Listed, Shown
from zekt_backend.rules.door import Guard
from zekt_backend.rules.setup import Conclusion, Visibility

SubscriptionStatus = Literal["requested", "approved", "denied", "revoked"]


class Service(Shown):
    """A service as its own account sees it. `schemaVersion` null: no schema is asked.

    `subscribers` are approved, `requests` are open: 1,001 stands for more than 1,000.
    """

    slug: str
    alias: str
    description: str
    tags: list[str]
    visibility: Visibility
    event_type: str
    metadata_only: bool
    hide_provider: bool
    guard: Guard
    schema_version: int | None
    retired_at: datetime | None
    account: str
    repository: str
    repository_id: int
    workflow: str
    whitelisted: bool
    subscribers: int
    requests: int
    version: int


class ServiceList(Listed):
    """An account's own services, newest first, retired ones too."""

    services: list[Service]


class ChosenSchema(Shown):
    """Which version of a service's JSON Schema counts now. `version` is the service's."""

    service: str
    schema_version: int | None
    version: int


class ServiceSchema(ChosenSchema):
    """A version as it was given; `schema` and what is said of it are null where none is asked."""

    created_at: datetime | None
    created_by: str | None
    given: str | None = Field(description="the same as text, to be asked again as the same version")
    text: dict[str, Any] | bool | None = Field(alias="schema", title="JSON Schema")


class SchemaVersion(Shown):
    """A version without its text. `asked`: it is the one that counts."""

    schema_version: int
    created_at: datetime
    created_by: str
    bytes: int
    asked: bool


class SchemaVersionList(Listed):
    """All versions of a service's JSON Schema, newest first."""

    schemas: list[SchemaVersion]


class OwnSubscription(Shown):
    """One of the caller's own to that service."""

    id: int
    consumer: str
    status: SubscriptionStatus


class DirectoryEntry(Shown):
    """A service as everybody sees it. `provider` null: it hides. `messages` false: ends of runs alone."""

    slug: str
    alias: str
    description: str
    tags: list[str]
    event_type: str
    provider: str | None
    badge: Literal["user", "organization", "verified-organization"]
    messages: bool
    schema_version: int | None
    subscriptions: list[OwnSubscription]


class DirectoryService(DirectoryEntry):
    """One of them, with the JSON Schema that its messages fit, and what a subscriber's workflow is started with."""

    text: dict[str, Any] | bool | None = Field(alias="schema", title="JSON Schema")
    example: dict[str, Any] = Field(description="the `repository_dispatch`; all that it says of a run is made up")


class DirectoryPage(Listed):
    """Services to subscribe to, newest first."""

    directory: list[DirectoryEntry]


class Subscription(Shown):
    """What lies between a service and a consumer's repository, as this caller may see it.

    `provider` is null to the consumer of one who hides, `repository` (the provider's) to every consumer; `requestedBy`
    and `decidedBy` to the side that was not it.
    Lists are null where all is taken, times (in seconds) and counts where the broker's own hold.
    """

    id: int
    service: str
    service_alias: str
    service_retired: bool
    status: SubscriptionStatus
    provider: str | None
    repository: str | None
    repository_id: int | None
    consumer: str
    consumer_id: int
    consumer_account: str
    note: str
    answer: str
    durable: bool
    conclusions: list[Conclusion] | None
    branches: list[str] | None
    event_types: list[str] | None
    confirm_timeout: float | None
    complete_timeout: float | None
    max_dispatches: int | None
    requested_by: str | None
    requested_at: datetime | None
    decided_by: str | None
    decided_side: Literal["provider", "consumer", "operator"] | None
    decided_at: datetime | None
    version: int
    sides: list[Literal["provider", "consumer"]] = Field(description="which of the two the caller may read as")


class SubscriptionList(Listed):
    """Subscriptions, newest first."""

    subscriptions: list[Subscription]
