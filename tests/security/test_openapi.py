"""What `/openapi.json` promises is what the broker does: asked by schemathesis, as callers of every kind."""

import re
from collections import Counter
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given, note, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from zekt_backend import routes
from zekt_backend.api import openapi
from zekt_backend.api.given import GIVES
from zekt_backend.errors import PROBLEMS
from zekt_testing.broker import ADMIN_TOKEN, Zekt
from zekt_testing.described import problems, schema
from zekt_testing.fuzzing import steadily

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
"""For each endpoint, good and bad input each."""


@pytest.fixture
def described(zekt: Zekt) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{zekt.url}/openapi.json", timeout=10).json()
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, op) for path, ops in described["paths"].items() for method, op in ops.items()]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_that_is_described(zekt: Zekt, described: Any, mode: GenerationMode) -> None:
    run = zekt.start_run()
    # They all ask the same: to think of a request takes twenty times as long as to ask it.
    tokens: dict[str, Callable[[], str]] = {"nobody": str, "run": run.token, "admin": lambda: ADMIN_TOKEN}
    schema = schemathesis.openapi.from_dict(described)
    asked = Counter[str]()
    for operation in (found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)):
        if mode is GenerationMode.NEGATIVE and not (operation.definition.raw["parameters"] or operation.body):
            continue  # What takes nothing takes nothing wrong.

        @settings(steadily, max_examples=EXAMPLES)
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            for caller, token in tokens.items():
                note(caller)
                asked[caller] += 1
                headers = {"Authorization": f"Bearer {token()}"}
                # Where a redirect leads is not ours to describe.
                answer = case.call(base_url=zekt.url, headers=headers, timeout=30, allow_redirects=False)
                case.validate_response(answer, checks=CHECKS)

        ask()
    assert all(asked[caller] > len(described["paths"]) for caller in tokens)


def test_every_endpoint_is_described_with_its_callers_and_refusals(described: Any) -> None:
    found = {(method.upper(), path): op for method, path, op in operations(described)}
    assert set(found) == {(method, path) for method, path, *_ in routes.TABLE}
    open_to_all = {(method, path) for method, path, right, *_ in routes.TABLE if right == "anybody"}
    for (method, path), op in found.items():
        assert bool(op["security"]) is ((method, path) not in open_to_all)
        assert {"401", "403"} <= set(op["responses"]) or not op["security"]
        assert {"500", "503"} <= set(op["responses"])
        assert {p["name"] for p in op["parameters"] if p["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path))
        assert {"400", "408", "413"} <= set(op["responses"]) or "requestBody" not in op


ANYTHING = {"StoredPayload"}
"""A message is whatever JSON its sender sent."""
TEXTS = {"/metrics": ("text/plain", "application/openmetrics-text")}
"""What is no JSON, and as what it is answered."""


def test_every_success_says_what_it_answers(described: Any) -> None:
    """Else the first test here could not fail: anything fits an empty schema."""
    models = described["components"]["schemas"]
    for method, path, op in operations(described):
        for status, answer in op["responses"].items():
            if not status.startswith("2"):
                continue
            if path in TEXTS:
                assert answer["content"] == {kind: {"schema": {"type": "string"}} for kind in TEXTS[path]}
                continue
            assert list(answer["content"]) == ["application/json"], (method, path)
            name = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert models[name].get("properties") or name in ANYTHING, (method, path, name)


def test_no_answer_of_the_management_api_may_have_a_field_that_nobody_described(described: Any) -> None:
    models = described["components"]["schemas"]
    loose = {
        model.__name__ for model in GIVES.values() if models[model.__name__].get("additionalProperties") is not False
    }
    # What is on the wire between actions and brokers of different ages may grow.
    assert loose == {"Receipt", "Acknowledgement", "ReplayReceipt"} | ANYTHING


def test_what_real_answers_are_held_against_notices_what_differs() -> None:
    page, token = schema("GET", "/api/tokens", 200), schema("DELETE", "/api/tokens/7", 200)
    assert page is not None
    assert token is not None
    shown = {"id": 7, "account": "shop-team", "name": "ci", "scope": "read", "createdBy": "operator"}
    shown |= {f"{verb}At": "2026-01-02T03:04:05+00:00" for verb in ("created", "expires", "lastUsed")}
    shown["revokedAt"] = None
    assert not problems(token, shown) + problems(page, {"tokens": [shown], "next": None})
    for wrong in ({"stray": 1}, {"id": "7"}, {"scope": "own"}, {"createdAt": "yesterday"}, {"expiresAt": None}):
        assert problems(token, {**shown, **wrong}), wrong
        assert problems(page, {"tokens": [{**shown, **wrong}], "next": None}), wrong
    assert problems(token, {name: value for name, value in shown.items() if name != "revokedAt"})


def used(code: Any, module: dict[str, Any]) -> set[str]:
    """Every name that a handler uses, by itself or through functions of its own file."""
    names = set(code.co_names)
    for each in code.co_consts:
        names |= used(each, module) if isinstance(each, CodeType) else set()
    for name in code.co_names:
        found = module.get(name)
        if isinstance(found, FunctionType) and found.__module__ == module["__name__"] and found.__code__ is not code:
            names |= used(found.__code__, module)
    return names


@pytest.mark.parametrize(("method", "path", "handler"), [(row[0], row[1], row[3]) for row in routes.TABLE])
def test_what_an_endpoint_reads_of_a_request_is_described(method: str, path: str, handler: Any) -> None:
    names = used(handler.__code__, handler.__globals__)
    op = openapi.document(routes.TABLE)["paths"][path][method.lower()]
    headers, queries = ({p["name"] for p in op["parameters"] if p["in"] == where} for where in ("header", "query"))
    assert ("requestBody" in op) is ("read" in names and method != "GET"), "routes.TABLE says what it takes"
    assert ("If-Match" in headers) is ("if_match" in names), "see _versioned in api/openapi.py"
    assert bool(queries) is bool({"listed", "query"} & names), "see _QUERIES in api/openapi.py"


def test_every_refusal_is_described_under_its_own_status_and_type(described: Any) -> None:
    for method, path, op in operations(described):
        for status, answer in op["responses"].items():
            if int(status) < 400:
                continue
            assert list(answer["content"]) == ["application/problem+json"], (method, path)
            codes = re.findall(r"`(\w+)`", answer["description"])
            assert {PROBLEMS[code].status for code in codes} == {int(status)}


def test_only_what_the_document_has_is_referred_to(described: Any) -> None:
    referred = set(re.findall(r"#/components/schemas/(\w+)", str(described)))
    assert referred <= set(described["components"]["schemas"])
    assert {name for _, _, op in operations(described) for entry in op["security"] for name in entry} == set(
        described["components"]["securitySchemes"]
    )
