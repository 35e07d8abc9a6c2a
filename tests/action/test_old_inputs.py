"""What a step of an older action wrote is refused with what to write now, and nothing is sent.

GitHub's runner passes an image each input that somebody wrote, also those which action.yml does not have, with their
underscores; `zekt-api-url` comes as it is declared, and mapped.
"""

from typing import Any

import pytest

from zekt_action.inputs import OLD_INPUTS

TOKEN = "ghs_a-token-that-must-not-be-shown"
FIRST_VERSION = {
    "INPUT_ZEKT_RUN_ID": "42",
    "INPUT_ZEKT_STEP_ID": "default",
    "INPUT_ZEKT_PAYLOAD": '{"secret": "content"}',
    "INPUT_ZEKT_API_URL": "https://old.example.com",
    "INPUT_GITHUB_TOKEN": TOKEN,
    "INPUT_ZEKT-API-URL": "",  # the default of the one that action.yml has
}
SAYS = {
    "zekt_payload": "`payload`, or `payload-file`",
    "zekt_api_url": "`zekt-api-url`",
    "zekt_run_id": "the job's token names the run",
    "zekt_step_id": "told apart by themselves",
    "github_token": "permissions: id-token: write",
}


@pytest.mark.parametrize("name", OLD_INPUTS)
def test_an_old_input_is_refused_with_what_to_write_now(runner: Any, broker: Any, name: str) -> None:
    variable = f"INPUT_{name.upper()}"
    done = runner.send({"INPUT_ZEKT-API-URL": "", variable: FIRST_VERSION[variable]})
    assert (done.code, done.outputs["error-code"], done.outputs["status"]) == (1, "input_renamed", "failed")
    assert f"`{name}`: " in done.log
    assert SAYS[name] in done.log
    assert broker.heard == []


def test_all_of_them_are_told_at_once_and_none_of_their_values(runner: Any, broker: Any) -> None:
    """Without an event type too, which the first version did not have."""
    done = runner.send(FIRST_VERSION, event_type="")
    assert done.outputs["error-code"] == "input_renamed"
    assert [name for name in OLD_INPUTS if f"`{name}`: " not in done.log] == []
    assert not any(value in done.log + done.summary for value in (TOKEN, "old.example.com", "content"))
    assert broker.heard == []


def test_it_warns_only_where_nobody_is_to_fail(runner: Any, broker: Any) -> None:
    done = runner.send({"INPUT_ZEKT_PAYLOAD": "{}"}, fail_on_error="false")
    assert (done.code, done.outputs["error-code"]) == (0, "input_renamed")
    assert "::warning" in done.log
    assert broker.heard == []


def test_the_new_address_is_not_taken_for_the_old(runner: Any, broker: Any) -> None:
    """By its own name, as action.yml maps it, by both as a runner passes it, and by neither."""
    for given in (
        {"INPUT_ZEKT-API-URL": broker.url},
        {"INPUT_ZEKT_API_URL": broker.url},
        {"INPUT_ZEKT-API-URL": broker.url, "INPUT_ZEKT_API_URL": broker.url},
        {"INPUT_ZEKT-API-URL": "", "INPUT_ZEKT_API_URL": ""},
    ):
        done = runner.send(given)
        assert (done.code, done.outputs["error-code"]) == (0, ""), done.log


@pytest.mark.parametrize("value", ["true", "yes", ""])
def test_a_plan_is_never_sent_as_a_message(runner: Any, broker: Any, value: str) -> None:
    done = runner.send({"INPUT_ORCHESTRATE": value, "INPUT_EXECUTION_MODE": "sequential"}, payload='{"services": []}')
    assert (done.code, done.outputs["error-code"]) == (1, "orchestrate_unsupported")
    assert broker.heard == []


def test_who_asks_for_no_orchestration_is_sent_as_before(runner: Any) -> None:
    assert runner.send({"INPUT_ORCHESTRATE": "false"}).code == 0
