"""No log line, no error and no command tells a secret or a message; and no stranger writes a log line of his own.

The broker runs as a process with the settings of a real one. Everything that can go wrong does, once.
"""

import base64
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from zekt_sandbox.server import SandboxServer
from zekt_testing import scene as stage
from zekt_testing.canaries import Canaries, canary
from zekt_testing.people import Browser, query_of
from zekt_testing.scene import Scene

Play = Callable[[str], AbstractContextManager[Scene]]


@pytest.fixture
def play(github: SandboxServer, new_database: Callable[[], str], tmp_path: Path) -> Play:
    """Starts a broker that logs in this format."""
    return lambda log_format: stage.play(github, new_database(), tmp_path, log_format)


def _deliver(scene: Scene, payload: Any) -> tuple[str, Any]:
    """(delivery id, the consumer's run) of a message that goes all the way."""
    zekt, run = scene.zekt, scene.zekt.start_run()
    before = len(zekt.github.dispatches("infra-team/platform"))
    body = {"eventType": "order", "payload": payload, "messageId": f"m-{run.id}"}
    assert scene.post("/api/events/receive", scene.token(run), body).ok
    zekt.github.finish_run(run)
    dispatch = zekt.dispatched(before + 1)[-1]
    return dispatch.client_payload["zekt"]["deliveryId"], zekt.github.start_run_for(dispatch)


def _acknowledge(scene: Scene, delivery_id: str, run: Any) -> None:
    url = f"{scene.zekt.url}/api/event-delivery/{delivery_id}/payload"
    for token in (scene.token(run), scene.token(run)[:-4]):
        scene.keep("payload", requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10))
    ((correlation,),) = scene.zekt.sql("SELECT correlation_id FROM deliveries WHERE id = %s", delivery_id)
    ids = {"correlationId": correlation, "deliveryId": delivery_id}
    for verb in ("confirm", "complete"):
        scene.post(f"/api/event-delivery/{verb}", scene.token(run), {**ids, "success": True, "result": scene.payload})
        scene.post(f"/api/event-delivery/{verb}", scene.token(run), {**ids, "success": scene.payload})


def _refuse(scene: Scene) -> None:
    """Requests that are refused, each with a secret where it hurts."""
    secret, zekt = scene.payload, scene.zekt
    run = zekt.start_run()
    good, stranger = scene.token(run), scene.token(zekt.github.start_run("infra-team/platform"))
    receive = "/api/events/receive"
    for body in (
        f'{{"eventType":"x","payload":{{"{secret}":1,"a":1,"a":2}}}}',
        f'{{"eventType":"x","payload":"{secret}',
        f'{{"eventType":"x","payload":"{secret}\\ud800"}}',
        f'{{"eventType":"x","payloadSha256":"{"0" * 64}","payload":"{secret}"}}',
        f'{{"eventType":7,"runAttempt":"{secret}","payload":1}}',
        f'{{"eventType":"x","repository":"{secret}","payload":1}}',
        f'{{"eventType":"x","job":"{secret}\\u0000","payload":"{secret}"}}',
        secret,
    ):
        scene.post(receive, good, body.encode())
    forged = (good[:-5], f"{good}.{secret}", secret, good.replace(".", "-"), scene.token(run).swapcase())
    for token in (*forged, stranger, scene.settings["ZEKT_ADMIN_TOKEN"][:-1], scene.settings["ZEKT_WEBHOOK_SECRET"]):
        scene.post(receive, token, {"eventType": "x", "repository": "shop-team/orders", "payload": secret})
        headers = {"Authorization": f"Bearer {token}"}
        scene.keep("deliveries", requests.get(f"{zekt.url}/api/deliveries?x={secret}", headers=headers, timeout=10))
    hook = {"X-GitHub-Event": "workflow_run", "X-GitHub-Delivery": "1"}
    for signature in ("sha256=" + "0" * 64, scene.settings["ZEKT_WEBHOOK_SECRET"]):
        event = {"action": secret, "workflow_run": {"head_commit": {"message": secret}}}
        scene.post("/api/github/webhooks", good, event, **hook, **{"X-Hub-Signature-256": signature})
    zekt.github.send_event("workflow_run", {"action": "completed", "workflow_run": secret}, "shop-team/orders")
    zekt.github.send_event("push", {"commits": [{"message": secret}]}, "shop-team/orders")


