"""What may be asked of /_sandbox/…: each body and query, its fields, and what is said when they do not fit."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zekt_sandbox.refusals import Refused

_SHOWN_CHARACTERS = 40
_MAX_ID = 2**63 - 1

Id = Annotated[int, Field(ge=1, le=_MAX_ID)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=1)]


class Asked(BaseModel):
    """A JSON body. The defaults are those of `Stage`, which is only told what was given."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def check(cls, value: Mapping[str, Any]) -> Self:
        """The fields, checked.

        Raises:
            Refused: 422, naming every field that does not fit.
        """
        try:
            return cls.model_validate(dict(value))
        except ValidationError as error:
            raise Refused(422, "; ".join(cls._explain(error))) from error

    @classmethod
    def fields(cls) -> dict[str, str]:
        """Each field's name, with its type, whether it is required, and what it means."""
        schema = cls.model_json_schema()
        required = schema.get("required", [])
        return {
            name: f"{_kind(about)}{', required' if name in required else ''}: {about['description']}"
            for name, about in schema["properties"].items()
        }

    @classmethod
    def _explain(cls, error: ValidationError) -> list[str]:
        known = ", ".join(cls.model_fields)
        return [
            _sentence(".".join(map(str, problem["loc"]))[:_SHOWN_CHARACTERS], problem["type"], problem["msg"], known)
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        ]

    def given(self, *but: str) -> dict[str, Any]:
        """What was said, without what was left out."""
        return self.model_dump(exclude_unset=True, exclude=set(but))


def _sentence(field: str, kind: str, text: str, known: str) -> str:
    if kind == "missing":
        return f"{field} is required"
    if kind == "extra_forbidden":
        return f"{field} is not known here (known: {known or 'nothing'})"
    return f"{field} {text.removeprefix('Input ').replace('should', 'must', 1)}"


def _kind(about: Mapping[str, Any]) -> str:
    if "anyOf" in about:
        return " or ".join(_kind(each) for each in about["anyOf"])
    if "enum" in about:
        return " or ".join(about["enum"])
    if about.get("type") == "array":
        return f"list of {about['items']['type']}s"
    return str(about.get("type", "any"))


class Nothing(Asked):
    """No field at all."""

    @classmethod
    def fields(cls) -> dict[str, str]:
        return {}


class AddRepository(Asked):
    full_name: str = Field(description="owner/name")
    id: Id | None = Field(None, description="made up when left out")
    installation_id: Id | None = Field(None, description="one for each owner when left out")


class ChangeRepository(Asked):
    repository: str = Field(description="owner/name, added before")
    default_branch: str = Field("main", description="as it is when left out, like all of these")
    archived: bool = Field(False, description="read-only")
    disabled: bool = Field(False, description="by GitHub's staff")
    actions_enabled: bool = Field(True, description="whether GitHub Actions is switched on")
    has_issues: bool = Field(True, description="whether issues are switched on")
    installation_id: Id = Field(1, description="another installation covers it")


class SetInstallation(Asked):
    repository: str = Field(description="owner/name, added before: the installation that covers it is changed")
    suspended: bool | None = Field(None, description="as it is when left out")
    permissions: dict[str, str] | None = Field(None, description='such as {"contents": "write"}; as they are')
    verified: bool | None = Field(None, description="its organisation, by GitHub; as it is when left out")


class SetPerson(Asked):
    login: str = Field(description="made when there is none; else all of these are replaced")
    id: Id | None = Field(None, description="made up when left out")
    organizations: dict[str, str] = Field({}, description="organisation: admin or member")
    repositories: dict[str, str] = Field({}, description="owner/name: admin, write, read or none")


class ChangeApp(Asked):
    change: Literal[
        "suspend",
        "unsuspend",
        "uninstall",
        "install",
        "select",
        "deselect",
        "rename",
        "transfer",
        "delete",
        "rename_owner",
        "ping",
    ] = Field(description="what an owner does; the app's webhook tells of it")
    repository: str = Field(
        "", description="owner/name: it, or one that the installation covers; all but ping ask for it"
    )
    to: str = Field("", description="rename, transfer, rename_owner: the new name, or owner")
    installation_id: Id = Field(1, description="install, select: of which installation; install makes one up")


class AddWorkflow(Asked):
    repository: str = Field(description="owner/name, added before")
    path: str = Field(description=".github/workflows/NAME")
    text: str = Field(description="what the file says, YAML")
    branch: str | None = Field(None, description="the default branch when left out")
    state: str = Field("active", description="active when left out, or disabled_manually, disabled_inactivity, …")


