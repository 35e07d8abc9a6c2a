"""Whatever is wrong with the inputs is said clearly, and nothing is sent."""

import json
import os
from typing import Any

import pytest

from zekt_action import inputs as inputs_
from zekt_action import payload
from zekt_action.errors import ActionError

pytestmark = pytest.mark.usefixtures("each_front")

RECEIVE = "/api/events/receive"


BAD = [
    ({"payload": ""}, "payload_missing", "expression in it came out empty"),
    ({"payload": " \n"}, "payload_missing", "payload"),
    ({"payload_file": ""}, "payload_missing", "expression in it came out empty"),
    ({"payload_file": " "}, "payload_missing", "`payload-file` is given, and is empty"),
    ({"payload": "[1]", "payload_file": ""}, "payload_missing", "`payload-file`"),
    ({"payload": "[1]", "payload_file": "message.json"}, "payload_two_sources", "Both"),
    ({"payload_file": "missing.json"}, "file_missing", "missing.json does not exist"),
    ({"payload_file": "folder"}, "file_is_directory", "folder is a directory"),
    ({"payload_file": "pipe"}, "file_unreadable", "not a regular file"),
    ({"payload_file": "circle"}, "file_unreadable", "circle"),
    ({"payload_file": "x" * 5000}, "file_unreadable", "too long"),
    ({"payload_file": "/etc/passwd"}, "file_outside", "outside"),
    ({"payload_file": "../event.json"}, "file_outside", "outside"),
    ({"payload_file": "escape.json"}, "file_outside", "outside"),
    ({"payload_file": "latin1.json"}, "payload_not_utf8", "Byte 2 "),
    ({"payload": '{"a": '}, "payload_not_json", "line 1, column 7"),
    ({"payload": "[NaN]"}, "payload_not_finite", "NaN"),
    ({"payload": '{"a": 1, "a": 2}'}, "payload_duplicate_key", '"a"'),
    ({"payload": "[" * 10_000 + "]" * 10_000}, "payload_too_deep", "100 levels"),
    ({"payload": '"\\ud800"'}, "payload_lone_surrogate", "half a character"),
    ({"event_type": ""}, "event_type_invalid", "0 characters"),
    ({"event_type": "e" * 101}, "event_type_invalid", "101 characters"),
    ({"event_type": "a\nb"}, "event_type_invalid", "printed"),
    ({"event_type": "a\u200bb"}, "event_type_invalid", "printed"),
    ({"event_type": "a\u0085b"}, "event_type_invalid", "printed"),
    ({"event_type": "a\u00a0b"}, "event_type_invalid", "printed"),
    ({"event_type": os.fsdecode(b"\xff")}, "event_type_invalid", "printed"),
    ({"shield": "true"}, "shield_unsupported", "nothing was sent"),
    ({"shield": "no"}, "shield_unsupported", "nothing was sent"),
    ({"zekt_api_url": "http://broker.example.com"}, "api_url_invalid", "plain http"),
    ({"timeout_seconds": "0"}, "input_invalid", "`timeout-seconds`"),
    ({"timeout_seconds": "3601"}, "input_invalid", "3,600"),
    ({"max_attempts": "many"}, "input_invalid", "`max-attempts`"),
    ({"fail_on_error": "yes"}, "input_invalid", "`fail-on-error`"),
]


@pytest.mark.parametrize(
    ("inputs", "code", "says"),
    BAD,
    ids=lambda value: str(value)[:50],
)
def test_bad_input_is_refused_before_any_call(
    runner: Any, broker: Any, inputs: dict[str, str], code: str, says: str
) -> None:
    (runner.workspace / "folder").mkdir()
    os.mkfifo(runner.workspace / "pipe")
    (runner.workspace / "circle").symlink_to("circle")
    (runner.workspace / "escape.json").symlink_to(runner.folder / "event.json")
    (runner.workspace / "latin1.json").write_bytes('"ké"'.encode("latin-1"))
    done = runner.send(**({"payload": "{}"} | inputs))
    assert done.code == 1
    assert done.outputs["error-code"] == code
    assert done.outputs["status"] == "failed"
    assert says in done.log
    assert f"[{code}]" in done.log
    assert "Traceback" not in done.log
    assert broker.heard == []


def test_an_event_type_of_100_characters_passes(runner: Any) -> None:
    for event_type in ("e" * 100, "é" * 100, "a b"):
        assert runner.send(event_type=event_type).code == 0


def test_nobody_named_a_broker(runner: Any) -> None:
    done = runner.send({"ZEKT_API_URL": ""})
    assert done.outputs["error-code"] == "api_url_missing"
    assert "ZEKT_API_URL: https://" in done.log


