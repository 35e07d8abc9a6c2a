"""The small parts that carry the safety of the whole: addresses, commands, outputs, answers."""

import io
import socket
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from zekt_action import address, commands, outputs
from zekt_action.body import build
from zekt_action.by_requests import RequestsTransport
from zekt_action.errors import ADVICE, CODES, ActionError, broker_code
from zekt_action.inputs import Inputs, Job
from zekt_action.limits import MAX_INPUT_BYTES
from zekt_action.payload import Payload
from zekt_action.transport import NoAnswerError, Request
from zekt_action.wire import Acknowledgement, MessageHead, Receipt


@pytest.mark.parametrize(
    "url",
    [
        "https://zekt.example.com",
        "https://zekt.example.com:8443/base",
        "http://localhost:8750",
        "http://127.0.0.1:8750",
        "http://127.9.9.9",
        "http://[::1]:8750",
        "http://zekt.localhost",
        "http://host.docker.internal:8750",
    ],
)
def test_an_address_to_which_a_token_may_go(url: str) -> None:
    assert address.check(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        "zekt.example.com",
        "ftp://zekt.example.com",
        "file:///etc/passwd",
        "https://",
        "https://user:hunter2@zekt.example.com",
        "https://zekt.example.com?x=1",
        "https://zekt.example.com#x",
        "https://zekt.example.com/a b",
        "https://zekt.example.com/\r\nx: y",
        "https://zekt.example.com\\@evil.example.com",
        "http://localhost\\.evil.example.com",
        "http://evil.example.com\\@localhost",
        "https://zekt.example.com/\x00",
        "https://zekt.example.com/\x7f",
        "https://user@zekt.example.com",
        "https://zekt.example.com:port",
        "https://[::1",
        "http://zekt.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://2130706433",
        "http://localhost@example.com",
        "http://éxample.com",
    ],
)
def test_an_address_to_which_no_token_may_go(url: str) -> None:
    with pytest.raises(ActionError) as caught:
        address.check(url)
    assert caught.value.code == "api_url_invalid"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://t.example.com/a?b=c", "http://127.0.0.1:1/token?a=b", "http://[::1]/"])
def test_a_token_services_address(url: str) -> None:
    assert address.may_carry_a_token(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://t.example.com/",
        "http://127.0.0.1\\.example.com/",
        "https://u@t.example.com/",
        "file:///etc/passwd",
        "https:///x",
        "https://[::1",
        "https://t.example.com/\n",
    ],
)
def test_what_is_no_token_services_address(url: str) -> None:
    assert not address.may_carry_a_token(url)


def test_an_annotation_cannot_break_out() -> None:
    out = io.StringIO()
    commands.annotate(out, "error", "a,b:c%\n::d", "50%\r\n::set-output::x")
    assert out.getvalue() == "::error title=a%2Cb%3Ac%25%0A%3A%3Ad::50%25%0D%0A::set-output::x\n"


def test_an_annotation_is_short_enough_for_github() -> None:
    out = io.StringIO()
    commands.annotate(out, "error", "t", "x" * 10_000)
    assert len(out.getvalue()) < 4_096


def test_a_log_line_cannot_be_a_command() -> None:
    out = io.StringIO()
    commands.say(out, "  ::add-mask::x\u2028::error::y ##[group]z \ud800")
    assert out.getvalue() == ": :add-mask::x ::error::y ## [group]z ?\n"
    for text in ("::error::x", "\u00a0::error::x", "\t ::error::x", "\ufeff::error::x", ":::error::x"):
        commands.say(out, text)
    assert not [line for line in out.getvalue().splitlines() if line.lstrip().startswith("::")]


def test_a_log_line_is_bounded() -> None:
    out = io.StringIO()
    commands.say(out, "x" * 100_000)
    assert len(out.getvalue()) == 1_001


def test_an_empty_secret_masks_nothing() -> None:
    out = io.StringIO()
    commands.mask(out, "")
    assert out.getvalue() == ""


def test_an_output_cannot_start_another(tmp_path: Path) -> None:
    file = tmp_path / "output"
    for _ in range(2):
        outputs.write(file, {"a": "1\nb<<EOF\nevil\nEOF", "c": ""})
    lines = file.read_text().splitlines()
    marks = {line.partition("<<")[2] for line in lines if line.startswith(("a<<zekt_", "c<<zekt_"))}
    assert len(marks) == 4
    assert all(lines.count(mark) == 1 for mark in marks)


def test_without_a_runner_nothing_is_written() -> None:
    outputs.write(None, {"a": "1"})
    outputs.summarise(None, "title", {})


