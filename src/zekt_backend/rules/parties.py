"""Whom the policy decides about: a workflow that ran, the services published from it, and who has subscribed."""

from dataclasses import dataclass
from datetime import timedelta

from zekt_backend.rules.reach import Barrier


@dataclass(frozen=True, slots=True)
class Service:
    id: int
    slug: str
    alias: str
    event_type: str
    metadata_only: bool
    hide_provider: bool
    retired: bool = False
    guard: str = "pass"
    """What becomes of credentials in a message (`rules/door.py`)."""
    schema_version: int | None = None
    """Of the JSON Schema that a message must fit; None: it may be anything."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A consumer repository's standing with a service; times and counts are None where the default holds."""

    id: int
    service: Service
    status: str
    consumer_id: int
    consumer: str
    consumer_enabled: bool
    enabled_as_consumer: bool
    installation_id: int | None
    durable: bool
    conclusions: tuple[str, ...] | None
    confirm_timeout: timedelta | None
    complete_timeout: timedelta | None
    max_dispatches: int | None
    branches: tuple[str, ...] | None = None
    """Patterns of head branches (`rules/branches.py`); None: all."""
    event_types: tuple[str, ...] | None = None
    """Of messages; where there is none, or it has none, the service's own counts. None: all."""
    barrier: Barrier | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """What we know of the workflow that ran."""

    repository_known: bool
    repository_enabled: bool
    enabled_as_provider: bool
    workflow_path: str | None
    whitelisted: bool
    services: tuple[Service, ...]
    subscriptions: tuple[Subscription, ...]
    barrier: Barrier | None = None
