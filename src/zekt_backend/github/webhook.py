"""GitHub's webhooks, verified and read. No I/O: bytes and headers in, a record out."""

import hmac
import re
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec import Meta

from zekt_backend.errors import ZektError
from zekt_backend.rules.paths import normalise_path
from zekt_backend.rules.records import Ignored, RunEvent, RunKey

_MOST_DIGITS = 19
"""A decimal number of fewer digits fits into 63 bits."""

_SIGNATURE = re.compile(r"sha256=([0-9a-fA-F]{64})")

_Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
_Attempt = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_Text = Annotated[str, Meta(max_length=2_000)]
_FullName = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}\\Z")]


class _Head(msgspec.Struct):
    action: _Text


class _Actor(msgspec.Struct):
    login: _Text = ""


class Repository(msgspec.Struct):
    id: _Id
    full_name: _FullName


class Workflow(msgspec.Struct):
    name: _Text | None = None
    path: _Text | None = None


class HeadRepository(msgspec.Struct):
    """Where the run's commit lies: in a pull request from a fork, that fork."""

    id: _Id
    full_name: _Text = ""


class Run(msgspec.Struct):
    """The part of `workflow_run` that is read; GitHub sends far more, and more every year."""

    id: _Id
    head_sha: _Text
    event: _Text
    run_attempt: _Attempt = 1
    workflow_id: _Id | None = None
    path: _Text | None = None
    name: _Text | None = None
    conclusion: _Text | None = None
    head_branch: _Text | None = None
    head_repository: HeadRepository | msgspec.UnsetType | None = msgspec.UNSET
    """None where the fork has been deleted."""
    html_url: _Text = ""
    actor: _Actor | None = None
    run_started_at: _Text | None = None
    updated_at: _Text | None = None


class _Completed(msgspec.Struct):
    """As documented in https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run ."""

    workflow_run: Run
    repository: Repository
    workflow: Workflow | None = None


_Model = TypeVar("_Model", bound=msgspec.Struct)

_HEAD = msgspec.json.Decoder(_Head)
_COMPLETED = msgspec.json.Decoder(_Completed)


def signature(header: str | None) -> bytes:
    """The HMAC that the header `X-Hub-Signature-256` carries; to be asked before the body is read.

    Raises:
        ZektError: `webhook_signature_missing` or `webhook_signature_malformed`.
    """
    if not header:
        raise ZektError(
            "webhook_signature_missing",
            "The header X-Hub-Signature-256 is missing. GitHub sends it when the webhook has a secret: set the same"
            " secret in the webhook's settings and in ZEKT_WEBHOOK_SECRET.",
        )
    match = _SIGNATURE.fullmatch(header)
    if match is None:
        raise ZektError(
            "webhook_signature_malformed",
            "X-Hub-Signature-256 must be `sha256=` and 64 hexadecimal digits. The older X-Hub-Signature (SHA-1) is"
            " not accepted in its place.",
        )
    return bytes.fromhex(match[1])


def hook_secret(master: bytes, repository_id: int, generation: int) -> str:
    """The secret of the webhook that we place on a repository: derived from the broker's own, and kept nowhere.

    No body of GitHub's is the text that is signed here, so that no signature of theirs is ever such a secret.
    """
    return hmac.digest(master, f"zekt-hook:{repository_id}:{generation}".encode(), "sha256").hex()


def claimed_repository(kind: str | None, number: str | None) -> int | None:
    """Whose webhook this says to be, by the headers `X-GitHub-Hook-Installation-Target-Type` and `…-ID`.

    Nothing signs them: they only say which secret is to be tried.
    """
    if kind != "repository" or number is None or not (number.isascii() and number.isdecimal()):
        return None
    return int(number) if len(number) < _MOST_DIGITS else None


def signed_for(body: bytes, header: str | None, master: bytes, repository_id: int, generation: int) -> bool:
    """Whether the body is signed with that repository's own secret, of this generation or of the next.

    The next one is nobody's but ours, until it is handed to GitHub. So it is believed from the moment that GitHub has
    it, which is before we have written down that it does. All is compared, whatever fits: nothing is told by the time.
    """
    secrets = [hook_secret(master, repository_id, number).encode() for number in (generation, generation + 1)]
    return any([fits(body, header, secret) for secret in secrets])  # noqa: C419 — a list, so that both are compared


