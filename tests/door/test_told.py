"""What people are told of refused and redacted messages: by the action, by `zekt explain`, in usage; and by no log."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.testing import CliRunner, Result

from door.conftest import FAKE
from zekt_backend.cli import app
from zekt_sandbox.server import SandboxServer
from zekt_testing.action import outputs_of, start_action
from zekt_testing.broker import ADMIN_TOKEN, ORDER, Zekt
from zekt_testing.canaries import Canaries
from zekt_testing.processes import set_up, zekt_process

Ask = Callable[..., None]


@pytest.fixture
def explain(zekt: Zekt, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    return lambda *arguments: CliRunner().invoke(app, ["explain", *arguments], catch_exceptions=False)


def act(zekt: Zekt, run: Any, folder: Path, message: Any) -> tuple[int, str, str]:
    """(exit code, what it printed, the job's summary) of the real action."""
    (folder / "message.json").write_text(json.dumps(message))
    step = start_action(zekt, run, folder, payload_file="message.json")
    said, _ = step.communicate(timeout=60)
    return step.returncode, said, (folder / "summary").read_text()


def test_the_action_tells_where_a_message_does_not_fit_and_what_to_do(zekt: Zekt, ask: Ask, tmp_path: Path) -> None:
    ask(schema={"properties": {"size": {"type": "integer"}}})
    code, said, summary = act(zekt, zekt.start_run(), tmp_path, {"size": "hush"})
    assert code == 1
    assert outputs_of(tmp_path)["error-code"] == "schema_violated"
    for text in (said, summary):
        for word in ("/size", "integer", "infrastructure-orders", "version 1", "payload-schema"):
            assert word in text
        assert "hush" not in text


def test_the_action_tells_where_credentials_are_and_never_what(zekt: Zekt, ask: Ask, tmp_path: Path) -> None:
    ask(guard="refuse")
    code, said, summary = act(zekt, zekt.start_run(), tmp_path, {"env": {"TOKEN": FAKE["github-token"]}})
    assert code == 1
    assert outputs_of(tmp_path)["error-code"] == "credentials_found"
    canaries = Canaries()
    canaries.add("token", FAKE["github-token"])
    for text in (said, summary):
        for word in ("/env/TOKEN", "github-token", "renew it"):
            assert word in text
        assert not canaries.found_in(text)


def test_the_action_tells_that_credentials_were_taken_out(zekt: Zekt, ask: Ask, tmp_path: Path) -> None:
    ask(guard="redact")
    code, said, summary = act(zekt, zekt.start_run(), tmp_path, {"t": FAKE["stripe-access-key"]})
    assert code == 0
    for text in (said, summary):
        assert "/t (stripe-access-key)" in text


def test_explain_tells_what_was_refused_and_what_was_redacted(
    zekt: Zekt, ask: Ask, explain: Callable[..., Result]
) -> None:
    run = zekt.start_run()
    ask(guard="refuse", schema={"type": "object"})
    for _ in range(2):
        zekt.send(run, [])
    told = explain(str(run.id)).stdout
    assert "refused at" in told
    assert "2 times (schema_violated)" in told
    assert "version 1 of the schema of infrastructure-orders" in told
    ask(guard="redact")
    stored = zekt.send(run, {"t": FAKE["slack-token"]}).json()["eventId"]
    zekt.github.finish_run(run)
    zekt.dispatched()
    found = zekt.get(f"/api/events/{stored}/decision")
    assert found["messages"][0]["redacted"] == [{"pointer": "/t", "kind": "slack-token"}]
    assert found["refusals"] == []
    assert "credentials were taken out before it was stored: /t (slack-token)" in " ".join(found["summary"])
    [attempt] = json.loads(explain(str(run.id), "--json").stdout)["attempts"]
    [refusal] = attempt["refusals"]
    assert (refusal["code"], refusal["times"], refusal["bytes"]) == ("schema_violated", 2, 2)
    assert refusal["places"][0]["pointer"] == ""


def test_a_consumer_learns_nothing_of_what_was_refused(zekt: Zekt, ask: Ask) -> None:
    run = zekt.start_run()
    ask(guard="refuse")
    zekt.send(run, FAKE["slack-token"])
    stored = zekt.send(run, {}).json()["eventId"]
    zekt.github.finish_run(run)
    zekt.dispatched()
    made = requests.post(
        f"{zekt.url}/api/tokens",
        json={"account": "infra-team", "name": "ci"},
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        timeout=30,
    )
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    guid = zekt.sql("SELECT guid FROM events")[0][0]
    for name in (stored, guid):
        answer = requests.get(f"{zekt.url}/api/events/{name}/decision", headers=headers, timeout=30)
        assert answer.status_code == 200
        assert answer.json()["refusals"] == []
        assert "slack" not in answer.text


def test_what_was_refused_is_metered(zekt: Zekt, ask: Ask) -> None:
    ask(guard="refuse")
    run = zekt.start_run()
    for _ in range(3):
        zekt.send(run, FAKE["slack-token"])
    [line] = zekt.get("/api/usage?by=workflow")["usage"]
    assert (line["workflowPath"], line["messages"], line["refused"]) == (ORDER, 0, 3)


def test_no_credential_reaches_the_log_of_the_process(
    github: SandboxServer, new_database: Callable[[], str], directory: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    canaries = Canaries()
    for kind, secret in FAKE.items():
        if kind != "basic-auth-credentials":
            canaries.add(kind, secret)
    github.add_repository("shop-team/orders", id=1001, installation_id=51)
    github.add_repository("infra-team/platform", id=2002, installation_id=52)
    wanted = directory()
    service = wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]
    url = new_database()
    for guard in ("refuse", "redact"):
        service |= {"guard": guard, "schema": {"additionalProperties": {"type": "string"}}}
        set_up(github, tmp_path, wanted, ZEKT_DATABASE_URL=url)
        with zekt_process(github, tmp_path, "serve", ZEKT_DATABASE_URL=url, ZEKT_LOG_FORMAT="json") as serving:
            zekt = Zekt(serving.said("started")["url"], url, github, None, lambda: None)  # type: ignore[arg-type]
            for secret in FAKE.values():
                run = github.start_run("shop-team/orders", workflow=ORDER)
                assert zekt.send(run, {"here": secret, secret: [secret]}).status_code in (202, 422)
        log = serving.log.read_text()
        assert "/api/events/receive" in log
        assert canaries.found_in(log) == set()
        assert canaries.found_in(json.dumps([str(row) for row in zekt.sql("SELECT r::text FROM refusals r")])) == set()
