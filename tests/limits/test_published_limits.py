"""Two workers against a GitHub that enforces its published kinds of limits; minutes and hours are seconds."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from zekt_backend.rules import pace
from zekt_testing.crowd import add_to, crowd

pytestmark = pytest.mark.alone

Start = Callable[..., Any]
CONSUMERS = 20


@pytest.fixture
def rush(start: Start, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Two workers, and more deliveries at once than one minute or hour of these has room for."""

    def make(*, per_minute: int, per_hour: int, minute: float, hour: float) -> Any:
        monkeypatch.setattr(pace, "MINUTE", timedelta(seconds=minute))
        monkeypatch.setattr(pace, "HOUR", timedelta(seconds=hour))
        wanted = crowd(CONSUMERS, installations=1)
        settings = {
            "dispatch_spacing": timedelta(seconds=0.05),
            "dispatches_per_minute": per_minute,
            "dispatches_per_hour": per_hour,
        }
        zekt = start(wanted=wanted, settings=settings)
        zekt.also_work()
        add_to(zekt.github, wanted)
        zekt.github.limits.set(
            content_per_minute=per_minute,
            content_per_hour=per_hour,
            points_per_minute=per_minute * 900 // 80,
            concurrent=2,
            minute_seconds=minute,
            hour_seconds=hour,
        )
        return zekt

    return make


@pytest.mark.parametrize(
    ("limits", "windows", "length"),
    [
        ({"per_minute": 8, "per_hour": 1000, "minute": 4, "hour": 240}, 4, 4.0),
        ({"per_minute": 8, "per_hour": 20, "minute": 2, "hour": 9}, 2, 9.0),
    ],
    ids=["the minute binds", "the hour binds"],
)
def test_what_github_allows_is_used_to_19_parts_of_20_and_it_never_refuses(
    rush: Callable[..., Any], limits: dict[str, Any], windows: int, length: float
) -> None:
    zekt = rush(**limits)
    allowed = windows * limits["per_minute" if length == limits["minute"] else "per_hour"]
    for _ in range(allowed // CONSUMERS + 1):
        zekt.github.finish_run(zekt.start_run())
    tries = zekt.github.wait_for_dispatches(None, allowed, 40, refused=True)
    assert [each for each in tries if not each.accepted] == []
    end = tries[0].received_at + timedelta(seconds=windows * length)
    assert sum(each.received_at < end for each in tries) >= 0.95 * allowed


def test_a_limit_that_one_worker_meets_holds_the_other_too(rush: Callable[..., Any]) -> None:
    zekt = rush(per_minute=1000, per_hour=1000, minute=60, hour=60)
    zekt.github.faults.add(where="dispatch", kind="rate_limit", seconds=3)
    zekt.github.finish_run(zekt.start_run())
    refused, *accepted = zekt.github.wait_for_dispatches(None, CONSUMERS + 1, 30, refused=True)
    assert not refused.accepted
    assert all(each.accepted for each in accepted)
    assert min(each.received_at for each in accepted) - refused.received_at >= timedelta(seconds=2.9)