def require_own(event: RunEvent, repository_id: int | None) -> None:
    """A repository's own secret speaks for that repository alone; None, the broker's secret, for every one.

    Raises:
        ZektError: `webhook_signature_wrong`.
    """
    if repository_id not in (None, event.key.repository_id):
        raise ZektError("webhook_signature_wrong", "It is signed with another repository's secret.")


def verify(body: bytes, header: str | None, secret: bytes) -> None:
    """Raise unless the header `X-Hub-Signature-256` is the body's HMAC-SHA256 under our secret.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    if not fits(body, header, secret):
        raise wrong()


def fits(body: bytes, header: str | None, secret: bytes) -> bool:
    """Whether the header is the body's HMAC-SHA256 under this secret; compared in constant time."""
    if not secret:
        raise ZektError("settings_invalid", "ZEKT_WEBHOOK_SECRET is empty, so no webhook can be verified: set it.")
    return hmac.compare_digest(hmac.digest(secret, body, "sha256"), signature(header))


def wrong() -> ZektError:
    return ZektError(
        "webhook_signature_wrong",
        "The signature does not fit the body. Usually the webhook's secret and ZEKT_WEBHOOK_SECRET differ, or that has"
        " changed since the broker placed the webhook; otherwise something between GitHub and here changed the body.",
    )


def parse(event: str, guid: str, body: bytes) -> RunEvent | Ignored:
    """What a verified webhook says: the completed run, or why it is nothing to us.

    Args:
        event: the header `X-GitHub-Event`.
        guid: the header `X-GitHub-Delivery`.
        body: JSON, as it was signed; at most 25 MB by GitHub's own rule.

    Raises:
        ZektError: `webhook_malformed`, and nothing else, whatever the body is.
    """
    if event != "workflow_run":
        return Ignored(guid, f"only workflow_run is read here, not {event[:50]!a}")
    action = _read(_HEAD, body).action
    if action != "completed":
        return Ignored(guid, f"the run is not completed: {action[:50]!a}")
    told = _read(_COMPLETED, body)
    return run_event(guid, told.workflow_run, told.repository, told.workflow)


def _read(decoder: msgspec.json.Decoder[_Model], body: bytes) -> _Model:
    try:
        return decoder.decode(body)
    except RecursionError:
        _refuse("it is nested too deeply")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse(str(error)[:500])


def _refuse(why: str) -> NoReturn:
    # The library's own exception may hold a piece of the body, so it is not kept as the cause.
    raise ZektError("webhook_malformed", f"This is no workflow_run as GitHub sends it: {why}.") from None


def run_event(guid: str, run: Run, repository: Repository, workflow: Workflow | None = None) -> RunEvent:
    """A completed run as a record, whether a webhook told it or the REST API, which has the same members."""
    workflow = workflow or Workflow()
    path = run.path or workflow.path
    event = RunEvent(
        guid=guid,
        key=RunKey(repository.id, run.id, run.run_attempt),
        repository=repository.full_name,
        workflow_id=run.workflow_id,
        workflow_path=normalise_path(path, repository=repository.full_name) if path else None,
        # workflow_run.name may be the title of this one run (`run-name:`); workflow.name is the workflow's.
        workflow_name=workflow.name or run.name or "",
        conclusion=run.conclusion,
        head_branch=_branch(run, repository),
        head_sha=run.head_sha,
        event=run.event,
        actor=run.actor.login if run.actor else "",
        html_url=_link(run.html_url),
        started_at=run.run_started_at,
        # The payload names no end; a completed run was last updated when it ended.
        completed_at=run.updated_at,
    )
    return _storable(event)


def _branch(run: Run, repository: Repository) -> str | None:
    """The branch's name, a fork's as GitHub labels it, `owner:branch`: strangers choose those names.

    No branch has a colon in its name, so no filter for `main` takes a fork's.
    """
    head = run.head_repository
    if run.head_branch is None or head is msgspec.UNSET or (head is not None and head.id == repository.id):
        return run.head_branch
    owner = head.full_name.partition("/")[0] if isinstance(head, HeadRepository) else ""
    return f"{owner}:{run.head_branch}"


def _link(url: str) -> str:
    """The console shows it as a link, so nothing but a web address is kept."""
    return url if url.startswith(("https://", "http://")) else ""


def _storable(event: RunEvent) -> RunEvent:
    """PostgreSQL's text holds every character but NUL, which a legal JSON string may have: no event is lost by it."""
    told: Any = {name: getattr(event, name) for name in RunEvent.__slots__}
    told |= {name: text.replace("\0", "\ufffd") for name, text in told.items() if isinstance(text, str)}
    return RunEvent(**told)
