"""Ask GitHub about a repository or a run. Blocking; belongs in a worker thread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
import requests
import urllib3
from github.Requester import Requester

from zekt_backend.errors import ZektError
from zekt_backend.github import bounded
from zekt_backend.github.client import GitHubApp, TokenRefusedError
from zekt_backend.github.connection import MAX_ANSWER, Reply, ask
from zekt_backend.rules import answers
from zekt_backend.rules.paths import is_repository_name
from zekt_backend.rules.records import RunState

_Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Found:
    """A repository, as GitHub knows it."""

    repository_id: int
    owner_id: int
    installation_id: int


class _Installation(msgspec.Struct):
    id: _Id


class _Owner(msgspec.Struct):
    id: _Id


class _Repository(msgspec.Struct):
    id: _Id
    owner: _Owner


class _Run(msgspec.Struct):
    status: str
    conclusion: str | None = None
    run_attempt: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] = 1


class TooLargeError(ZektError):
    """GitHub answers, and with more than is read of one answer: asking for less at a time may help."""

    def __init__(self, path: str) -> None:
        super().__init__(
            "github_refused",
            f"GitHub's answer to {path.partition('?')[0]} is larger than {MAX_ANSWER:,} bytes, which is more than Zekt"
            " reads of one. Nothing that GitHub documents is so large: check that no proxy answers in its place.",
        )


def repository(app: GitHubApp, full_name: str) -> Found:
    """Look up a repository and the app's installation on it.

    Raises:
        ZektError: `github_refused`, with what to click; `github_unavailable`, when trying again may help.
    """
    _check_name(full_name)
    installed = get(app.as_app, f"/repos/{full_name}/installation")
    if installed.status == requests.codes.not_found:
        raise ZektError(
            "github_refused",
            f"GitHub shows no installation of the Zekt app on {full_name}. Check the name; then an owner installs the"
            " app (the app's page > Install App), or adds the repository under Settings > GitHub Apps > Configure >"
            " Repository access.",
        )
    installation = read(installed, _Installation, app, full_name)
    told = get(lambda: app.requester(installation.id), f"/repos/{full_name}")
    found = read(told, _Repository, app, full_name)
    return Found(repository_id=found.id, owner_id=found.owner.id, installation_id=installation.id)


def run_conclusion(app: GitHubApp, installation_id: int, repository: str, run_id: int) -> RunState | None:
    """How a run stands: https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run .

    Returns:
        None when GitHub answers 404: the run was deleted, or the app no longer sees the repository.

    Raises:
        ZektError: `github_refused` or `github_unavailable`, as above.
    """
    _check_name(repository)
    reply = get_as(app, installation_id, f"/repos/{repository}/actions/runs/{run_id}")
    if reply.status == requests.codes.not_found:
        return None
    if reply.status == requests.codes.moved_permanently:
        # Renamed. The app's news, or the hourly reading, tell the new name.
        raise ZektError("github_unavailable", f"{repository} has another name now.", retry_after=_RETRY_AFTER)
    run = read(reply, _Run, app, repository)
    return RunState(status=run.status, conclusion=run.conclusion, run_attempt=run.run_attempt)


def get_as(app: GitHubApp, installation_id: int, path: str) -> Reply:
    """`get` as an installation. A removed one's tokens end at once: a new one is given, or tells that it is gone."""
    reply = get(lambda: app.requester(installation_id), path)
    if reply.status == requests.codes.unauthorized and app.forget(installation_id):
        reply = get(lambda: app.requester(installation_id), path)
    return reply


def _check_name(full_name: str) -> None:
    if not is_repository_name(full_name):
        raise ZektError("github_refused", f"{full_name!a} is no repository: write owner/name.")


def get(
    requester: Callable[[], Requester], path: str, *, verb: str = "GET", body: Mapping[str, Any] | None = None
) -> Reply:
    """GitHub's answer, a refusal to give us a token included.

    Raises:
        TooLargeError: it is larger than what is read of one.
        ZektError: `github_unavailable`, there was none.
    """
    try:
        return ask(requester(), verb, path, None if body is None else dict(body))
    except TokenRefusedError as refused:
        return refused.reply
    except bounded.TooLargeError as error:
        raise TooLargeError(path) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise ZektError(
            "github_unavailable", f"GitHub did not answer: {type(error).__name__}.", retry_after=_RETRY_AFTER
        ) from error


def read(
    reply: Reply, kind: type[Told], app: GitHubApp, about: str, *, advice: Mapping[int, str] | None = None
) -> Told:
    """The answer's body.

    Args:
        reply: what `get` gave.
        kind: the members that are wanted of it.
        app: knows the time, for limits.
        about: owner/name, for the error's text.
        advice: what to do about a status, where it is not what usually helps.

    Raises:
        ZektError: `github_unavailable` when trying again may help, `github_refused` for any other answer but 200.
    """
    if reply.status == requests.codes.ok:
        try:
            return msgspec.json.decode(reply.text, type=kind)
        except (msgspec.DecodeError, RecursionError):
            raise _refused(about, "something that its documentation does not know", _ADVICE_ADDRESS) from None
    answer = answers.from_response(reply.status, reply.headers, reply.text, now=app.now())
    if not answer.permanent and answer.category not in {"unexpected", "suspended"}:
        wait = max(1, round(answer.retry_after or _RETRY_AFTER))
        raise ZektError("github_unavailable", f"GitHub answered {reply.status}: {answer.text}", retry_after=wait)
    known = {**_ADVICE, **(advice or {})}
    raise _refused(about, f"{reply.status}: {answer.text}", known.get(reply.status, answer.advice))


def _refused(about: str, what: str, advice: str) -> ZektError:
    return ZektError("github_refused", f"Asked about {about}, GitHub answered {what}. {advice}")


_RETRY_AFTER = 10
"""Seconds until asking again makes sense, where GitHub names no time."""

_ADVICE_ADDRESS = "Check that ZEKT_GITHUB_API_URL is the root of GitHub's REST API and that no proxy answers for it."
_ADVICE = {
    403: "The app needs the repository permissions 'Metadata: Read' and 'Actions: Read', and its installation must not"
    " be suspended: an owner clicks Settings > GitHub Apps > Configure.",
    404: "The app's installation does not see it: an owner clicks Settings > GitHub Apps > Configure > Repository"
    " access and adds the repository.",
}
