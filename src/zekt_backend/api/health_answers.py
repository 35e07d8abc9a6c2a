"""What is answered of connections and of how they are doing: described for `/openapi.json`."""

from datetime import datetime
from typing import Literal

from zekt_backend.api.answers import Listed, Shown
from zekt_backend.api.market_answers import SubscriptionStatus
from zekt_backend.rules.failures import Cause
from zekt_backend.rules.health import State

End = Literal["provider", "consumer"]


class StatusCounts(Shown):
    """How many deliveries of 24 hours have each status now."""

    pending: int
    dispatched: int
    confirmed: int
    completed: int
    failed: int


class DayStatistics(Shown):
    """Deliveries made in the last 24 hours. `total` = `succeeded` + `failed` + `late`; what is `underway` is outside.

    `successRate` is in per cent, cut off after two decimals; null where nothing counts. `retries`: attempts beyond the
    first of those that succeeded. `capped`: there were more, these are the newest 12,000.
    """

    total: int
    succeeded: int
    failed: int
    late: int
    underway: int
    retries: int
    success_rate: float | None
    statuses: StatusCounts
    capped: bool


class ProviderEnd(Shown):
    """Where deliveries come from. The consumer reads no `repositoryId`, and all but `account` only while approved."""

    account: str
    repository_id: int | None
    repository: str | None
    workflow: str | None


class ConsumerEnd(Shown):
    """Where they go to."""

    account: str
    repository_id: int
    repository: str


class ShownConnection(Shown):
    """One subscription with both its ends. `id` is the subscription's; `name` is what `zekt doctor` takes.

    `provider` is null to the consumer of one who hides; `state` where the subscription is not approved; `lastEventAt`
    where there was no delivery yet.
    """

    id: int
    name: str
    service: str
    service_alias: str
    service_retired: bool
    status: SubscriptionStatus
    durable: bool
    provider: ProviderEnd | None
    consumer: ConsumerEnd
    sides: list[End]
    state: State | None
    last_event_at: datetime | None
    statistics: DayStatistics


class ConnectionList(Listed):
    """Connections, newest first. With `state`, a page may hold fewer than `limit` while there is a `next`."""

    connections: list[ShownConnection]


class CategoryCount(Shown):
    """So many of a category of docs/errors.md."""

    category: str
    count: int
    newest_at: datetime


class FailureGroup(Shown):
    """Failures that have much the same cause."""

    cause: Cause
    title: str
    count: int
    newest_at: datetime
    categories: list[CategoryCount]


class Failure(Shown):
    """A delivery that failed. `detail` is all that was said; HTTP status and request id are of the last attempt."""

    delivery_id: str
    correlation_id: str
    event_type: str
    is_replay: bool
    replayed_as: list[str]
    durable: bool
    cause: Cause
    category: str
    detail: str | None
    advice: str | None
    http_status: int | None
    github_request_id: str | None
    attempts: int
    dispatches: int
    created_at: datetime
    dispatched_at: datetime | None
    confirmed_at: datetime | None
    failed_at: datetime
    consumer_run_id: int | None
    conclusion: str | None


class Failures(Shown):
    """Of 30 days, by when they failed; the counts of `groups` sum up to `count`. `newest` are the last ten."""

    since: datetime
    count: int
    capped: bool
    groups: list[FailureGroup]
    newest: list[Failure]


class WebhookHealth(Shown):
    """How GitHub told of an end's runs in the last 24 hours: `received`, `missed` at first, and of these still `owed`.

    `successRate` is `received` of `received` + `owed`, in per cent.
    """

    end: End
    repository: str
    newest_at: datetime | None
    received: int
    missed: int
    owed: int
    success_rate: float | None
    capped: bool


class Fix(Shown):
    """In words, and what to copy: commands for the broker's machine, requests of this API, lines of a file, links."""

    text: str
    commands: list[str]
    requests: list[str]
    paste: str
    links: list[str]


class Recommendation(Shown):
    """What to do, and who can. `count` and `newestAt` are of the deliveries that it is about."""

    about: str
    who: Literal["provider", "consumer", "either", "operator", "nobody"]
    what: str
    count: int | None
    newest_at: datetime | None
    fix: Fix


class Diagnostics(Shown):
    """All about one connection. `retries`: failed attempts, since `since`, of deliveries that succeeded after all."""

    connection: ShownConnection
    since: datetime
    retries: list[CategoryCount]
    failures: Failures
    webhooks: list[WebhookHealth]
    recommendations: list[Recommendation]


class StateCounts(Shown):
    """Approved connections by state. `capped`: the newest 500 of them."""

    healthy: int
    warning: int
    critical: int
    capped: bool


class OpenCounts(Shown):
    """Deliveries to which something is owed. 10,000 stands for that many or more."""

    pending: int
    dispatched: int
    confirmed: int


class Load(Shown):
    """What `/metrics` has, too. `oldestDueSeconds`: for how long the most overdue step of a delivery has been due.

    `heldInstallations`: by GitHub's limits. `owedWebhooks` failed and are to come again; `gaps` is what was lost.
    """

    oldest_due_seconds: int
    open: OpenCounts
    held_installations: int
    owed_webhooks: int
    gaps: int


class BrokerHealth(Shown):
    """`load` is null but for the operator: it is everybody's."""

    version: str
    database: Literal["ok"]
    load: Load | None


class HealthOverview(Shown):
    """The whole at a glance."""

    connections: StateCounts
    broker: BrokerHealth
