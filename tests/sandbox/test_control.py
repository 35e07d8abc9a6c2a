"""/_sandbox/… tells what it can do, what it wants, and what was wrong, in the words of its own fields."""

import inspect
import subprocess
from pathlib import Path
from typing import Any

import pytest

from zekt_sandbox import bodies
from zekt_sandbox.control import exports
from zekt_sandbox.control_table import CONTROLS
from zekt_sandbox.faults import Faults
from zekt_sandbox.limits import Limits
from zekt_sandbox.server import SandboxServer
from zekt_sandbox.stage import Stage

ORDERS = "shop-team/orders"


def _shell(script: str, text: str) -> bytes:
    """What bash prints after it was handed `text` as $1."""
    return subprocess.run(["bash", "-euc", script, "bash", text], stdout=subprocess.PIPE, timeout=10, check=True).stdout


def test_a_shell_can_take_over_the_brokers_settings(gh: SandboxServer, anonymous: Any) -> None:
    answer = anonymous.call("GET", "/_sandbox/info?format=env")
    assert answer.headers["content-type"].startswith("text/plain")
    printed = _shell('eval "$1"; printf "%s|" "$ZEKT_GITHUB_APP_PRIVATE_KEY" "$ZEKT_OIDC_ISSUER"', answer.text)
    assert printed.decode() == f"{gh.app_private_key}|{gh.issuer}|"
    assert gh.app_private_key.count("\n") > 5


def test_a_shell_can_take_over_a_runs_environment(anonymous: Any) -> None:
    body = {"repository": ORDERS, "name": 'it\'s $(touch here) `x` "y"\n\\'}
    lines = anonymous.call("POST", "/_sandbox/runs?format=env", json=body).text
    printed = _shell('eval "$1"; printf "%s|" "$GITHUB_WORKFLOW" "$GITHUB_RUN_ID"', lines).decode()
    name, run_id, _ = printed.split("|")
    assert name == body["name"]
    again = anonymous.call("GET", f"/_sandbox/runs/{run_id}?format=env").text
    assert f"export GITHUB_RUN_ID={run_id}\n" in again
    event = anonymous.call("GET", f"/_sandbox/runs/{run_id}/event").json()
    assert event["repository"]["full_name"] == ORDERS


def test_no_value_leaves_its_line() -> None:
    assert _shell('eval "$1"; printf %s "$A"', exports({"A": "'; exit 3; '\n"})) == b"'; exit 3; '\n"


@pytest.mark.parametrize("name", ["X=1; touch here; export Y", "A\n", "LD-PRELOAD", "", "1A"])
def test_a_name_that_is_no_variable_reaches_no_shell(name: str) -> None:
    with pytest.raises(ValueError, match="no variable"):
        exports({name: "1"})


def test_the_private_key_is_told_once(gh: SandboxServer, anonymous: Any) -> None:
    info = anonymous.call("GET", "/_sandbox/info").json()
    assert str(info).count("BEGIN ") == 1
    assert info["environment"] == gh.broker_environment()


