"""`zekt demo`: one order and its answer between two organisations, every part of it real but GitHub."""

import json
import sys
import tempfile
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from zekt_sandbox.demo_broker import Broker, DemoFailed, as_root
from zekt_sandbox.demo_story import INFRA, PEOPLE, SETUP, SHOP, Story, open_repositories
from zekt_sandbox.demo_timeline import Timeline
from zekt_sandbox.server import SandboxServer
from zekt_sandbox.signals import ended_by_signals, until

_STORY_SECONDS = 45.0
_SETTLE_SECONDS = 10.0
_POLL_SECONDS = 0.1
_DELIVERIES = 2
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class _Scene:
    github: SandboxServer
    broker: Broker
    folder: Path
    timeline: Timeline


def run(*, as_json: bool, keep: bool, console: Console) -> int:
    """Play it once.

    Args:
        as_json: print one JSON object on stdout at the end, and nothing else there.
        keep: leave all of it running afterwards, until Ctrl-C.
        console: for the timeline (on stderr when `as_json`).

    Returns:
        0 when both deliveries were completed, 1 with the reason when not, 130 on Ctrl-C before the end.
    """
    try:
        with ExitStack() as stack:
            stack.enter_context(ended_by_signals())
            scene = _open(stack, console)
            return _perform(scene, console, as_json=as_json, keep=keep)
    except KeyboardInterrupt:
        _say(console, "Stopped.")
        return _INTERRUPTED


def _perform(scene: _Scene, console: Console, *, as_json: bool, keep: bool) -> int:
    try:
        deliveries = _play(scene)
    except Exception as error:  # noqa: BLE001 - a demo ends with a reason and the log, not with a traceback
        _tell_failure(error, scene, console, as_json=as_json)
        return 1
    _tell(deliveries, scene, console, as_json=as_json)
    if keep:
        _keep(scene, console)
    return 0


def _open(stack: ExitStack, console: Console) -> _Scene:
    """The sandbox running and the broker not yet; what is entered here is left in reverse order."""
    if as_root():
        _say(
            console,
            "Running as root: ZEKT_EMBEDDED_AS_ROOT=1 is set for this demo alone, so the embedded PostgreSQL makes a"
            " system user of its own and opens the folders above its data.",
        )
    # A short name: PostgreSQL's socket must fit into 107 bytes.
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zekt-", ignore_cleanup_errors=True)))
    github = stack.enter_context(SandboxServer())
    broker = Broker(folder, github.broker_environment())
    stack.callback(broker.stop)
    return _Scene(github, broker, folder, Timeline(console))


def _play(scene: _Scene) -> list[dict[str, Any]]:
    """The whole story; gives both deliveries as the broker's own API tells them."""
    github, broker, timeline = scene.github, scene.broker, scene.timeline
    open_repositories(github)
    timeline.note("GitHub", "GitHub", f"the sandbox plays GitHub at {github.url}")
    broker.start()
    # Before the setup: what is approved there is checked, and a webhook that leads nowhere would be told.
    github.set_app_hook(url=f"{broker.url}/api/github/webhooks", secret=broker.webhook_secret)
    file = scene.folder / "setup.yaml"
    file.write_text(SETUP, encoding="utf-8")
    timeline.note("Zekt", "Zekt", f"setup: {broker.apply_setup(file)}")
    timeline.note("Zekt", "Zekt", f"the broker serves at {broker.url}, its PostgreSQL embedded")
    story = Story(github, scene.folder / "jobs", broker.url, timeline)
    story.order()
    _wait_for([story.built, story.arrived], broker.exited)
    return _settled(broker, timeline)


def _wait_for(parts: list[Future[None]], ended: Future[None]) -> None:
    """Until both teams are done.

    Raises:
        DemoFailed: the broker ended first, or the time was up.
    """
    deadline = time.monotonic() + _STORY_SECONDS
    waiting = set(parts)
    while waiting:
        done, _ = wait({*waiting, ended}, max(0.0, deadline - time.monotonic()), FIRST_COMPLETED)
        for part in done:
            part.result()
        if not done:
            raise DemoFailed(f"{len(waiting)} of 2 dispatches did not arrive within {_STORY_SECONDS:.0f} s")
        waiting -= done


def _settled(broker: Broker, timeline: Timeline) -> list[dict[str, Any]]:
    """Both deliveries, once the broker shows them completed.

    Raises:
        DemoFailed: it did not, in time.
    """
    pause, deadline = threading.Event(), time.monotonic() + _SETTLE_SECONDS
    while True:
        listed = broker.get("/api/deliveries")["deliveries"]
        states = {each["status"] for each in listed}
        if len(listed) == _DELIVERIES and states == {"completed"}:
            break
        if time.monotonic() > deadline:
            raise DemoFailed(f"expected two completed deliveries, found {[each['status'] for each in listed]}")
        pause.wait(_POLL_SECONDS)
    found = [broker.get(f"/api/deliveries/{each['deliveryId']}") for each in reversed(listed)]
    for each in found:
        timeline.note("Zekt", "Zekt", f"{each['deliveryId']} from {each['provider']} to {each['consumer']}: completed")
    return found


def _tell(deliveries: list[dict[str, Any]], scene: _Scene, console: Console, *, as_json: bool) -> None:
    _say(console, f"Done: both deliveries are completed, {scene.timeline.elapsed_ms / 1000:.1f} s after the start.")
    if as_json:
        _write({"ok": True, "deliveries": deliveries, **_beside(scene)})


def _tell_failure(error: Exception, scene: _Scene, console: Console, *, as_json: bool) -> None:
    reason = str(error) if isinstance(error, DemoFailed) else f"{type(error).__name__}: {error}"
    tail = scene.broker.log_tail()
    _say(console, "The broker's last words:", *tail or ["(none)"], f"The demo failed: {reason}")
    if as_json:
        _write({"ok": False, "error": reason, "deliveries": [], "log": tail, **_beside(scene)})


def _beside(scene: _Scene) -> dict[str, Any]:
    """What the JSON tells beside the deliveries."""
    return {
        "provider": SHOP,
        "consumer": INFRA,
        "broker": scene.broker.url,
        "github": scene.github.url,
        "elapsedMs": scene.timeline.elapsed_ms,
        "timeline": scene.timeline.as_json(),
    }


def _write(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _keep(scene: _Scene, console: Console) -> None:
    """Leave it running until Ctrl-C, and say how to look."""
    github, broker = scene.github, scene.broker
    authorized = f"curl -sH 'Authorization: Bearer {broker.admin_token}' {broker.url}"
    _say(
        console,
        "It keeps running until Ctrl-C. To look:",
        f"  the console          {broker.url}/ (sign in as {' or '.join(PEOPLE)})",
        f"  deliveries           {authorized}/api/deliveries",
        f"  one of them          {authorized}/api/deliveries/DELIVERY_ID",
        f"  all that followed    {authorized}/api/traces/CORRELATION_ID",
        f"  the API, described   {broker.url}/openapi.json",
        f"  GitHub's side        curl -s {github.url}/_sandbox/dispatches",
        f"  what else it can do  curl -s {github.url}/_sandbox/",
    )
    try:
        until(broker.exited)
    except KeyboardInterrupt:
        _say(console, "Stopping.")
    except DemoFailed as ended:
        _say(console, "The broker's last words:", *broker.log_tail(), f"{ended}. Stopping.")


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
