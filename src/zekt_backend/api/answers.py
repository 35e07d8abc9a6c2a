"""What the management API answers of accounts, repositories and who manages them: described for `/openapi.json`.

Nothing is written with these models: the store writes what is shown. Each names every field, and no other may come:
tests/security hold real answers against them.
"""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from zekt_backend.rules.access import Right


class Shown(BaseModel):
    """camelCase; every field is there, null where there is nothing to say, and there is no other."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Listed(Shown):
    """One page of a listing."""

    next: int | None = Field(description="`before` of the next page; null: this is the last one")


class Account(Shown):
    """An organisation or a person's own account, and what it is here for."""

    login: str
    kind: Literal["organization", "user"]
    provider: bool
    consumer: bool
    verified: bool
    version: int


class Member(Shown):
    """Of an account's people."""

    login: str
    role: Literal["owner", "member"]


class AccountWithMembers(Account):
    """One account with its people."""

    members: list[Member]


class AccountList(Listed):
    """Accounts, newest first."""

    accounts: list[Account]


class Barrier(Shown):
    """What keeps the app out of a repository, as GitHub last told, and who mends it."""

    kind: Literal["deleted", "deselected", "uninstalled", "not_installed", "suspended"]
    what: str
    advice: str


class Repository(Shown):
    """What it is enabled as, and what stands in the way. `id` is GitHub's."""

    id: int
    full_name: str
    account: str
    installation_id: int | None
    enabled: bool
    provider: bool
    consumer: bool
    completion_tracking: bool
    hook_id: int | None
    removed_at: datetime | None
    removed_why: Literal["deleted", "deselected"] | None
    barrier: Barrier | None
    version: int


class ChangedRepository(Repository):
    """The same after a change; `warning` says what did not work out at GitHub."""

    warning: str | None


class CompletionTracking(Shown):
    """What it places on a repository, and what it costs of GitHub's limit on requests. Webhooks count against none."""

    repository: str
    enabled: bool
    webhook_url: str
    webhook_events: list[str]
    webhook_placed: bool = Field(description="there is one already, for this or because the repository provides")
    requests_to_place: int = Field(description="to GitHub, at most, when it is switched on; two are the App's own")
    requests_an_hour: int = Field(description="of the installation, while the webhook is there: its log is read")
    requests_allowed_an_hour: int = Field(description="to an installation, at least")


class RepositoryList(Listed):
    """Repositories, the highest of GitHub's ids first."""

    repositories: list[Repository]


class Workflow(Shown):
    """Whether it is whitelisted, and what is published from it. Without a version it was never whitelisted."""

    path: str
    whitelisted: bool
    services: list[str]
    version: int | None


class LastBlocked(Shown):
    """The newest end of a run of which nobody got anything, and why."""

    at: datetime
    run_id: str
    html_url: str
    why: str


class ListedWorkflow(Workflow):
    """`name` and `state` as GitHub has them, null where it lists no such workflow; and what was blocked of late.

    `blocked`: ends of runs of which nobody got anything; `notWhitelisted`: those of them that the whitelist stopped.
    """

    name: str | None
    state: str | None
    blocked: int
    not_whitelisted: int
    blocked_cost: str
    last_blocked: LastBlocked | None


class WorkflowList(Shown):
    """A repository's workflows; `leftOut` is how many more GitHub has than were read."""

    repository: str
    repository_id: int
    account: str
    since: datetime = Field(description="what was blocked is counted from then on")
    complete: bool = Field(description="false: only the newest runs since then were counted, there are too many")
    currency: str
    workflows: list[ListedWorkflow]
    left_out: int


class ApiToken(Shown):
    """An API token without its text, which is kept nowhere."""

    id: int
    account: str
    name: str
    scope: Literal["read", "manage"]
    created_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewApiToken(ApiToken):
    """A new one, with its text this once."""

    token: str


class ApiTokenList(Listed):
    """API tokens, newest first."""

    tokens: list[ApiToken]


class AuditLine(Shown):
    """A change: what differs, as it was `before` and is `after`. Who did it stays with the side that did."""

    id: int
    at: datetime
    actor: str
    account: str | None
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditTrail(Listed):
    """Changes, newest first."""

    audit: list[AuditLine]


class Counts(Shown):
    """What was used. Costs are decimal text with six places, in the `currency` of the whole."""

    messages: int
    refused: int
    events: int
    blocked: int
    dispatches: int
    retries: int
    confirms: int
    completes: int
    bytes: int
    cost: str
    blocked_cost: str


class DayOfUse(Counts):
    """An account's day (UTC)."""

    account: str
    day: date


class WorkflowInUse(Counts):
    """A workflow's, over all days asked for."""

    account: str
    repository: str
    workflow_path: str


class UsageReport(Shown):
    """By day or by workflow, as was asked, and all of it together. Days are those of UTC; both ends are included."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    by: Literal["day", "workflow"]
    currency: str
    usage: list[DayOfUse | WorkflowInUse]
    total: Counts


class OwnAccount(Account):
    """An account that the caller has a right to; null where GitHub could not be asked for too long."""

    right: Right | None


class Me(Shown):
    """Who is asking. `login`, `csrfToken` and `expiresAt` are a session's, else null."""

    actor: str
    operator: bool
    login: str | None
    csrf_token: str | None
    expires_at: datetime | None
    repositories: list[int] = Field(description="GitHub's ids of those that a person administers, and so manages")
    accounts: list[OwnAccount]
    requests: int = Field(description="open requests for the caller to decide on; counted up to 100")


class SignedIn(Shown):
    """The session is in the cookie."""

    login: str
    csrf_token: str


class SignedOut(Shown):
    """The session is over."""

    signed_out: Literal[True]


class Alive(Shown):
    """The process answers."""

    status: Literal["ok"]
    version: str


class Ready(Shown):
    """The database answers, too."""

    status: Literal["ready"]
    version: str
