"""Real answers, held against what `/openapi.json` says of them: every field described, and no other."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from jsonschema import Draft202012Validator, FormatChecker

from zekt_backend import routes
from zekt_backend.api import openapi

DOCUMENT = openapi.document(routes.TABLE)
_PATHS = {re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): path for path in DOCUMENT["paths"]}
_FORMATS = FormatChecker()


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: Any) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def check(answer: requests.Response, *_: Any, **__: Any) -> None:
    """Fails when a success is not as described; may be a hook of requests.

    What is no endpoint of the broker's, or a redirect, passes.
    """
    if not answer.ok or answer.is_redirect or not answer.request.url or "json" not in answer.headers["content-type"]:
        return
    where = schema(str(answer.request.method), unquote(urlsplit(answer.request.url).path), answer.status_code)
    if where is not None:
        wrong = problems(where, answer.json())
        assert not wrong, (answer.request.method, answer.request.url, wrong)


def schema(method: str, path: str, status: int) -> dict[str, Any] | None:
    """That of this answer; None: there is no such endpoint."""
    found = next((template for pattern, template in _PATHS.items() if pattern.fullmatch(path)), None)
    if found is None:
        return None
    described = DOCUMENT["paths"][found][method.lower()]["responses"][str(status)]
    return dict(described["content"]["application/json"]["schema"])


def problems(where: dict[str, Any], body: Any) -> list[str]:
    """Where the body is not as described, and how."""
    whole = {**where, "components": DOCUMENT["components"]}
    found = Draft202012Validator(whole, format_checker=_FORMATS).iter_errors(body)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]