def _fail_to_dispatch(scene: Scene) -> None:
    """GitHub, or what stands before it, repeats what it was sent."""
    echo = {"message": f"cannot parse client_payload near {scene.payload}"}
    for fault in ({"kind": "status", "status": 422, "body": echo}, {"kind": "cut"}, {"kind": "rate_limit"}):
        scene.zekt.github.faults.add(where="dispatch", **fault)
        run = scene.zekt.start_run()
        scene.post("/api/events/receive", scene.token(run), {"eventType": "x", "payload": scene.payload})
        scene.zekt.github.finish_run(run)
        scene.zekt.until_sql(
            f"SELECT 1 FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
            f" WHERE d.correlation_id = '{run.id}' AND a.finished_at IS NOT NULL"
        )


def _sign_in(scene: Scene) -> None:
    """A person signs in, well and badly; the last time the database does not take the session."""
    zekt, canaries = scene.zekt, scene.canaries
    zekt.github.set_person("alice", organizations={"infra-team": "admin"})
    canaries.add("client secret", zekt.github.world.oauth.client_secret)
    browser = Browser(zekt)
    for spoilt in ("state", "code", "nothing", "the database"):
        back = browser.agree(browser.begin(), "alice")
        told = query_of(back)
        cookies: list[Any] = list(browser.session.cookies)
        for secret in (*told.values(), *(part for cookie in cookies for part in cookie.value.split(".")[:2])):
            canaries.add("what signs in", secret)
        if spoilt == "the database":
            zekt.sql("ALTER TABLE sessions ADD CONSTRAINT never CHECK (false) NOT VALID")
        scene.keep("callback", browser.get(back.replace(told.get(spoilt, "\n"), told.get(spoilt, "")[::-1])))
    zekt.sql("ALTER TABLE sessions DROP CONSTRAINT never")
    browser.sign_in("alice")
    canaries.add("session", browser.cookie or "")
    canaries.add("csrf", browser.csrf)
    scene.keep("refused", browser.ask("/api/accounts/infra-team", "PATCH", {}, origin=browser.csrf))
    scene.keep("refused", browser.ask("/auth/sign-out", "POST", x_csrf_token=browser.cookie))


def _break(scene: Scene) -> None:
    """Bugs: statements that the database refuses, and an archived message that is none. Each with its traceback."""
    zekt = scene.zekt
    run = zekt.start_run()
    zekt.sql("ALTER TABLE messages ADD CONSTRAINT never CHECK (event_type <> 'broken') NOT VALID")
    broken = {"eventType": "broken", "payload": scene.payload}
    assert scene.post("/api/events/receive", scene.token(run), broken).status_code == 500
    zekt.sql("ALTER TABLE used_tokens ADD CONSTRAINT never CHECK (false) NOT VALID")
    assert scene.post("/api/events/receive", scene.token(run), {**broken, "eventType": "x"}).status_code == 500
    zekt.sql("ALTER TABLE used_tokens DROP CONSTRAINT never")
    run = zekt.start_run()
    scene.post("/api/events/receive", scene.token(run), {"eventType": "x", "payload": scene.payload})
    zekt.sql("UPDATE messages SET payload = payload || 'x' WHERE run_id = %s", run.id)
    zekt.github.finish_run(run)
    zekt.until_sql("SELECT 1 FROM pgqueuer_log WHERE traceback IS NOT NULL")


