"""The life of a subscription, as one table: docs/services.md draws it, the store's updates obey it."""

from enum import StrEnum

from zekt_backend.errors import ZektError


class Standing(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    REVOKED = "revoked"


class Verb(StrEnum):
    REQUEST = "request"
    APPROVE = "approve"
    DENY = "deny"
    REVOKE = "revoke"


class Side(StrEnum):
    """Who has decided: one of the two accounts, or whoever runs the broker."""

    PROVIDER = "provider"
    CONSUMER = "consumer"
    OPERATOR = "operator"


TRANSITIONS: dict[Verb, dict[Standing, Standing]] = {
    # The consumer's side; the first request makes the row.
    Verb.REQUEST: {Standing.DENIED: Standing.REQUESTED, Standing.REVOKED: Standing.REQUESTED},
    # The provider's side.
    Verb.APPROVE: {Standing.REQUESTED: Standing.APPROVED},
    Verb.DENY: {Standing.REQUESTED: Standing.DENIED},
    # Either side; a request that is still open is withdrawn so.
    Verb.REVOKE: {Standing.APPROVED: Standing.REVOKED, Standing.REQUESTED: Standing.REVOKED},
}


def target(status: Standing, verb: Verb) -> Standing:
    """How it stands after `verb`.

    Raises:
        ZektError: `conflict`, with what is possible instead.
    """
    found = TRANSITIONS[verb].get(status)
    if found is None:
        possible = " or ".join(f"`{other}`" for other, moves in TRANSITIONS.items() if status in moves)
        raise ZektError(
            "conflict", f"The subscription is {status}, where `{verb}` is not possible. Possible is {possible}."
        )
    return found
