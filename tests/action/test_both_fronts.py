"""send with Docker and without it is one action: the same requests, outputs, summaries, annotations and log."""

import re
import sys
from typing import Any

import pytest

RECEIVE = "/api/events/receive"
LATER = (503, {"detail": "soon"}, {"retry-after": "0"})
RECEIPT = (202, {"eventId": "evt-1", "consumersNotified": 2})
REDACTED = {"eventId": "evt-1", "consumersNotified": 1, "redacted": [{"pointer": "/key", "kind": "AWS key"}]}
ZEKT = {"correlationId": "7", "deliveryId": "delivery-9", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}

CASES: dict[str, dict[str, Any]] = {
    "a message is stored": {"inputs": {"payload": '{"z": 1.10,\n "a": "é\\u0000"}'}},
    "it was stored before": {"replies": [(200, RECEIPT[1])]},
    "a file is sent": {"inputs": {"payload_file": "message.json"}},
    "Zekt started the run": {
        "event": {"client_payload": {"zekt": ZEKT}},
        "environ": {"TRACEPARENT": ZEKT["traceparent"]},
    },
    "credentials were taken out": {"replies": [(202, REDACTED)]},
    "the broker is busy at first": {"replies": [LATER, RECEIPT]},
    "the broker stays busy": {"replies": [LATER], "inputs": {"max_attempts": "2"}},
    "the broker refuses": {"replies": [(403, {"code": "not_yours", "detail": "No.\n::error::x"})]},
    "the broker redirects": {"replies": [(302, {}, {"location": "https://example.com"})]},
    "what answers is no broker": {"replies": [(202, {"hello": "world"})]},
    "nobody listens": {"inputs": {"zekt_api_url": "http://127.0.0.1:CLOSED", "max_attempts": "1"}},
    "the name is unknown": {"inputs": {"zekt_api_url": "https://zekt.invalid", "max_attempts": "1"}},
    "TLS is not spoken": {"inputs": {"zekt_api_url": "https://127.0.0.1:OPEN", "max_attempts": "1"}},
    "the proxy refuses": {
        "inputs": {"zekt_api_url": "https://zekt.invalid", "max_attempts": "1"},
        "environ": {"https_proxy": "http://127.0.0.1:OPEN"},
    },
    "nobody listens where the proxy should be": {
        "inputs": {"zekt_api_url": "https://zekt.invalid", "max_attempts": "1"},
        "environ": {"https_proxy": "http://127.0.0.1:CLOSED"},
    },
    "the broker hangs": {"replies": ["hang"], "inputs": {"timeout_seconds": "1"}},
    "no token is given": {"tokens": [(403, {})]},
    "the job may not ask for a token": {"environ": {"ACTIONS_ID_TOKEN_REQUEST_URL": ""}},
    "the message is none": {"inputs": {"payload": '["hunter2", NaN]'}},
    "a failure warns only": {"inputs": {"payload": "{", "fail_on_error": "false"}},
    "an input does not fit": {"inputs": {"shield": "true"}},
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    return CASES[request.param]


@pytest.fixture
def send(runner: Any, broker: Any, reply: Any, closed_port: int, case: dict[str, Any]) -> Any:
    """Sends as the case has it; gives all that anybody saw of it, but for the time and how long something took."""

    def ports(values: dict[str, str]) -> dict[str, str]:
        known = {"OPEN": broker.url.rpartition(":")[2], "CLOSED": str(closed_port)}
        return {k: re.sub("OPEN|CLOSED", lambda found: known[found[0]], value) for k, value in values.items()}

    def send() -> tuple[Any, list[Any]]:
        broker.heard.clear()
        for path, replies in ((RECEIVE, case.get("replies", [RECEIPT])), ("/token", case.get("tokens", []))):
            broker.reply(path, *(reply(hang=True) if one == "hang" else reply(*one) for one in replies))
        (runner.workspace / "message.json").write_bytes(b"[1,\t2]")
        runner.event(case.get("event", {}))
        done = runner.send(ports(case.get("environ", {})), **ports(case.get("inputs", {})))
        log, summary = (re.sub(r"\d+\.\d s|(?<=signature)\d+", "…", text) for text in (done.log, done.summary))
        return (done.code, log, done.outputs, summary), [seen(one) for one in broker.heard]

    return send


def seen(heard: Any) -> tuple[Any, ...]:
    """A request, but for whether the connection is kept for another."""
    headers = {k: re.sub(r"signature\d+", "signature", v) for k, v in heard.headers.items() if k != "connection"}
    body = re.sub(rb'"timestamp": "[0-9TZ:-]+"', b'"timestamp": ""', heard.body)
    return heard.method, heard.path, headers, body


def test_both_say_and_ask_the_same(runner: Any, send: Any, python: str) -> None:
    with_docker = send()
    runner.front, runner.python = "composite", python
    assert send() == with_docker


def test_a_schema_is_held_by_the_docker_action_and_refused_by_the_composite(runner: Any, broker: Any) -> None:
    (runner.workspace / "schema.json").write_text("true")
    assert runner.send(payload_schema="schema.json").code == 0
    broker.heard.clear()
    runner.front = "composite"
    done = runner.send(payload_schema="schema.json")
    assert (done.code, done.outputs["status"], done.outputs["error-code"]) == (1, "failed", "schema_unsupported")
    assert "uses: zekt-dev-org/zekt-action@v0" in done.log
    assert broker.heard == []


# What Python has on Linux, and not on Windows. Taking it away here is no Windows, but finds who leans on it.
WITHOUT = """
import os, runpy, signal, sys
for module, names in {
    os: "getuid geteuid getgid getpgid killpg fork mkfifo fchmod chown O_NOFOLLOW O_NONBLOCK",
    signal: "SIGALRM SIGHUP SIGKILL SIGUSR1 ITIMER_REAL alarm setitimer pause pthread_sigmask sigwait",
}.items():
    for name in names.split():
        delattr(module, name)
sys.modules.update(dict.fromkeys(["fcntl", "grp", "pwd", "resource", "termios", "syslog", "posixshmem"]))
sys.argv[1:] = [VERB]
runpy.run_path(LAUNCH, None, "__main__")
"""


@pytest.mark.parametrize("verb", ["send", "confirm", "complete"])
def test_a_composite_needs_nothing_that_windows_lacks(
    runner: Any, broker: Any, reply: Any, root: Any, verb: str
) -> None:
    answer = {"deliveryId": "delivery-9", "status": "confirmed", "attempt": 1}
    for path in ("confirm", "complete"):
        broker.reply(f"/api/event-delivery/{path}", reply(200, answer))
    (runner.workspace / "message.json").write_text("[1]")
    runner.event({"client_payload": {"zekt": {**ZEKT, "payload": [1]}}})
    launch = str(root / "src/zekt_action/launch.py")
    script = WITHOUT.replace("VERB", repr(verb)).replace("LAUNCH", repr(launch))
    inputs = {"INPUT_EVENT_TYPE": "e", "INPUT_PAYLOAD_FILE": "message.json", "INPUT_STATUS": "success"}
    done = runner.finish(runner.start([sys.executable, "-I", "-S", "-B", "-c", script], inputs))
    assert (done.code, done.outputs["error-code"]) == (0, ""), done.log
    assert broker.heard[-1].method == "POST"