class StartRun(Asked):
    repository: str = Field(description="owner/name, added before")
    workflow: str = Field(".github/workflows/ci.yml", description="its path, .github/workflows/ci.yml when left out")
    event: str = Field("push", description="what started it, push when left out")
    event_payload: dict[str, Any] = Field({}, description="members of the event file beside GitHub's usual ones")
    name: str | None = Field(None, description="the workflow's name, the file's stem when left out")
    actor: str = Field("octocat", description="who, octocat when left out")
    ref: str | None = Field(None, description="refs/heads/…, the default branch when left out")
    sha: str | None = Field(None, description="40 hex digits, random when left out")
    id: Id | None = Field(None, description="made up when left out")
    announce: bool = Field(False, description="send the webhooks requested and in_progress too")


class StartRunForDispatch(Asked):
    dispatch: int = Field(description="the id of an accepted dispatch")
    workflow: str = Field(
        ".github/workflows/receive.yml", description="its path, .github/workflows/receive.yml when left out"
    )
    name: str | None = Field(None, description="the workflow's name, the file's stem when left out")
    actor: str = Field("zekt-sandbox[bot]", description="who, the app when left out")
    ref: str | None = Field(None, description="refs/heads/…, the default branch when left out")
    sha: str | None = Field(None, description="40 hex digits, random when left out")
    id: Id | None = Field(None, description="made up when left out")
    announce: bool = Field(False, description="send the webhooks requested and in_progress too")


class FinishRun(Asked):
    conclusion: str = Field("success", description="one of GitHub's, success when left out")


class Mint(Asked):
    audience: str = Field("api://zekt", description="api://zekt when left out")
    claims: dict[str, Any] = Field({}, description="claims to replace; null takes one away")


class AppHook(Asked):
    url: str = Field(description="on this machine")
    secret: str | None = Field(None, description="signs what is sent; unsigned when left out")
    events: list[str] = Field(["workflow_run"], description="what it hears of, workflow_run when left out")


class AddHook(AppHook):
    repository: str = Field(description="owner/name, added before")
    active: bool = Field(True, description="whether anything is sent, true when left out")


class AddFault(Asked):
    where: str = Field(description="dispatch, rest, oidc, jwks or webhook")
    kind: str = Field(description="what happens there, see docs/sandbox.md")
    repository: str | None = Field(None, description="owner/name, any when left out")
    method: str | None = Field(None, description="GET, POST …, any when left out")
    path: str | None = Field(None, description="of the request, such as /app/installations, any when left out")
    times: Number | None = Field(1, description="how many requests it hits, 1 when left out, null for all")
    status: Annotated[int, Field(ge=200, le=599)] | None = Field(None, description="the HTTP status to answer with")
    seconds: Seconds = Field(60.0, description="how long a hang lasts or a rate limit asks to wait, 60 when left out")
    headers: dict[str, str] = Field({}, description="further response headers")
    body: Any = Field(None, description="the JSON to answer with, GitHub's usual shape when left out")


class SetLimits(Asked):
    requests_per_hour: Number | None = Field(None, description="any request; off when left out")
    content_per_minute: Number | None = Field(None, description="POST, PUT, PATCH and DELETE; off when left out")
    content_per_hour: Number | None = Field(None, description="the same by the hour; off when left out")
    points_per_minute: Number | None = Field(None, description="1 to read, else 5; off when left out")
    concurrent: Number | None = Field(None, description="requests at the same time; off when left out")
    hour_seconds: Seconds = Field(3600.0, description="how long the hour is, 3600 when left out")
    minute_seconds: Seconds = Field(60.0, description="how long the minute is, 60 when left out")


class SetClock(Asked):
    behind_seconds: Seconds = Field(0.0, description="how long ago it is then, 0 when left out")


class Form(Asked):
    """How to print settings or a run."""

    format: Literal["json", "env"] = Field("json", description="env prints lines for a shell to eval")


class FindDispatches(Asked):
    model_config = ConfigDict(strict=False)  # a query holds nothing but text

    repository: str | None = Field(None, description="owner/name, any when left out")
    refused: str | None = Field(None, description="given, with any value: also the tries that started nothing")
    count: Number | None = Field(None, description="wait until there are so many")
    timeout: Seconds = Field(10.0, description="seconds to wait, 10 when left out, at most 60")


class StartLocalRun(Asked):
    repository: str = Field(description="owner/name, a local folder")
    workflow: str = Field(description="its file's name, or its path")
    inputs: dict[str, str | bool | int | float] = Field({}, description="of a workflow_dispatch")
    event: str | None = Field(None, description="workflow_dispatch where it listens for that, else push, when left out")
    event_payload: dict[str, Any] = Field({}, description="members of the event file beside GitHub's usual ones")
    actor: str = Field("octocat", description="who, octocat when left out")


class FindAttempt(Asked):
    model_config = ConfigDict(strict=False)  # a query holds nothing but text

    attempt: Number | None = Field(None, description="which attempt, the newest when left out")


class Follow(Asked):
    follow: str | None = Field(None, description="given, with any value: stay, and tell what comes")


class ReadLog(FindAttempt):
    follow: str | None = Field(None, description="given, with any value: stay until the run has ended")
