"""The life of a subscription: what each verb makes of each standing, and nothing else."""

import pytest

from zekt_backend.errors import ZektError
from zekt_backend.rules.subscription import Standing, Verb, target

MOVES = {
    ("requested", "approve"): "approved",
    ("requested", "deny"): "denied",
    ("requested", "revoke"): "revoked",
    ("approved", "revoke"): "revoked",
    ("denied", "request"): "requested",
    ("revoked", "request"): "requested",
}


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("status", list(Standing))
def test_a_verb_moves_where_it_should_and_is_a_conflict_elsewhere(status: Standing, verb: Verb) -> None:
    if (wanted := MOVES.get((status.value, verb.value))) is not None:
        assert target(status, verb) == wanted
        return
    with pytest.raises(ZektError, match=rf"conflict: The subscription is {status}.*Possible is `"):
        target(status, verb)
