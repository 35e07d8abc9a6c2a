"""A service's schema and guard as its account sets them: over HTTP, by the command, in a setup file."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from typer.testing import CliRunner, Result

from zekt_backend.cli import app, setup_file
from zekt_backend.errors import ZektError
from zekt_testing.broker import ADMIN_TOKEN, ORDER, Zekt
from zekt_testing.processes import environment

SCHEMA = "/api/services/infrastructure-orders/schema"
Call = Callable[..., requests.Response]


@pytest.fixture
def call(zekt: Zekt) -> Call:
    def send(
        method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> requests.Response:
        return requests.request(
            method,
            zekt.url + path,
            json=body,
            data=raw,
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}", **headers},
            timeout=30,
        )

    return send


@pytest.fixture
def command(zekt: Zekt, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("ZEKT_DATABASE_URL", zekt.database_url)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_each_new_schema_is_the_next_version_and_the_same_is_the_same(call: Call) -> None:
    first, second = b'{ "type":"object" }', b'{"type":  "array"}'
    told = [call("PUT", SCHEMA, raw=raw).json()["schemaVersion"] for raw in (first, first, second, first, b"true")]
    assert told == [1, 1, 2, 1, 3]
    assert call("GET", SCHEMA).json()["schema"] is True
    assert call("GET", f"{SCHEMA}?version=2").content.endswith(b'"schema": ' + second + b"}")
    listed = call("GET", f"{SCHEMA}s").json()
    assert [(row["schemaVersion"], row["asked"]) for row in listed["schemas"]] == [(3, True), (2, False), (1, False)]
    assert listed["next"] is None
    page = call("GET", f"{SCHEMA}s?limit=2").json()
    assert call("GET", f"{SCHEMA}s?before={page['next']}").json()["schemas"][0]["schemaVersion"] == 1


def test_so_many_versions_are_kept_and_no_more_but_each_of_them_may_hold_again(zekt: Zekt, call: Call) -> None:
    zekt.sql(
        """INSERT INTO service_schemas (service_id, version, schema, created_at, created_by)
           SELECT v.id, n, '{"minLength": ' || n || '}', now(), 'operator'
           FROM services v, generate_series(1, 49) n WHERE v.slug = 'infrastructure-orders'"""
    )
    assert call("PUT", SCHEMA, raw=b"true").json()["schemaVersion"] == 50
    refused = call("PUT", SCHEMA, raw=b"false")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "more than 50" in refused.json()["detail"]
    assert zekt.sql("SELECT count(*) FROM service_schemas") == [(50,)]
    assert call("PUT", SCHEMA, raw=b'{"minLength": 7}').json()["schemaVersion"] == 7


def test_a_schema_holds_for_the_next_message_and_its_removal_too(zekt: Zekt, call: Call) -> None:
    call("PUT", SCHEMA, {"type": "array"})
    assert zekt.send(zekt.start_run(), {}).json()["code"] == "schema_violated"
    removed = call("DELETE", SCHEMA)
    assert removed.json()["schemaVersion"] is None
    assert call("DELETE", SCHEMA).json() == removed.json()
    assert zekt.send(zekt.start_run(), {}).status_code == 202
    assert call("GET", SCHEMA).json()["schema"] is None
    assert call("GET", f"{SCHEMA}?version=9").status_code == 404
    assert call("GET", f"{SCHEMA}?version=1").json()["schema"] == {"type": "array"}


def test_what_cannot_be_a_schema_is_refused_and_nothing_changes(zekt: Zekt, call: Call) -> None:
    for raw in (b"", b"\xff", b"[]", b'{"$ref": "https://example.com"}', b'{"type": "strin"}', b'{"$ref":"#"}'):
        answer = call("PUT", SCHEMA, raw=raw)
        assert (answer.status_code, answer.json()["code"]) == (422, "schema_invalid"), raw
    assert call("PUT", SCHEMA, raw=b'"' + b" " * 131_072 + b'"').json()["code"] == "body_too_large"
    assert zekt.sql("SELECT count(*) FROM service_schemas") == [(0,)]


def test_a_schema_that_hangs_already_when_it_is_checked_is_refused(call: Call) -> None:
    doubling: dict[str, Any] = {"$ref": "#/$defs/n29", "$defs": {"n0": {"type": "null"}}}
    for number in range(1, 30):
        doubling["$defs"][f"n{number}"] = {"anyOf": [{"$ref": f"#/$defs/n{number - 1}"}] * 2}
    answer = call("PUT", SCHEMA, doubling)
    assert (answer.status_code, answer.json()["code"]) == (422, "schema_invalid")
    assert call("PUT", SCHEMA, {}).status_code == 200


def test_a_change_rests_on_the_version_that_was_seen(zekt: Zekt, call: Call) -> None:
    seen = call("GET", "/api/services/infrastructure-orders").headers["etag"]
    made = call("PUT", SCHEMA, {}, **{"If-Match": seen})
    assert made.status_code == 200
    assert made.headers["etag"] == f'"{made.json()["version"]}"'
    assert call("PUT", SCHEMA, {"type": "array"}, **{"If-Match": seen}).json()["code"] == "version_stale"
    assert call("DELETE", SCHEMA, **{"If-Match": seen}).json()["code"] == "version_stale"
    assert call("DELETE", SCHEMA, **{"If-Match": made.headers["etag"]}).status_code == 200
    told = zekt.sql("SELECT action, subject, before, after FROM audit WHERE action = 'service.schema' ORDER BY id")
    assert told == [
        ("service.schema", "infrastructure-orders", {"schema_version": None}, {"schema_version": 1}),
        ("service.schema", "infrastructure-orders", {"schema_version": 1}, {"schema_version": None}),
    ]


def test_a_service_that_is_published_refuses_credentials_unless_told_otherwise(
    zekt: Zekt, call: Call, fake: dict[str, str]
) -> None:
    wanted = {"repository": 1001, "workflow": ORDER, "slug": "new-orders", "eventType": "order"}
    made = call("POST", "/api/services", wanted).json()
    assert (made["guard"], made["schemaVersion"]) == ("refuse", None)
    assert zekt.send(zekt.start_run(), fake["github-token"]).json()["code"] == "credentials_found"
    assert call("PATCH", "/api/services/new-orders", {"guard": "pass"}).json()["guard"] == "pass"
    assert zekt.send(zekt.start_run(), fake["github-token"]).status_code == 202
    assert call("PATCH", "/api/services/new-orders", {"guard": "maybe"}).json()["code"] == "body_invalid"


def test_the_command_sets_shows_and_removes_a_schema(
    zekt: Zekt, command: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "order.schema.json"
    file.write_text('{"type":\n "array"}\n')
    slug = "infrastructure-orders"
    assert json.loads(command("services", "schema", "set", slug, str(file), "--json").stdout)["schemaVersion"] == 1
    assert zekt.send(zekt.start_run(), {}).json()["code"] == "schema_violated"
    assert command("services", "schema", "show", slug).stdout.strip() == file.read_text().strip()
    assert json.loads(command("services", "schema", "show", slug, "--json").stdout)["schema"] == {"type": "array"}
    assert json.loads(command("services", "schema", "versions", slug, "--json").stdout)[0]["asked"] is True
    assert command("services", "schema", "remove", slug).exit_code == 0
    assert command("services", "change", slug, "--guard", "redact").exit_code == 0
    assert zekt.sql("SELECT guard, schema_version FROM services") == [("redact", None)]


def test_the_command_tells_what_is_wrong_with_a_schema(zekt: Zekt, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text('{"type": "strin"}')
    run = subprocess.run(
        [sys.executable, "-m", "zekt_backend.cli", "services", "schema", "set", "infrastructure-orders", str(file)],
        env=environment(zekt.github, ZEKT_DATABASE_URL=zekt.database_url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "$.type" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_setup_file_sets_both_leaves_both_and_takes_the_schema_away(
    zekt: Zekt, directory: Callable[..., dict[str, Any]], command: Callable[..., Result], tmp_path: Path
) -> None:
    def apply(**service: Any) -> list[tuple[Any, ...]]:
        wanted = directory()
        wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"] |= service
        file = tmp_path / "setup.yaml"
        file.write_text(yaml.safe_dump(wanted))
        applied = command("setup", "apply", str(file), "--no-check")
        assert applied.exit_code == 0, applied.output
        return zekt.sql("SELECT guard, schema_version FROM services")

    assert apply() == [("pass", None)]
    assert apply(guard="redact", schema={"type": "array"}) == [("redact", 1)]
    before = zekt.sql("SELECT version FROM services")
    assert apply(guard="redact", schema={"type": "array"}) == [("redact", 1)]
    assert apply() == [("redact", 1)]
    assert zekt.sql("SELECT version FROM services") == before
    assert apply(schema=True) == [("redact", 2)]
    assert apply(schema=None) == [("redact", None)]


def test_a_setup_file_with_a_schema_that_cannot_be_used_is_refused(
    directory: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    wanted = directory()
    for schema, why in (({"type": "strin"}, "$.type"), ("text", "schema"), ("2026-11-21", "schema")):
        wanted["accounts"][0]["repositories"][0]["workflows"][0]["service"]["schema"] = schema
        file = tmp_path / "setup.yaml"
        file.write_text(yaml.safe_dump(wanted))
        with pytest.raises(ZektError) as refused:
            setup_file.read(file)
        assert refused.value.code == "setup_invalid"
        assert why in refused.value.detail
