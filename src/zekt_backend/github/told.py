"""What is read of GitHub's answers when a connection is looked at: the members that are used, and no more."""

import base64
import binascii
from datetime import datetime
from typing import Annotated

import msgspec

from zekt_workflows.errors import MAX_BYTES

_Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class Installation(msgspec.Struct):
    """https://docs.github.com/en/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app ."""

    id: _Id
    permissions: dict[str, str] = {}
    suspended_at: str | None = None


class Repository(msgspec.Struct):
    id: _Id
    default_branch: str
    html_url: str = ""
    archived: bool = False
    disabled: bool = False


class Entry(msgspec.Struct):
    """https://docs.github.com/en/rest/repos/contents#get-repository-content ."""

    name: str
    type: str


class Content(msgspec.Struct):
    """A file; GitHub leaves the content out where it has more than 1 MB."""

    encoding: str = "none"
    content: str = ""
    size: int = 0

    @property
    def text(self) -> str:
        """As text; what is too large or no base64 gives a text that is too large, or unreadable, too."""
        if self.encoding != "base64" or self.size > MAX_BYTES:
            return " " * (MAX_BYTES + 1)
        try:
            return base64.b64decode(self.content).decode("utf-8-sig", errors="replace")
        except (binascii.Error, ValueError):
            return "\0"


class Workflow(msgspec.Struct):
    path: str
    state: str
    name: str = ""


class WorkflowList(msgspec.Struct):
    """https://docs.github.com/en/rest/actions/workflows#list-repository-workflows ."""

    workflows: list[Workflow]


class Allowed(msgspec.Struct):
    """https://docs.github.com/en/rest/actions/permissions#get-github-actions-permissions-for-a-repository ."""

    enabled: bool


class HookConfig(msgspec.Struct):
    """https://docs.github.com/en/rest/apps/webhooks#get-a-webhook-configuration-for-an-app ."""

    url: str = ""
    content_type: str = "form"


class Hook(msgspec.Struct):
    """https://docs.github.com/en/rest/repos/webhooks#list-repository-webhooks ."""

    id: _Id
    config: HookConfig
    active: bool = True
    events: list[str] = []


class App(msgspec.Struct):
    events: list[str] = []


class LogLine(msgspec.Struct):
    """Of a hook's delivery log: https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook ."""

    event: str
    status: str
    delivered_at: str
    repository_id: int | None = None


class Run(msgspec.Struct):
    id: _Id
    created_at: Annotated[datetime, msgspec.Meta(tz=True)]
    status: str | None = None
    conclusion: str | None = None
    html_url: str = ""


class RunList(msgspec.Struct):
    """https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository ."""

    total_count: int
    workflow_runs: list[Run]
