"""Who may speak here at all: runs of a repository that is known and switched on."""

from zekt_backend.errors import ZektError
from zekt_backend.rules.identity import not_yours
from zekt_backend.rules.records import SignedClaims
from zekt_backend.store import repositories
from zekt_backend.store.database import Tx


async def admit(tx: Tx, claims: SignedClaims) -> None:
    """Pass, or raise. A stranger learns nothing: unknown and switched-off repositories get the same answer.

    Raises:
        ZektError: `not_yours` or `pull_request_target_refused`.
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
