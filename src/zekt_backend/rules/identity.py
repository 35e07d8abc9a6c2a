"""Identity comes from the signed claims; a body that says otherwise is refused."""

from zekt_action.wire import MessageHead
from zekt_backend.errors import ZektError
from zekt_backend.rules.records import SignedClaims


def disagreement(head: MessageHead, claims: SignedClaims, repository_header: str | None) -> str | None:
    """Where the body (or the x-github-repository header) contradicts the token; None when nowhere.

    GitHub's names are case-insensitive: https://docs.github.com/en/rest/repos/repos. Absent fields agree.
    """
    workflow = claims.extra.get("workflow")
    pairs = (
        ("repository", head.repository, claims.repository),
        ("x-github-repository", repository_header, claims.repository),
        ("workflowRunId", head.workflow_run_id, str(claims.run_id)),
        ("runAttempt", head.run_attempt, claims.run_attempt),
        ("workflow", head.workflow, workflow),
    )
    wrong = [
        name for name, said, signed in pairs if said is not None and signed is not None and not _same(said, signed)
    ]
    if not wrong:
        return None
    return (
        f"{', '.join(wrong)}: not what the token says. A message is sent by the run it speaks of, with that run's own"
        " token: send it from the job itself, and do not set these fields by hand."
    )


def _same(said: str | int, signed: str | int) -> bool:
    return str(said).casefold() == str(signed).casefold()


def not_yours(what: str) -> ZektError:
    """The one answer to a stranger: not-there and not-yours must look alike."""
    return ZektError(
        "not_yours", f"{what}. Whoever runs this Zekt can add it; if it was added, check the name and the id."
    )
