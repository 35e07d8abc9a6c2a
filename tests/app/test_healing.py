"""Webhooks of the app that were lost heal, whatever else GitHub refuses: one installation keeps no other waiting."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.conftest import CONSUMER, PROVIDER, row
from zekt_backend.flows import reread_installations
from zekt_backend.flows.reread_installations import AGE
from zekt_backend.github import installations
from zekt_backend.github.metered import Metered
from zekt_testing.broker import Zekt
from zekt_testing.reconciling import round_of

LATER = 2 * AGE
SOON = timedelta(minutes=5)


def refused(zekt: Zekt) -> None:
    """GitHub tells nothing of 51, whenever it is asked."""
    zekt.github.faults.add(where="rest", kind="status", status=403, path="/app/installations/51", times=None)


def spent(zekt: Zekt) -> None:
    """Of 51's hour less is left than is kept for dispatches."""
    zekt.github.limits.set(requests_per_hour=1000)
    for _ in range(600):
        zekt.github.limits.enter(51, "GET")
        zekt.github.limits.leave(51)


def suspended_untold(zekt: Zekt) -> None:
    zekt.github.faults.add(where="webhook", kind="drop", times=None)
    zekt.github.app.suspend(CONSUMER)
    zekt.github.faults.clear()
    zekt.github.forget_hook_deliveries()


def unread(zekt: Zekt, later: timedelta) -> list[str]:
    """The gaps that a round leaves because of installations."""
    return [gap.subject for gap in round_of(zekt, later=later).gaps if gap.kind == "installation"]


def is_known(zekt: Zekt) -> bool:
    return row(zekt, "installations", 52, "suspended_at")["suspended_at"] is not None


@pytest.mark.parametrize("spoil", [refused, spent])
def test_an_installation_that_cannot_be_read_keeps_no_other_from_healing(
    heard: Zekt, spoil: Callable[[Zekt], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    suspended_untold(heard)
    spoil(heard)
    monkeypatch.setattr(reread_installations, "MOST", 1)
    round_of(heard, later=LATER)
    assert not is_known(heard), "51 had its turn"
    report = round_of(heard, later=LATER + SOON)
    assert is_known(heard)
    assert 0 not in report.unfinished, "the app itself is not set aside"


def test_others_heal_in_the_same_round_and_the_refused_one_is_told_until_it_is_read(heard: Zekt) -> None:
    suspended_untold(heard)
    refused(heard)
    report = round_of(heard, later=LATER)
    assert is_known(heard)
    assert [(gap.kind, gap.subject) for gap in report.gaps] == [("installation", "installation 51")]
    assert report.unfinished == {}
    before = len(heard.github.visits())
    round_of(heard, later=LATER + SOON)
    asked = {visit.path for visit in heard.github.visits()[before:]}
    assert not asked & {"/app/installations", "/app/installations/51"}, "not again within the hour"
    heard.github.faults.clear()
    assert round_of(heard, later=2 * LATER).gaps == []


def test_a_refused_installation_that_is_uninstalled_is_no_gap_any_more(heard: Zekt) -> None:
    refused(heard)
    assert unread(heard, LATER) == ["installation 51"]
    heard.github.app.uninstall(PROVIDER)
    assert unread(heard, LATER + SOON) == []


def test_an_enterprise_that_installed_the_app_is_nobody_here(heard: Zekt, asking: Metered) -> None:
    enterprise = {"id": 53, "account": {"id": 7, "slug": "big", "name": "Big"}, "target_type": "Enterprise"}
    organization = {"id": 51, "account": {"id": 8, "login": "shop-team", "type": "Organization"}}
    heard.github.faults.add(where="rest", kind="status", status=200, body=[enterprise, organization])
    assert installations.listed(asking) == [51]
    heard.github.faults.add(where="rest", kind="status", status=200, body=enterprise)
    assert installations.installation(asking, 53) is None