def test_a_summary_shows_markup_as_text(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    outputs.summarise(file, "T", {"Row": "<img src=x>|`[a](b)`\n\n# h", "Empty": ""}, "</pre>\n\n# x")
    text = file.read_text()
    assert "<img" not in text
    assert "[a](b)" not in text
    assert "Empty" not in text
    assert "\n# h" not in text
    assert text.count("</pre>") == 1
    assert "</pre>\n\n#" not in text


def test_the_request_is_what_the_broker_reads() -> None:
    job = Job({"GITHUB_RUN_ID": "42", "GITHUB_RUN_ATTEMPT": "x"})
    asked = {"INPUT_EVENT_TYPE": "e", "INPUT_PAYLOAD": "{}", "INPUT_ZEKT_API_URL": "https://zekt.example"}
    legs = ("", '{"os": "a"}', '{"os": "b"}', '{"os": "a"}')
    inputs = [Inputs({**asked, "INPUT_LEG": leg}) for leg in legs]
    sent = [build(each, job, Payload(b"{}", {}, "0" * 64), "msg-1", None) for each in inputs]
    head, *others = (MessageHead.model_validate_json(raw) for raw in sent)
    one, two, again = (other.leg for other in others)
    assert head.leg is None
    assert one == again != two
    assert (head.event_type, head.workflow_run_id, head.run_attempt, head.message_id) == ("e", "42", 1, "msg-1")


def test_what_is_read_of_the_answers_is_what_the_broker_writes() -> None:
    receipt = {field.alias for field in Receipt.model_fields.values()}
    assert {"eventId", "consumersNotified", "correlationId"} <= receipt
    acknowledgement = {field.alias for field in Acknowledgement.model_fields.values()}
    assert {"deliveryId", "status", "attempt", "duplicate", "message"} <= acknowledgement


def test_an_input_of_the_size_we_name_is_the_largest_that_linux_takes() -> None:
    assert len(b"INPUT_PAYLOAD=") + MAX_INPUT_BYTES + 1 == 131_072


@responses.activate
def test_the_token_is_sent_and_no_compression_asked_for() -> None:
    responses.post("https://zekt.example.com/x", body=b"{}", status=202, headers={"Retry-After": "1"})
    answer = RequestsTransport()(Request("POST", "https://zekt.example.com/x", {"A": "b"}, "tok", b"body"), 5)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (202, b"{}", "1")
    sent = responses.calls[0].request
    assert sent.headers["Authorization"] == "Bearer tok"
    assert sent.headers["Accept-Encoding"] == "identity"
    assert sent.body == b"body"


@responses.activate
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), "certificate"),
        (requests.exceptions.ProxyError("x"), "proxy"),
        (requests.exceptions.ConnectTimeout("x"), "not accepted in time"),
        (requests.exceptions.ReadTimeout("Read timed out."), "No answer in time"),
        (requests.exceptions.ConnectionError("Failed to resolve 'secret.internal'"), "DNS"),
        (requests.exceptions.ConnectionError("[Errno 111] Connection refused"), "nothing listens"),
        (requests.exceptions.ChunkedEncodingError("cut"), "broke"),
        (socket.gaierror(-2, "Name or service not known"), "DNS"),
    ],
)
def test_each_way_to_get_no_answer_has_its_words(error: Exception, says: str) -> None:
    responses.get("https://zekt.example.com/x", body=error)
    with pytest.raises(NoAnswerError, match=says) as caught:
        RequestsTransport()(Request("GET", "https://zekt.example.com/x", {}), 5)
    assert "secret.internal" not in str(caught.value)


def test_secrets_are_in_no_representation() -> None:
    found = Job({"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hunter2"})
    assert "hunter2" not in repr(found)
    assert "hunter2" not in repr(Request("GET", "u", {}, "hunter2", b"hunter2"))


@pytest.mark.parametrize("value", [None, 7, "", "Evil", "a\nb", "a" * 65, "::x"])
def test_only_a_code_is_taken_for_the_brokers_code(value: Any) -> None:
    assert broker_code(value) == "backend_refused"


def test_every_error_says_what_and_what_to_do() -> None:
    for code, kind in CODES.items():
        error = ActionError(code, "detail")
        assert error.kind is kind
        assert kind.title[0].isupper() or kind.title[0] == "`"
        assert error.advice
    assert ActionError("token_expired", "x").advice == ADVICE["token_expired"]
    assert ActionError("never_heard", "x").kind is CODES["backend_refused"]
