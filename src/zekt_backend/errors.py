"""Every error the broker answers with: one table, one class, one shape (docs/errors.md explains each code)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DOCS = "https://github.com/zekt-dev-org/zekt-action/blob/main/docs"
"""Where people read more."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is the same each time a code is answered: the HTTP status and a title."""

    status: int
    title: str


PROBLEMS = {
    # The caller's credential.
    "token_missing": Kind(401, "No bearer token"),
    "token_malformed": Kind(401, "The token cannot be read"),
    "token_algorithm": Kind(401, "The token's algorithm is not accepted"),
    "token_unknown_key": Kind(401, "The token's signing key is unknown"),
    "token_signature": Kind(401, "The token's signature does not fit"),
    "token_expired": Kind(401, "The token has expired"),
    "token_not_yet_valid": Kind(401, "The token is not valid yet"),
    "token_issuer": Kind(401, "The token's issuer is not trusted here"),
    "token_audience": Kind(401, "The token was made for another audience"),
    "token_claims": Kind(401, "The token lacks a claim"),
    "token_replayed": Kind(401, "The token was used before, for something else"),
    "issuer_unreachable": Kind(503, "The token issuer's keys cannot be fetched"),
    "admin_token_refused": Kind(401, "The management token is missing or wrong"),
    "api_token_refused": Kind(401, "The API token is not valid"),
    "sign_in_off": Kind(403, "Signing in with GitHub is off"),
    "sign_in_failed": Kind(400, "Signing in did not succeed"),
    "session_refused": Kind(401, "Nobody is signed in"),
    "csrf_refused": Kind(403, "The request does not come from a page of ours"),
    "roles_unknown": Kind(503, "GitHub cannot say what you may do"),
    "management_off": Kind(403, "The management API is off"),
    "metrics_off": Kind(403, "Metrics are off"),
    "metrics_token_refused": Kind(401, "The metrics token is missing or wrong"),
    # A stranger learns nothing: not-yours and not-there are the same 403.
    "not_yours": Kind(403, "Not known here, or not yours"),
    "claims_mismatch": Kind(403, "The body disagrees with the signed token"),
    "pull_request_target_refused": Kind(403, "Runs of pull_request_target may not send"),
    # Changes that people and automation ask for.
    "conflict": Kind(409, "The present state does not allow it"),
    "version_stale": Kind(412, "It has changed since it was read"),
    # The message.
    "body_too_large": Kind(413, "The request body is too large"),
    "body_invalid": Kind(400, "The request does not fit"),
    "payload_missing": Kind(400, "The message has no payload"),
    "payload_too_large": Kind(413, "The payload is larger than 524,288 bytes"),
    "payload_not_utf8": Kind(400, "The payload is not UTF-8"),
    "payload_not_json": Kind(400, "The payload is not JSON"),
    "payload_not_finite": Kind(400, "The payload has NaN or Infinity"),
    "payload_duplicate_key": Kind(400, "The payload repeats a key"),
    "payload_too_deep": Kind(400, "The payload is nested too deeply"),
    "payload_lone_surrogate": Kind(400, "The payload has half a character"),
    "payload_digest_mismatch": Kind(400, "The payload is not what its sha256 says"),
    "event_type_invalid": Kind(400, "The event type must have 1 to 100 characters"),
    "too_many_messages": Kind(422, "The run has sent too many messages"),
    # What its services ask of it.
    "schema_violated": Kind(422, "The message does not fit the service's schema"),
    "credentials_found": Kind(422, "The message holds credentials"),
    "check_failed": Kind(422, "The message could not be examined"),
    "checks_busy": Kind(503, "The message could not be examined now"),
    "schema_invalid": Kind(422, "The schema cannot be used"),
    "result_invalid": Kind(400, "The result does not fit"),
    "body_too_slow": Kind(408, "The request body came too slowly"),
    # The webhook.
    "webhooks_off": Kind(403, "Webhooks are off"),
    "webhook_signature_missing": Kind(401, "The webhook is not signed"),
    "webhook_signature_malformed": Kind(400, "The webhook's signature cannot be read"),
    "webhook_signature_wrong": Kind(401, "The webhook's signature does not fit"),
    "webhook_headers_missing": Kind(400, "The webhook lacks GitHub's headers"),
    "webhook_malformed": Kind(400, "The webhook's body cannot be read"),
    # The archive.
    "payload_expired": Kind(410, "The archived payload has expired"),
    "no_payload": Kind(404, "This delivery carries no message"),
    "replay_refused": Kind(409, "The delivery cannot be replayed as things stand"),
    # The broker itself.
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "That method is not allowed here"),
    "github_unavailable": Kind(503, "GitHub does not answer"),
    "github_refused": Kind(502, "GitHub does not give what was asked for"),
    "query_too_long": Kind(503, "The database takes too long for this question"),
    "database_unavailable": Kind(503, "The database is not available"),
    "internal": Kind(500, "Something broke on our side"),
    # Start-up, setup and the command line (never sent over HTTP).
    "settings_invalid": Kind(500, "A setting does not fit"),
    "embedded_refused": Kind(500, "The embedded database cannot start here"),
    "schema_missing": Kind(500, "The database has no tables yet"),
    "schema_newer": Kind(500, "The database is newer than this program"),
    "reconcile_busy": Kind(500, "Somebody else is reconciling"),
    "setup_invalid": Kind(422, "The setup file does not fit"),
    "sandbox_refused": Kind(500, "The sandbox cannot do that"),
    "sandbox_missing": Kind(500, "No sandbox runs there"),
}


class ZektError(Exception):
    """What went wrong, as a stable code and a sentence that says what happened, why, and what to do.

    Args:
        code: a key of `PROBLEMS`.
        detail: for the person who reads it; never a secret, a token or a payload.
        retry_after: seconds after which the same call may succeed, where waiting helps.
        places: JSON pointers into what was sent, each with what is the matter there.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        places: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.kind = PROBLEMS[code]
        self.detail = detail
        self.retry_after = retry_after
        self.places = places
