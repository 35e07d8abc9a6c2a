"""The app's webhooks in any order, twice or never: what is written down in the end is what GitHub says."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.conftest import CONSUMER, row
from zekt_backend.broker import pace
from zekt_backend.clock import SystemClock
from zekt_backend.flows.read_installation import read_installation
from zekt_backend.flows.reread_installations import AGE
from zekt_backend.rules.news import Installed, Owner
from zekt_backend.store.database import Database
from zekt_sandbox.letters import HookDelivery
from zekt_testing.broker import Zekt
from zekt_testing.reconciling import round_of

LIFE: tuple[dict[str, Any], ...] = (
    {"change": "suspend", "repository": CONSUMER},
    {"change": "unsuspend", "repository": CONSUMER},
    {"change": "rename", "repository": CONSUMER, "to": "hosting"},
    {"change": "deselect", "repository": "infra-team/hosting"},
    {"change": "select", "repository": "infra-team/hosting", "installation_id": 52},
    {"change": "rename_owner", "repository": "infra-team/hosting", "to": "ops-team"},
    {"change": "uninstall", "repository": "ops-team/hosting"},
    {"change": "install", "repository": "ops-team/hosting", "installation_id": 91},
    {"change": "suspend", "repository": "ops-team/hosting"},
    {"change": "unsuspend", "repository": "ops-team/hosting"},
)
"""A consumer's life, as its owner leads it."""

TRUTH = {
    "full_name": "ops-team/hosting",
    "login": "ops-team",
    "installation_id": 91,
    "enabled": True,
    "removed_at": None,
    "old removed": True,
    "new removed": False,
    "new suspended": False,
    "approved": True,
}
"""How it stands at GitHub in the end."""


def untold(zekt: Zekt, changes: tuple[dict[str, Any], ...]) -> list[HookDelivery]:
    """All that happened; none of the webhooks that tell of it has arrived."""
    zekt.github.faults.add(where="webhook", kind="drop", times=None)
    told = [line for each in changes for line in zekt.github.app.change(**each)]
    zekt.github.faults.clear()
    return told


def known(zekt: Zekt) -> dict[str, Any]:
    """How it stands, as the broker has it."""
    repository = row(zekt, "repositories", 2002, "full_name", "installation_id", "enabled", "removed_at", "account_id")
    account = row(zekt, "accounts", repository.pop("account_id"), "login")
    old, new = (row(zekt, "installations", number, "removed_at", "suspended_at") for number in (52, 91))
    return {
        **repository,
        **account,
        "old removed": old["removed_at"] is not None,
        "new removed": new["removed_at"] is not None,
        "new suspended": new["suspended_at"] is not None,
        "approved": zekt.sql("SELECT status FROM subscriptions") == [("approved",)],
    }


def as_before(zekt: Zekt) -> None:
    """The broker's rows as they were before that life."""
    zekt.sql(
        "UPDATE accounts SET login = 'infra-team' WHERE id = (SELECT account_id FROM repositories WHERE id = 2002)"
    )
    zekt.sql(
        """UPDATE repositories SET full_name = %s, installation_id = 52, enabled = true, removed_at = NULL,
               removed_why = NULL WHERE id = 2002""",
        CONSUMER,
    )
    zekt.sql("UPDATE installations SET removed_at = NULL, suspended_at = NULL, told_at = NULL WHERE id = 52")
    zekt.sql("DELETE FROM installations WHERE id = 91")
    zekt.sql("DELETE FROM pgqueuer WHERE status = 'queued'")


def test_webhooks_in_any_order_and_twice_end_in_what_github_says(heard: Zekt, settled: Callable[[], None]) -> None:
    heard.github.app.unsuspend(CONSUMER)  # Nothing new, but now the broker knows GitHub's id of the owner.
    settled()
    webhooks = untold(heard, LIFE)
    one = st.sampled_from(range(len(webhooks)))

    @settings(max_examples=8, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(order=st.permutations(range(len(webhooks))), again=st.lists(one, max_size=3))
    def any_order(order: list[int], again: list[int]) -> None:
        as_before(heard)
        for number in [*order, *again]:
            assert heard.github.redeliver(webhooks[number]).status_code == 202
        settled()
        assert known(heard) == TRUTH

    any_order()


def test_webhooks_that_are_all_lost_heal_within_the_hour(heard: Zekt, settled: Callable[[], None]) -> None:
    heard.github.app.unsuspend(CONSUMER)
    settled()
    untold(heard, LIFE)
    heard.github.forget_hook_deliveries()
    round_of(heard, later=2 * AGE)
    assert known(heard) == TRUTH
    before = len(heard.github.visits())
    round_of(heard, later=2 * AGE + timedelta(minutes=5))
    asked = {visit.path for visit in heard.github.visits()[before:]}
    assert not asked & {"/app/installations", "/installation/repositories"}, "nobody is asked again so soon"


def test_a_dry_round_reads_and_remembers_nothing(heard: Zekt) -> None:
    untold(heard, LIFE[:1])
    round_of(heard, later=2 * AGE, dry_run=True)
    assert row(heard, "installations", 52, "suspended_at", "told_at") == {"suspended_at": None, "told_at": None}


def test_an_old_suspension_does_not_undo_what_was_read_since(heard: Zekt, settled: Callable[[], None]) -> None:
    suspension, _ = untold(heard, LIFE[:2])
    heard.sql("UPDATE installations SET told_at = now() + interval '1 minute' WHERE id = 52")
    heard.github.redeliver(suspension)
    assert row(heard, "installations", 52, "suspended_at") == {"suspended_at": None}
    settled()
    assert row(heard, "installations", 52, "suspended_at") == {"suspended_at": None}


def test_what_was_read_before_a_webhook_came_is_not_written_after_it(heard: Zekt) -> None:
    """GitHub's answer is on its way; meanwhile the installation is suspended, and the broker is told."""
    owner = heard.github.world.repositories.get(CONSUMER)
    old = Installed(52, Owner(owner.owner_id, owner.owner, "organization"), {}, None, {2002: CONSUMER})

    async def ask(_: int) -> Installed:
        await asyncio.to_thread(heard.github.app.suspend, CONSUMER)
        return old

    async def read() -> timedelta | None:
        db = await Database(heard.database_url, size=2).open()
        try:
            return await read_installation(52, db=db, clock=SystemClock(), ask=ask, pace=pace(heard.settings))
        finally:
            await db.close()

    assert asyncio.run(read()) is not None, "it is to be read again"
    assert row(heard, "installations", 52, "suspended_at")["suspended_at"] is not None


def test_each_change_stands_in_the_audit_trail_once(heard: Zekt, settled: Callable[[], None]) -> None:
    heard.github.app.suspend(CONSUMER)
    heard.github.app.suspend(CONSUMER)
    settled()
    heard.github.app.unsuspend(CONSUMER)
    settled()
    changes = heard.sql(
        """SELECT before->>'suspended_at' IS NULL, after->>'suspended_at' IS NULL FROM audit
           WHERE actor = 'github' AND action = 'installation.change' AND after ? 'suspended_at' ORDER BY id"""
    )
    assert changes == [(True, False), (False, True)]
