"""Who may speak here at all: runs of a repository that is known and switched on, with a token not used before."""

from zekt_backend.errors import ZektError
from zekt_backend.rules.identity import not_yours
from zekt_backend.rules.records import SignedClaims
from zekt_backend.store import repositories, tokens
from zekt_backend.store.database import Tx


async def admit(tx: Tx, claims: SignedClaims, purpose: bytes) -> None:
    """Pass, or raise. A stranger learns nothing: unknown and switched-off repositories get the same answer.

    Args:
        tx: the transaction of what is asked; the token counts as used when it commits.
        claims: the token's.
        purpose: a digest of the request: the same one again is a retry.

    Raises:
        ZektError: `not_yours`, `pull_request_target_refused` or `token_replayed`.
    """
    repository = await repositories.find(tx, claims.repository_id)
    if repository is None or not repository.enabled:
        raise not_yours("This repository is not known here, or is switched off")
    if claims.event_name == "pull_request_target" and not repository.allow_pull_request_target:
        raise ZektError(
            "pull_request_target_refused",
            "A pull_request_target run can be started by anybody who opens a pull request, so it may not speak for"
            " the repository. Use a push or workflow_run workflow, or allow it for this repository in the setup.",
        )
    # Last, since a stranger's token is none of ours to remember.
    if not await tokens.use(tx, claims, purpose):
        raise ZektError(
            "token_replayed",
            "This token was used for another request before. Fetch a fresh one just before each call; only the very"
            " same request may be repeated with it. If no step of yours did that, somebody has copied the token:"
            " look at who can read this job's memory and log.",
        )
