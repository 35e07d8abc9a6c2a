"""Messages at the door of a running broker: let in, refused or redacted, and what is told and kept of that."""

import asyncio
import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from door.conftest import FAKE
from zekt_backend.clock import SystemClock
from zekt_backend.flows.tidy import tidy
from zekt_backend.store.database import Database
from zekt_testing.broker import Zekt

Ask = Callable[..., None]

KINDS = sorted(FAKE)
NUMBERS = {"properties": {"size": {"type": "integer"}}}


def test_without_schema_and_guard_nothing_is_examined(zekt: Zekt, fake: dict[str, str]) -> None:
    assert zekt.send(zekt.start_run(), {"t": fake["github-token"]}).status_code == 202


def test_a_message_that_does_not_fit_is_refused_with_path_reason_service_and_version(zekt: Zekt, ask: Ask) -> None:
    ask(schema={})
    ask(schema=NUMBERS)
    answer = zekt.send(zekt.start_run(), {"size": "hush"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "schema_violated"
    assert problem["places"] == [
        {
            "pointer": "/size",
            "reason": 'breaks the rule type: "integer"',
            "service": "infrastructure-orders",
            "schemaVersion": "2",
        }
    ]
    for word in ("infrastructure-orders", "version 2", "/size"):
        assert word in problem["detail"]
    assert "hush" not in answer.text
    assert zekt.sql("SELECT count(*) FROM messages") == [(0,)]


def test_a_message_that_fits_is_delivered(zekt: Zekt, ask: Ask) -> None:
    ask(schema=NUMBERS, guard="refuse")
    run = zekt.start_run()
    assert zekt.send(run, {"size": 3}).status_code == 202
    zekt.github.finish_run(run)
    [dispatch] = zekt.dispatched()
    assert dispatch.client_payload["zekt"]["payload"] == {"size": 3}


def test_the_same_message_again_gets_the_same_answer_until_the_schema_changes(zekt: Zekt, ask: Ask) -> None:
    ask(schema=NUMBERS)
    run = zekt.start_run()
    first, again = (zekt.send(run, {"size": "x"}) for _ in range(2))
    assert first.status_code == 422
    assert first.json() == again.json()
    ask(schema={})
    assert zekt.send(run, {"size": "x"}).status_code == 202
    ask(schema=NUMBERS)
    assert zekt.send(run, {"size": "y"}).status_code == 422


def test_a_stored_message_stays_stored_whatever_is_asked_by_now(zekt: Zekt, ask: Ask) -> None:
    run = zekt.start_run()
    stored = zekt.send(run, {"size": "x"})
    ask(schema=NUMBERS, guard="refuse")
    again = zekt.send(run, {"size": "x"})
    assert again.status_code == 200
    assert again.json()["eventId"] == stored.json()["eventId"]


@pytest.mark.parametrize("kind", KINDS)
def test_credentials_are_refused_and_told_by_place_and_kind_alone(zekt: Zekt, ask: Ask, kind: str) -> None:
    ask(guard="refuse")
    answer = zekt.send(zekt.start_run(), {"env": [{"value": FAKE[kind]}]})
    assert answer.status_code == 422
    assert answer.json()["code"] == "credentials_found"
    assert answer.json()["places"] == [{"pointer": "/env/0/value", "kind": kind}]
    assert everywhere(zekt).isdisjoint(pieces(FAKE[kind]))
    assert pieces(answer.text).isdisjoint(pieces(FAKE[kind]))


def test_credentials_are_redacted_and_the_rest_is_delivered_byte_for_byte(zekt: Zekt, ask: Ask) -> None:
    ask(guard="redact")
    secret = FAKE["github-token"]
    raw = b'{ "n": 1.50, "\\u0061": "a\\/b", "t": "Bearer ' + secret.encode() + b' " ,"n2":1e5}'
    kept = b'{ "n": 1.50, "\\u0061": "a\\/b", "t": "Bearer [redacted: github-token] " ,"n2":1e5}'
    run = zekt.start_run()
    answer = zekt.send(run, raw=raw)
    assert answer.status_code == 202
    assert answer.json()["redacted"] == [{"pointer": "/t", "kind": "github-token"}]
    assert zekt.sql("SELECT payload FROM messages") == [(kept,)]
    again = zekt.send(run, raw=raw)
    assert again.status_code == 200
    assert {**again.json(), "message": ""} == {**answer.json(), "message": ""}
    zekt.github.finish_run(run)
    [dispatch] = zekt.dispatched()
    envelope = dispatch.client_payload["zekt"]
    assert envelope["payload"] == json.loads(kept)
    assert envelope["payloadSha256"] == answer.json()["payloadSha256"]
    assert zekt.sql("SELECT guarded FROM messages") == [
        ({"guard": "redact", "count": 1, "places": [{"pointer": "/t", "kind": "github-token"}]},)
    ]
    assert everywhere(zekt).isdisjoint(pieces(secret))


def test_a_key_that_cannot_be_taken_out_for_sure_is_refused(zekt: Zekt, ask: Ask) -> None:
    ask(guard="redact")
    answer = zekt.send(zekt.start_run(), FAKE["private-key"].split("\n"))
    assert answer.json()["code"] == "credentials_found"
    assert "elsewhere" in answer.json()["detail"]


def test_what_was_refused_is_recorded_once_and_counted(zekt: Zekt, ask: Ask) -> None:
    ask(guard="refuse")
    run = zekt.start_run()
    for _ in range(3):
        zekt.send(run, FAKE["gitlab-token"])
    zekt.send(run, [FAKE["gitlab-token"]])
    rows = zekt.sql("SELECT run_id, code, reasons -> 'places', times, bytes FROM refusals ORDER BY id")
    assert rows == [
        (run.id, "credentials_found", [{"pointer": "", "kind": "gitlab-token"}], 3, 28),
        (run.id, "credentials_found", [{"pointer": "/0", "kind": "gitlab-token"}], 1, 30),
    ]


def test_a_run_that_goes_on_sending_what_is_refused_is_stopped(zekt: Zekt, ask: Ask) -> None:
    ask(guard="refuse")
    run = zekt.start_run()
    zekt.send(run, FAKE["gitlab-token"])
    zekt.sql("UPDATE refusals SET times = 256")
    answer = zekt.send(run, FAKE["slack-token"])
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_messages")


@pytest.mark.parametrize("guard", ["refuse", "redact"])
def test_a_key_that_no_database_takes_hides_no_credential(zekt: Zekt, ask: Ask, guard: str) -> None:
    ask(guard=guard)
    answer = zekt.send(zekt.start_run(), {"a\0b": FAKE["slack-token"]})
    place = {"pointer": "/a\N{REPLACEMENT CHARACTER}b", "kind": "slack-token"}
    if guard == "refuse":
        assert answer.json()["places"] == [place]
        assert zekt.sql("SELECT reasons -> 'places', times FROM refusals") == [([place], 1)]
    else:
        assert answer.json()["redacted"] == [place]
        assert zekt.sql("SELECT guarded -> 'places' FROM messages") == [([place],)]


def test_refusals_are_forgotten_after_90_days(zekt: Zekt, ask: Ask) -> None:
    async def tidied() -> int:
        db = await Database(zekt.database_url, size=2).open()
        try:
            return await tidy(db=db, clock=SystemClock())
        finally:
            await db.close()

    ask(guard="refuse")
    for kind in ("slack-token", "gitlab-token"):
        zekt.send(zekt.start_run(), FAKE[kind])
    zekt.sql("UPDATE refusals SET at = now() - interval '89 days'")
    asyncio.run(tidied())
    zekt.sql("UPDATE refusals SET at = now() - interval '91 days' WHERE id = (SELECT min(id) FROM refusals)")
    assert len(zekt.sql("SELECT 1 FROM refusals")) == 2
    assert asyncio.run(tidied()) == 1
    assert zekt.sql("SELECT reasons -> 'places' -> 0 ->> 'kind' FROM refusals") == [("gitlab-token",)]


def test_a_message_that_cannot_be_examined_in_time_is_refused_and_others_pass(zekt: Zekt, ask: Ask) -> None:
    ask(schema={"properties": {"name": {"pattern": "^(a+)+$"}}})
    answers: list[Any] = []
    runs = [zekt.start_run() for _ in range(2)]
    burning = threading.Thread(target=lambda: answers.append(zekt.send(runs[0], {"name": "a" * 60 + "!"})))
    burning.start()
    # Of another account, and of a workflow that nothing is asked of.
    other = zekt.github.start_run("infra-team/platform", workflow=".github/workflows/other.yml")
    assert zekt.send(other, {}).status_code == 202
    burning.join(30)
    assert answers[0].status_code == 422
    assert answers[0].json()["code"] == "check_failed"
    assert zekt.send(runs[1], {"name": "aaa"}).status_code == 202


def test_what_only_the_kernel_could_stop_is_recorded_and_counted(zekt: Zekt, ask: Ask) -> None:
    ask(schema={"pattern": "[ab]*c"})
    run = zekt.start_run()
    answer = zekt.send(run, "ab" * 250_000)
    assert (answer.status_code, answer.json()["code"]) == (422, "check_failed")
    assert zekt.sql("SELECT run_id, code, times FROM refusals") == [(run.id, "check_failed", 1)]
    zekt.sql("UPDATE refusals SET times = 256")
    assert zekt.send(run, "ab" * 250_000).json()["code"] == "too_many_messages"


def test_a_schema_that_changes_while_messages_come_holds_for_each_that_is_stored_after_it(zekt: Zekt, ask: Ask) -> None:
    """Whichever of the two was first: a message that a schema refuses is never stored after that schema."""
    ask(schema={})
    runs = [zekt.start_run() for _ in range(12)]
    answers: dict[int, Any] = {}

    def send(run: Any) -> None:
        answers[run.id] = zekt.send(run, {"size": "x"})

    threads = [threading.Thread(target=send, args=(run,)) for run in runs]
    for thread in threads[:6]:
        thread.start()
    ask(schema=NUMBERS)
    for thread in threads[6:]:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {answer.status_code for answer in answers.values()} <= {202, 422}
    assert all(answers[run.id].status_code == 422 for run in runs[6:])
    stored = {row[0] for row in zekt.sql("SELECT run_id FROM messages")}
    assert stored == {run for run, answer in answers.items() if answer.status_code == 202}


def test_the_strictest_guard_of_the_workflows_services_counts(start: Callable[..., Zekt], directory: Any) -> None:
    wanted = directory()
    [workflow] = wanted["accounts"][0]["repositories"][0]["workflows"]
    more = [
        {**workflow, "service": {**workflow["service"], "slug": f"orders-{guard}"}} for guard in ("redact", "refuse")
    ]
    wanted["accounts"][0]["repositories"][0]["workflows"] = [workflow, *more]
    zekt = start(wanted=wanted)
    zekt.sql("UPDATE services SET guard = 'redact' WHERE slug = 'orders-redact'")
    assert zekt.send(zekt.start_run(), FAKE["stripe-access-key"]).json()["redacted"]
    zekt.sql("UPDATE services SET guard = 'refuse' WHERE slug = 'orders-refuse'")
    refused = zekt.send(zekt.start_run(), FAKE["stripe-access-key"])
    assert refused.json()["code"] == "credentials_found"
    assert "orders-refuse" in refused.json()["detail"]
    zekt.sql("UPDATE services SET retired_at = now() WHERE slug = 'orders-refuse'")
    assert zekt.send(zekt.start_run(), FAKE["stripe-access-key"]).status_code == 202


def pieces(text: str) -> set[str]:
    """Any twelve characters of it."""
    return {text[at : at + 12] for at in range(max(len(text) - 11, 1))} - {"-----BEGIN R", "-----END RSA"}


def everywhere(zekt: Zekt) -> set[str]:
    """Pieces of every row of every table, with bytes as text."""
    tables = zekt.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    found: set[str] = set()
    for (table,) in tables:
        for (row,) in zekt.sql(f'SELECT t::text FROM "{table}" t'):
            found |= pieces(re.sub(r"\\+x([0-9a-f]+)", lambda found: bytes.fromhex(found[1]).decode("latin-1"), row))
    return found
