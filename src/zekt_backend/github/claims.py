"""The claims of a GitHub Actions OIDC token, partitioned as data.

Every claim is a string, also those that look like numbers; only the times are numbers:
https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

import structlog

from zekt_backend.errors import ZektError
from zekt_backend.rules.paths import is_repository_name, normalise_path
from zekt_backend.rules.records import SignedClaims

CHECKED = ("iss", "aud", "exp", "nbf", "iat")
"""Verified with the signature, in oidc.py. A token without one of them is refused."""

REQUIRED = (
    "repository",
    "repository_id",
    "run_id",
    "run_attempt",
    "workflow_ref",
    "ref",
    "sha",
    "event_name",
    "actor",
    "jti",
)
"""What a run's identity is made of, and the token's own. Each must be a string with something in it."""

OPTIONAL = ("check_run_id",)
"""Read where the issuer sends it; older GitHub Enterprise Servers do not."""

IGNORED = frozenset(
    {
        # Its format is the customer's to change, so nothing may rest on it.
        "sub",
        "actor_id",
        "base_ref",
        "enterprise",
        "enterprise_id",
        "environment",
        "environment_node_id",
        "head_ref",
        "issuer_scope",
        "job_workflow_ref",
        "job_workflow_sha",
        "ref_protected",
        "ref_type",
        "repository_owner",
        "repository_owner_id",
        "repository_visibility",
        "run_number",
        "runner_environment",
        "workflow",
        "workflow_sha",
    }
)
"""Known, and kept in `SignedClaims.extra`, but nothing is decided by them here."""

_KNOWN = frozenset((*CHECKED, *REQUIRED, *OPTIONAL)) | IGNORED

_MAX_TEXT = 2_000
_NUMBER = re.compile(r"[0-9]{1,19}")
_BIGINT = 2**63 - 1
_INT = 2**31 - 1

_log = structlog.get_logger(__name__)


def read(verified: Mapping[str, Any]) -> SignedClaims:
    """Give verified claims their types.

    Args:
        verified: the payload of a token whose signature, issuer, audience and times were checked.

    Raises:
        ZektError: `token_claims`, naming the claim.
    """
    _tell_unknown(verified)
    texts = {name: _text(verified, name) for name in REQUIRED}
    repository = texts["repository"]
    if not is_repository_name(repository):
        _refuse("repository", "is not owner/name")
    return SignedClaims(
        issuer=verified["iss"],
        repository=repository,
        repository_id=_number(texts, "repository_id", _BIGINT),
        run_id=_number(texts, "run_id", _BIGINT),
        run_attempt=_number(texts, "run_attempt", _INT),
        workflow_path=normalise_path(texts["workflow_ref"], repository=repository),
        ref=texts["ref"],
        sha=texts["sha"],
        event_name=texts["event_name"],
        actor=texts["actor"],
        token_id=texts["jti"],
        expires_at=datetime.fromtimestamp(verified["exp"], UTC),
        check_run_id=_text(verified, "check_run_id") if verified.get("check_run_id") else "",
        extra={name: value for name, value in verified.items() if name not in {*CHECKED, *REQUIRED, *OPTIONAL}},
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if value is None:
        _refuse(name, "is missing")
    if not isinstance(value, str):
        _refuse(name, "is not a string")
    if not value or len(value) > _MAX_TEXT or "\0" in value:
        _refuse(name, f"must have 1 to {_MAX_TEXT:,} characters, none of them NUL")
    return value


def _number(texts: Mapping[str, str], name: str, most: int) -> int:
    """A number as the issuer writes it: ASCII digits, in our column's range, and no more than that."""
    text = texts[name]
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= most:
        _refuse(name, "is not a positive whole number")
    return int(text)


def _refuse(name: str, why: str) -> NoReturn:
    raise ZektError(
        "token_claims",
        f"The claim {name} {why}. Tokens of GitHub Actions have it; use the token of the job itself, fetched with"
        " `permissions: id-token: write`.",
    )


def _tell_unknown(verified: Mapping[str, Any]) -> None:
    """GitHub adds claims. A new one is no error, but someone should look whether it means something to us."""
    unknown = sorted(name[:50] for name in verified.keys() - _KNOWN)
    if unknown:
        _log.info("unknown_claims", names=ascii(unknown[:20]))
