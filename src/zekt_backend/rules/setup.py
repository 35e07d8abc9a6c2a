"""The setup file's contents: what may stand in it, with defaults. Unknown keys are errors, they are usually typos."""

import json
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from zekt_backend.rules.door import MAX_SCHEMA_BYTES, Guard
from zekt_backend.rules.paths import normalise_path

_Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}$")]
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
FullName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Path = Annotated[
    str,
    BeforeValidator(lambda path: normalise_path(path) if isinstance(path, str) else path),
    StringConstraints(pattern=r"^\.github/workflows/[^/\x00-\x1f]{1,200}\.ya?ml$"),
]
EventType = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Alias = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""Of several lines; no other control characters."""
Description = Annotated[Text, StringConstraints(max_length=2000)]
Note = Annotated[Text, StringConstraints(max_length=1000)]
Tags = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,29}$")], ...],
    Field(max_length=10),
    AfterValidator(lambda tags: tuple(dict.fromkeys(tags))),
]
Visibility = Literal["public", "organization", "unlisted"]
# What no branch has in its name (git-check-ref-format) is refused, since GitHub's own filters mean something by it.
_Branch = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f~^:?\[\]\\!]{1,250}$")]
_MOST_CHARACTERS = 2_000


def _short(names: tuple[str, ...]) -> tuple[str, ...]:
    """Each end of the provider's runs is held against all of them."""
    if (total := sum(map(len, names))) > _MOST_CHARACTERS:
        raise ValueError(f"they have {total:,} characters together; at most {_MOST_CHARACTERS:,} are allowed")
    return names


_Filter = (Field(min_length=1, max_length=50), AfterValidator(_short))
Branches = Annotated[tuple[_Branch, ...], *_Filter]
EventTypes = Annotated[tuple[EventType, ...], *_Filter]
GitHubId = Annotated[int, Field(ge=1, le=2**63 - 1)]
Seconds = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=35))]
Conclusion = Literal[
    "success",
    "failure",
    "cancelled",
    "timed_out",
    "action_required",
    "neutral",
    "skipped",
    "stale",
    "startup_failure",
]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
    )


class ServicePart(_Part):
    slug: Slug
    alias: Alias | None = None
    description: Description = ""
    tags: Tags = ()
    visibility: Visibility = "unlisted"
    event_type: EventType
    metadata_only: bool = False
    hide_provider: bool = False
    guard: Guard | None = None
    message_schema: dict[str, Any] | bool | None = Field(default=None, alias="schema")
    retired: bool = False

    @field_validator("message_schema")
    @classmethod
    def _json(cls, value: Any) -> Any:
        """YAML can say what JSON cannot."""
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError):
            raise ValueError("is not JSON: quote what YAML takes for a date") from None
        if len(text.encode()) > MAX_SCHEMA_BYTES:
            raise ValueError(f"has {len(text.encode()):,} bytes as JSON; at most {MAX_SCHEMA_BYTES:,} are allowed")
        return value

    @property
    def schema_text(self) -> str | None:
        """None: none is asked. Whether it was said at all, `says_schema` tells."""
        return None if self.message_schema is None else json.dumps(self.message_schema, ensure_ascii=False)

    @property
    def says_schema(self) -> bool:
        return "message_schema" in self.model_fields_set


class WorkflowPart(_Part):
    path: Path
    whitelisted: bool = True
    service: ServicePart | None = None


class RepositoryPart(_Part):
    """`id` and `installation-id` are looked up at GitHub when left out.

    `provider` and `consumer` are inferred when left out: workflows make it a provider, a subscription a consumer.
    """

    name: _Name
    id: GitHubId | None = None
    installation_id: GitHubId | None = None
    enabled: bool = True
    provider: bool | None = None
    consumer: bool | None = None
    completion_tracking: bool | None = None
    allow_pull_request_target: bool = False
    workflows: tuple[WorkflowPart, ...] = ()


class AccountPart(_Part):
    """`persona` adds to what the account is here for; a workflow or a subscription does so by itself."""

    login: _Login
    persona: Literal["provider", "consumer", "both"] | None = None
    repositories: tuple[RepositoryPart, ...] = ()


class SubscriptionPart(_Part):
    service: Slug
    consumer: FullName
    status: Literal["requested", "approved", "denied", "revoked"] = "requested"
    note: Note = ""
    durable: bool = False
    conclusions: tuple[Conclusion, ...] | None = Field(default=None, min_length=1)
    branches: Branches | None = None
    event_types: EventTypes | None = None
    confirm_timeout: Seconds | None = None
    complete_timeout: Seconds | None = None
    max_dispatches: Annotated[int, Field(ge=1, le=100)] | None = None


class SetupFile(_Part):
    accounts: tuple[AccountPart, ...] = ()
    subscriptions: tuple[SubscriptionPart, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        """What stands twice would end as whatever came last."""
        repositories = [f"{a.login}/{r.name}".lower() for a in self.accounts for r in a.repositories]
        ids = [str(r.id) for a in self.accounts for r in a.repositories if r.id is not None]
        slugs = [w.service.slug for a in self.accounts for r in a.repositories for w in r.workflows if w.service]
        pairs = [f"{s.service} → {s.consumer}".lower() for s in self.subscriptions]
        for what, names in (("repository", repositories), ("id", ids), ("service", slugs), ("subscription", pairs)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"the {what} {', '.join(twice)} stands twice")
        return self