def test_the_list_names_every_route_with_its_fields(anonymous: Any) -> None:
    listed = anonymous.call("GET", "/_sandbox/").json()
    assert [(each["method"], each["path"]) for each in listed] == [
        (each.method, each.path.replace(":int}", "}")) for each in CONTROLS
    ]
    (add,) = (each for each in listed if (each["method"], each["path"]) == ("POST", "/_sandbox/repositories"))
    assert add["what"] == "Add a repository with the app on it."
    assert add["body"] == {
        "full_name": "string, required: owner/name",
        "id": "integer or null: made up when left out",
        "installation_id": "integer or null: one for each owner when left out",
    }
    assert all(each["what"].endswith(".") for each in listed)


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("POST", "repositories", {}, "full_name is required"),
        (
            "POST",
            "repositories",
            {"full_name": "a/b", "colour": "red"},
            "colour is not known here (known: full_name, id, installation_id)",
        ),
        ("POST", "repositories", {"full_name": "x"}, "full_name must be owner/name, not 'x'"),
        ("POST", "repositories", {"full_name": "a/b", "id": "7"}, "id must be a valid integer"),
        ("POST", "repositories", {"id": 0}, "full_name is required; id must be greater than or equal to 1"),
        ("POST", "runs", {}, "repository is required"),
        ("POST", "runs", {"repository": ORDERS, "workflow": None}, "workflow must be a valid string"),
        ("POST", "runs?format=yaml", {"repository": ORDERS}, "format must be 'json' or 'env'"),
        ("POST", "hooks", {"url": "http://127.0.0.1"}, "repository is required"),
        ("POST", "hooks", {"url": "http://[::1]", "repository": ORDERS, "events": "x"}, "events must be a valid list"),
        ("POST", "app-hook", {}, "url is required"),
        ("POST", "faults", {"where": "rest", "kind": "cut", "times": 0}, "times must be greater than or equal to 1"),
        ("PUT", "limits", {"per_year": 1}, "per_year is not known here"),
        ("GET", "dispatches?count=many", None, "count must be a valid integer"),
        ("GET", "dispatches?colour=red", None, "colour is not known here"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_field(anonymous: Any, method: str, path: str, body: Any, said: str) -> None:
    answer = anonymous.call(method, f"/_sandbox/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith(said)


def test_a_run_for_a_dispatch_brings_its_own_event(orders: Any) -> None:
    orders.dispatch(ORDERS)
    (found,) = orders.call("GET", "/_sandbox/dispatches").json()
    answer = orders.call("POST", "/_sandbox/runs", json={"dispatch": found["id"], "event": "push"})
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("event is not known here")


def test_any_claim_can_be_replaced(gh: SandboxServer, anonymous: Any) -> None:
    run = gh.start_run(ORDERS)
    body = {"audience": "x", "claims": {"job": "j", "audience": "y", "exp": None}}
    assert anonymous.call("POST", f"/_sandbox/runs/{run.id}/token", json=body).json()["token"].count(".") == 2


def test_a_path_that_is_not_there_says_where_the_list_is(anonymous: Any) -> None:
    answer = anonymous.call("GET", "/_sandbox/nowhere")
    assert answer.status_code == 404
    assert "/_sandbox/" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "function", "apart"),
    [
        (bodies.AddRepository, Stage.add_repository, set()),
        (bodies.StartRun, Stage.start_run, set()),
        (bodies.AddHook, Stage.add_hook, set()),
        (bodies.AppHook, Stage.set_app_hook, set()),
        (bodies.AddWorkflow, Stage.add_workflow, set()),
        (bodies.SetInstallation, Stage.set_installation, set()),
        (bodies.AddFault, Faults.add, set()),
        (bodies.SetLimits, Limits.set, set()),
        (bodies.StartRunForDispatch, Stage.start_run, {"dispatch", "repository", "event", "event_payload"}),
    ],
)
def test_a_body_has_the_fields_of_the_python_api(body: type[bodies.Asked], function: Any, apart: set[str]) -> None:
    parameters = inspect.signature(function).parameters
    assert set(body.model_fields) - apart == set(parameters) - {"self"} - apart


@pytest.mark.parametrize(
    ("body", "function"),
    [
        (bodies.StartRun, Stage.start_run),
        (bodies.AddHook, Stage.add_hook),
        (bodies.AddWorkflow, Stage.add_workflow),
        (bodies.SetInstallation, Stage.set_installation),
        (bodies.AddFault, Faults.add),
        (bodies.SetLimits, Limits.set),
    ],
)
def test_a_field_that_is_left_out_is_what_the_python_api_takes(body: type[bodies.Asked], function: Any) -> None:
    parameters = inspect.signature(function).parameters
    given = {name: parameters[name].default for name, field in body.model_fields.items() if not field.is_required()}
    # An empty object here is a None there, and a list a tuple.
    for name, default in given.items():
        assert (body.model_fields[name].default or None) == (list(default) if name == "events" else default or None)


def test_the_document_has_every_route_and_every_field(root: Path) -> None:
    rows = [line for line in (root / "docs/sandbox.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    for each in CONTROLS:
        name = f"`{each.method} {each.path.replace(':int}', '}')}`"
        about = [row for row in rows if name in row]
        assert about, name
        wanted = {f"`{field}`" for field in (*each.body.model_fields, *each.query.model_fields)}
        required = {f"**`{field}`**" for field, its in each.body.model_fields.items() if its.is_required()}
        assert any(all(word in row for word in wanted | required) for row in about), (name, wanted)


def test_without_local_folders_the_routes_say_how_to_have_some(anonymous: Any) -> None:
    answer = anonymous.call("GET", "/_sandbox/local/runs")
    assert answer.status_code == 404
    assert "zekt sandbox up" in answer.json()["message"]
