"""Whether GitHub has verified an organisation is read with its installation; it never stands in the way of one."""

from typing import Any

import pytest

from app.conftest import CONSUMER, row
from zekt_backend.flows.reread_installations import AGE
from zekt_backend.github import installations
from zekt_backend.github.metered import Metered
from zekt_testing.broker import Zekt
from zekt_testing.reconciling import round_of

ORGANIZATION = "/orgs/infra-team"


def verified(zekt: Zekt) -> Any:
    found = row(zekt, "installations", 52, "account_id")
    return row(zekt, "accounts", found["account_id"], "verified")["verified"]


def test_a_verification_is_read_and_so_is_its_end(heard: Zekt) -> None:
    seen = []
    for hours, is_so in enumerate((False, True, False)):
        heard.github.set_installation(CONSUMER, verified=is_so)
        round_of(heard, later=(2 + 2 * hours) * AGE)
        seen.append(verified(heard))
    assert seen == [False, True, False]
    told = heard.sql(
        """SELECT before->'verified', after->'verified' FROM audit
           WHERE actor = 'github' AND action = 'account.change' AND after ? 'verified' AND before ? 'verified'
           ORDER BY id"""
    )
    assert told == [(False, True), (True, False)]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 403},
        {"status": 500},
        {"status": 200, "body": {"id": 1, "is_verified": False}},
        {"status": 200, "body": {"id": "infra-team"}},
    ],
)
def test_what_github_does_not_say_leaves_the_badge_and_the_reading_as_they_are(
    heard: Zekt, answer: dict[str, Any]
) -> None:
    heard.github.set_installation(CONSUMER, verified=True)
    round_of(heard, later=2 * AGE)
    heard.github.set_installation(CONSUMER, verified=False)
    heard.github.world.repositories.rename(heard.github.world.repositories.get(CONSUMER), "infra-team/hosting")
    heard.github.faults.add(where="rest", kind="status", path=ORGANIZATION, times=None, **answer)
    round_of(heard, later=4 * AGE)
    assert verified(heard)
    assert row(heard, "repositories", 2002, "full_name") == {"full_name": "infra-team/hosting"}


def test_a_user_is_not_asked_about(heard: Zekt, asking: Metered) -> None:
    person = {"id": 52, "account": {"id": 8, "login": "octocat", "type": "User"}}
    heard.github.faults.add(where="rest", kind="status", status=200, body=person)
    before = len(heard.github.visits())
    told = installations.installation(asking, 52)
    assert told is not None
    assert (told.owner.kind, told.owner.verified) == ("user", False)
    assert not [visit.path for visit in heard.github.visits()[before:] if visit.path.startswith("/orgs/")]