def test_a_file_that_may_not_be_read_is_named(runner: Any) -> None:
    path = runner.workspace / "secret.json"
    path.write_text("{}")
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.unlink()
        path.symlink_to("/proc/self/mem")
        assert runner.send(payload_file="secret.json").outputs["error-code"] == "file_outside"
        return
    assert runner.send(payload_file="secret.json").outputs["error-code"] == "file_unreadable"


def test_a_file_in_runner_temp_passes(runner: Any) -> None:
    path = runner.temp / "message.json"
    path.write_text("[1]")
    assert runner.send(payload_file=str(path)).outputs["payload-bytes"] == "3"


def test_a_link_inside_the_workspace_passes(runner: Any) -> None:
    (runner.workspace / "real.json").write_text("[1]")
    (runner.workspace / "link.json").symlink_to("real.json")
    assert runner.send(payload_file="link.json").code == 0


@pytest.mark.parametrize("host", ["/home/runner/work/_temp/made.json", "/home/runner/work/orders/orders/made.json"])
def test_a_path_of_the_host_is_understood_in_the_container(runner: Any, host: str) -> None:
    folder = runner.temp if "_temp" in host else runner.workspace
    (folder / "made.json").write_text("[1]")
    assert runner.send(payload_file=host).outputs["payload-bytes"] == "3"


def test_a_path_of_the_host_leads_nowhere_else(runner: Any) -> None:
    done = runner.send(payload_file="/home/runner/work/_temp/../event.json")
    assert done.outputs["error-code"] in {"file_outside", "file_missing"}


def test_a_payload_input_beyond_what_linux_carries_says_what_to_do_instead() -> None:
    environ = {"INPUT_EVENT-TYPE": "e", "ZEKT_API_URL": "https://zekt.example.com"}
    fits = inputs_.Inputs(environ | {"INPUT_PAYLOAD": '"' + "a" * 131_055 + '"'})
    assert len(payload.take(fits, inputs_.Job({})).raw) == 131_057
    large = inputs_.Inputs(environ | {"INPUT_PAYLOAD": '"' + "a" * 131_056 + '"'})
    with pytest.raises(ActionError) as caught:
        payload.take(large, inputs_.Job({}))
    assert caught.value.code == "payload_input_too_large"
    assert "payload-file: message.json" in caught.value.advice


def test_a_payload_that_is_not_utf8_is_found_out_in_the_environment(runner: Any) -> None:
    done = runner.send(payload=os.fsdecode(b'"\xff"'))
    assert done.outputs["error-code"] == "payload_not_utf8"


def test_no_token_says_which_permissions_to_paste(runner: Any, broker: Any) -> None:
    done = runner.send({"ACTIONS_ID_TOKEN_REQUEST_URL": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""})
    assert done.outputs["error-code"] == "oidc_unavailable"
    assert "permissions:%0A  id-token: write%0A  contents: read" in done.log
    assert broker.heard == []


@pytest.mark.parametrize("head", [{"repo": {"full_name": "Stranger/orders"}}, {"repo": None}])
def test_no_token_is_said_differently_for_a_forks_pull_request(runner: Any, head: Any) -> None:
    runner.event({"pull_request": {"head": head}})
    done = runner.send({"ACTIONS_ID_TOKEN_REQUEST_URL": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""})
    assert done.outputs["error-code"] == "oidc_fork"
    assert "head.repo.full_name == github.repository" in done.log


def test_a_pull_request_of_the_same_repository_is_no_forks(runner: Any) -> None:
    runner.event({"pull_request": {"head": {"repo": {"full_name": "Shop-Team/orders"}}}})
    done = runner.send({"ACTIONS_ID_TOKEN_REQUEST_URL": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""})
    assert done.outputs["error-code"] == "oidc_unavailable"


def test_a_file_name_cannot_command_the_runner(runner: Any) -> None:
    done = runner.send(payload_file="a\n::error::b\r##[stop-commands]x.json")
    commands = [line for line in done.log.splitlines() if line.lstrip().startswith("::")]
    assert [line.split(" ")[0].split("::")[1] for line in commands] == ["add-mask", "add-mask", "error"]
    assert "##[" not in done.log


def test_an_unreadable_event_file_stops_nothing(runner: Any, broker: Any) -> None:
    for content in ("{", "[" * 100_000, "[]", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        (runner.folder / "event.json").write_text(content)
        assert runner.send().code == 0
    assert runner.send({"GITHUB_EVENT_PATH": "/missing"}).code == 0
    assert json.loads(broker.asked(RECEIVE)[-1].body)["payload"] == {}
