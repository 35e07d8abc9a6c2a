"""`zekt doctor CONNECTION`: is the hook alive that tells us of runs?"""

from typing import Any

import pytest

from zekt_testing.broker import SECRET
from zekt_testing.connection import CONSUMER, NAME, PROVIDER


def _replace_hook(zekt: Any, **how: Any) -> None:
    for hook in zekt.hooks:
        zekt.github.world.hooks.remove(hook.id)
    for repository in (PROVIDER, CONSUMER):
        zekt.github.add_hook(repository, **{"url": f"{zekt.url}/api/github/webhooks", "secret": SECRET, **how})


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"active": False}, "is switched off"),
        ({"events": ("push",)}, "does not hear of workflow runs"),
        ({"url": "http://127.0.0.1:9/api/github/webhooks"}, "No webhook tells the broker of runs in"),
        ({"secret": "another"}, "Invalid HTTP Response: 401"),
    ],
)
def test_a_hook_that_is_dead_is_told_with_its_fault(healthy: Any, doctor: Any, how: dict[str, Any], says: str) -> None:
    _replace_hook(healthy, **how)
    healthy.github.finish_run(healthy.start_run())
    healthy.github.finish_run(healthy.github.start_run(CONSUMER))
    told = doctor()
    assert told["provider.webhook"]["verdict"] == told["consumer.webhook"]["verdict"] == "problem"
    assert says in told["provider.webhook"]["what"]
    assert told["exit"] == 1


def test_no_hook_at_all_says_what_to_enter(healthy: Any, doctor: Any) -> None:
    for hook in healthy.hooks:
        healthy.github.world.hooks.remove(hook.id)
    told = doctor()
    assert told["provider.webhook"]["verdict"] == "problem"
    assert f"Webhook URL: {healthy.url}/api/github/webhooks" in told["provider.webhook"]["paste"]


def test_the_apps_own_hook_is_enough(healthy: Any, doctor: Any) -> None:
    for hook in healthy.hooks:
        healthy.github.world.hooks.remove(hook.id)
    healthy.github.set_app_hook(url=f"{healthy.url}/api/github/webhooks", secret=SECRET)
    healthy.github.finish_run(healthy.start_run())
    told = doctor()
    assert told["provider.webhook"]["verdict"] == "ok"
    assert told["provider.webhook"]["what"].startswith("The app's webhook points to")
    assert not any(visit.path.endswith("/hooks") for visit in healthy.github.visits("rest"))


def test_hooks_that_may_not_be_listed_are_unknown_and_not_missing(healthy: Any, doctor: Any) -> None:
    permissions = {"contents": "write", "metadata": "read", "actions": "read"}
    for repository in (PROVIDER, CONSUMER):
        healthy.github.set_installation(repository, permissions=permissions)
    told = doctor()
    assert told["provider.webhook"]["verdict"] == "unknown"
    assert "The app needs Webhooks: read for that." in told["provider.webhook"]["why"]
    assert told["exit"] == 3


@pytest.mark.usefixtures("healthy")
def test_where_we_are_must_be_known_to_judge_a_hook(
    doctor: Any, zekt_command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEKT_PUBLIC_URL", "https://zekt.example.com/")
    assert "No webhook tells the broker of runs in" in doctor()["provider.webhook"]["what"]
    monkeypatch.delenv("ZEKT_PUBLIC_URL")
    told = doctor()
    assert (told["provider.webhook"]["verdict"], told["exit"]) == ("unknown", 3)
    assert "set ZEKT_PUBLIC_URL here too" in zekt_command("doctor", NAME).stdout