def _command(scene: Scene, folder: Path) -> None:
    """What people type, also wrongly."""
    password = scene.canaries.add("password", canary("password"))
    key = scene.canaries.add("key", canary("key"))
    scene.command("migrate")
    assert "shop-team/orders" in scene.command("deliveries")
    assert "shop-team/orders" in scene.command("deliveries", "--json")
    scene.command("replay", "nowhere")
    scene.command("doctor")
    file = folder / "setup.yml"
    file.write_text(f"accounts: {scene.payload}\n")
    scene.command("setup", "apply", str(file))
    for url in (f"postgresql://u:{password}@127.0.0.1:1/x", f"postgresql://u:{password}@[x", f"password={password} ="):
        assert scene.command("deliveries", ZEKT_DATABASE_URL=url).strip()
    file.write_text("accounts: [{login: a, repositories: [{name: b}]}]")
    scene.command("setup", "apply", str(file), ZEKT_GITHUB_APP_PRIVATE_KEY=f"-----BEGIN {key}-----")
    scene.command("serve", ZEKT_PORT=key)
    scene.command("serve", ZEKT_WEBHOOK_SECRET_FILE=str(folder), ZEKT_ADMIN_TOKEN=key)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_nothing_that_goes_right_or_wrong_gives_a_secret_away(play: Play, log_format: str) -> None:
    with play(log_format) as scene:
        _acknowledge(scene, *_deliver(scene, {scene.payload: [scene.payload]}))
        _acknowledge(scene, *_deliver(scene, [scene.payload, "x" * 100_000]))
        _refuse(scene)
        _sign_in(scene)
        _fail_to_dispatch(scene)
        _break(scene)
    for fact in ("message_received", "refused", "dispatch_answered", "request_failed", "Traceback"):
        assert fact in scene.written["log"]
    scene.assert_silent()


def test_no_command_gives_a_secret_away(play: Play, tmp_path: Path) -> None:
    with play("json") as scene:
        _deliver(scene, scene.payload)
        _command(scene, tmp_path)
    scene.assert_silent()


@pytest.mark.parametrize(
    "form", [str, lambda s: s.upper(), lambda s: s[5:-5], lambda s: s.encode().hex(), lambda s: f"x {s!r}"]
)
def test_the_search_finds_what_it_looks_for(form: Callable[[str], str]) -> None:
    """Else the test above could hold because it is blind."""
    canaries = Canaries()
    secret = canaries.add("name", canary("name"))
    assert canaries.found_in(f"… {form(secret)} …") == {"name"}
    assert canaries.found_in(f"… {form(canary('name'))} …") == set()


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_the_search_finds_base64_wherever_the_secret_begins(encode: Callable[[bytes], bytes], before: str) -> None:
    canaries = Canaries()
    secret = canaries.add("name", canary("name"))
    assert canaries.found_in(encode(f"{before}{secret}:after".encode()).decode()) == {"name"}


EVIL = "\r\n2026-11-21T12:00:00Z [info] admin_let_in\x1b[31m\x1b]0;x\x07\u2028\u0085\u202e\x00end"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_stranger_writes_a_line_of_the_log_or_steers_a_terminal(play: Play, log_format: str) -> None:
    with play(log_format) as scene:
        zekt, run = scene.zekt, scene.zekt.start_run()
        told = quote(EVIL)
        for path in (f"/api/deliveries/{told}", f"/api/event-delivery/{told}/payload", f"/{told}"):
            scene.keep(path, requests.get(zekt.url + path, timeout=10))
        scene.post("/api/events/receive", run.token(), {"eventType": EVIL, "job": EVIL, "payload": EVIL})
        scene.post("/api/events/receive", run.token(**{EVIL: EVIL}), {"eventType": "x", "payload": EVIL})
        scene.post("/api/events/receive", zekt.github.keys.forge(run.claims(), kid=EVIL), {})
        zekt.github.send_event("push", {"zen": EVIL}, "shop-team/orders")
        zekt.github.send_event("workflow_run", {"action": EVIL}, "shop-team/orders")
        zekt.github.faults.add(
            where="dispatch",
            kind="status",
            status=422,
            body={"message": EVIL},
            headers={"x-github-request-id": "\x1b[31m"},
        )
        zekt.github.finish_run(run)
        zekt.until_sql("SELECT 1 FROM attempts WHERE finished_at IS NOT NULL")
        headers = {"X-GitHub-Event": "\x1b[31mevil", "X-GitHub-Delivery": "\x1b[31mevil"}
        scene.post("/api/github/webhooks", "x", {}, **headers)
    log = scene.written["log"]
    assert "\x1b[31m\x1b]0" not in log
    assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029\u202e]", log), "no control character"
    for line in log.splitlines():
        assert not line.startswith("2026-11-21T12:00:00Z [info] admin_let_in")
        assert log_format == "console" or isinstance(json.loads(line), dict)
