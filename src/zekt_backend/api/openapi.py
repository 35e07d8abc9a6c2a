"""What `/openapi.json` says: who may call, what is taken, and every answer with its real content type."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from zekt_action.wire import MessageHead, Problem
from zekt_backend import __version__
from zekt_backend.api import audit, connections, deliveries, directory, repositories, subscriptions
from zekt_backend.api.auth import Beginning
from zekt_backend.api.events import Which
from zekt_backend.api.given import GIVES
from zekt_backend.api.service_schemas import WhichSchema
from zekt_backend.api.shapes import Page
from zekt_backend.api.usage import Period
from zekt_backend.errors import PROBLEMS

_ABOUT = "A broker between GitHub workflows of different organisations."
_REFERENCE = "#/components/schemas/{model}"
_TOKENS = tuple(code for code in PROBLEMS if code.startswith("token_"))
_PAYLOAD = tuple(code for code in PROBLEMS if code.startswith("payload_") and code != "payload_expired")
_ASKED = ("schema_violated", "credentials_found", "check_failed", "checks_busy")
"""What a message's services ask of it."""
_WEBHOOK = tuple(code for code in PROBLEMS if code.startswith("webhook"))
_SESSION = ("session_refused", "csrf_refused")
_MANAGERS = (
    "admin_token_refused",
    "api_token_refused",
    "management_off",
    *_SESSION,
    "roles_unknown",
    "not_yours",
    "not_found",
)

_RUN = (*_TOKENS, "not_yours", "pull_request_target_refused", "issuer_unreachable")
_CALLERS: dict[str, tuple[str, tuple[str, ...]]] = {
    # Who may: the name of the security scheme, and how callers are refused.
    "anybody": ("", ()),
    "GitHub": ("github", _WEBHOOK),
    "run token": ("run", _RUN),
    "session": ("session", _SESSION),
    "read": ("manager", _MANAGERS),
    "manage": ("manager", _MANAGERS),
    "own": ("manager", _MANAGERS),
    "operator": ("manager", _MANAGERS),
    "metrics token": ("scraper", ("metrics_off", "metrics_token_refused")),
}
_OWN: dict[str, tuple[str, ...]] = {
    "/api/events": ("query_too_long",),
    "/api/events/receive": (*_PAYLOAD, "event_type_invalid", "claims_mismatch", "too_many_messages", *_ASKED),
    "/api/services/{slug}/schema": ("schema_invalid", "checks_busy"),
    "/api/event-delivery/complete": ("result_invalid",),
    "/api/event-delivery/{delivery_id}/payload": ("no_payload", "payload_expired"),
    "/api/replay/{delivery_id}": ("payload_expired", "replay_refused"),
    "/api/accounts/{account}/notices": ("webhooks_off",),
    "/api/accounts/{account}/notices/secret": ("webhooks_off",),
    "/api/accounts/{account}/notices/test": ("webhooks_off", "conflict"),
    "/api/replays": ("replay_refused", "conflict", "not_found", "query_too_long"),
    "/api/services": ("conflict",),
    "/auth/sign-in": ("sign_in_off",),
    "/auth/callback": ("sign_in_off", "sign_in_failed", "github_refused", "github_unavailable"),
    "/auth/development": ("csrf_refused", "not_found", "github_refused", "github_unavailable"),
    "/api/subscriptions": ("conflict",),
    "/api/policy/simulate": ("setup_invalid", "query_too_long"),
}
_GOOD = {
    "/api/events/receive": (202, 200),
    "/api/github/webhooks": (202,),
    "/api/replay/{delivery_id}": (202,),
}
_REDIRECTS = {"/auth/sign-in": "302", "/auth/callback": "303"}
_TEXTS = {"/metrics": ("text/plain", "application/openmetrics-text")}
"""What is no JSON, and its content types."""
_MADE = {
    "/api/replays": (202, 200),
    "/api/repositories": (201, 200),
    "/api/services": (201,),
    "/api/subscriptions": (201,),
    "/api/tokens": (201,),
}
"""What a POST answers where a GET of the same path answers 200."""
_ASKS_GITHUB = ("conflict", "github_refused", "github_unavailable", "webhooks_off")
"""How what is asked of GitHub on somebody's behalf may end."""
_UNVERSIONED = (
    "/api/replays/{replay_id}",
    "/api/tokens/{token_id}",
)
"""What is changed without a version."""
_DECIDED = ("/approve", "/deny", "/hook", "/revoke", "/secret")
"""What is changed with one, though by POST."""
_HEADERS = {
    "/api/events/receive": {"x-github-repository": "optional; must be the token's repository"},
    "/api/github/webhooks": {"X-GitHub-Event": "workflow_run", "X-GitHub-Delivery": "a GUID"},
}
_QUERIES: dict[str, type[BaseModel]] = {
    "/api/deliveries": deliveries.Filter,
    "/api/deliveries/counts": deliveries.Which,
    "/api/connections": connections.Filter,
    "/api/events": Which,
    "/api/accounts": Page,
    "/api/notices": Page,
    "/api/replays": Page,
    "/api/repositories": repositories.Filter,
    "/api/services": Page,
    "/api/services/{slug}/schema": WhichSchema,
    "/api/services/{slug}/schemas": Page,
    "/api/subscriptions": subscriptions.Filter,
    "/api/directory": directory.Search,
    "/api/tokens": Page,
    "/api/audit": audit.Whose,
    "/api/usage": Period,
    "/auth/sign-in": Beginning,
}
"""What a GET takes."""
_SCHEMES = {
    "run": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The OIDC token of the run"},
    "manager": {"type": "http", "scheme": "bearer", "description": "ZEKT_ADMIN_TOKEN, or an API token (`zekt_…`)"},
    "scraper": {"type": "http", "scheme": "bearer", "description": "ZEKT_METRICS_TOKEN, or ZEKT_ADMIN_TOKEN"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-zekt-session",
        "description": "Of a person who signed in. What changes something needs the header X-CSRF-Token, too",
    },
    "github": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Hub-Signature-256",
        "description": "`sha256=` and the HMAC of the body under ZEKT_WEBHOOK_SECRET, in hexadecimal",
    },
}


def document(table: Iterable[Any]) -> dict[str, Any]:
    """The whole document, made from the rows of `routes.TABLE`."""
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    models: set[Any] = {Problem}
    for method, path, right, handler, takes, summary in table:
        gives = None if path in (*_REDIRECTS, *_TEXTS) else GIVES[handler]
        models |= {model for model in (takes, gives) if model}
        scheme, refusals = _CALLERS[right]
        takes_body = method in ("POST", "PUT", "PATCH") and (takes is not None or right == "GitHub")
        paths[path][method.lower()] = {
            "operationId": f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}",
            "summary": summary,
            "security": [{name: []} for name in _schemes(scheme)],
            "parameters": _parameters(method, path),
            "responses": {**_good(method, path, gives), **_problems(method, path, refusals, takes_body)},
            **({"requestBody": _body(takes)} if takes_body else {}),
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Zekt", "version": __version__, "description": _ABOUT},
        "paths": dict(paths),
        "components": {"schemas": _schemas(models), "securitySchemes": _SCHEMES},
    }


def _schemes(scheme: str) -> tuple[str, ...]:
    """Whatever a token may, a person may who has the right to it."""
    return ("manager", "session") if scheme == "manager" else (scheme,) if scheme else ()


def _schemas(models: set[Any]) -> dict[str, Any]:
    listed = [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)]
    found: dict[str, Any] = models_json_schema(listed, by_alias=True, ref_template=_REFERENCE)[1]["$defs"]  # type: ignore[arg-type]
    if MessageHead not in models:  # A process that only works takes none.
        return found
    head = found[MessageHead.__name__]
    # The payload is cut out of the body as it stands there, so no model of ours has it.
    head["properties"]["payload"] = {"description": "Any JSON value, at most 524,288 bytes"}
    head["required"] = [*head.get("required", []), "payload"]
    head["examples"] = [{"eventType": "order-placed", "payload": {"resourceType": "webServer"}}]
    return found


def _parameters(method: str, path: str) -> list[dict[str, Any]]:
    inside = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, "maxLength": 100}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    headers = [
        {
            "name": name,
            "in": "header",
            "required": not text.startswith("optional"),
            "description": text,
            "schema": {"type": "string", "maxLength": 300},
        }
        for name, text in _HEADERS.get(path, {}).items()
    ]
    if _versioned(method, path):
        text = 'the ETag of what was read, `"N"`'
        headers.append({"name": "If-Match", "in": "header", "description": text, "schema": {"type": "string"}})
    model = _QUERIES.get(path) if method == "GET" else None
    fields = model.model_json_schema(by_alias=True)["properties"] if model else {}
    return [*inside, *headers, *(_asked(name, _without_null(schema)) for name, schema in fields.items())]


def _asked(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    several = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return {"name": name, "in": "query", "schema": schema, **several}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: what is left out is not there."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    return {**kinds[0]} if kinds else {name: value for name, value in schema.items() if name != "title"}


def _body(takes: Any) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=takes.__name__)} if takes else {"type": "object"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _versioned(method: str, path: str) -> bool:
    return (method in ("PATCH", "PUT", "DELETE") or path.endswith(_DECIDED)) and path not in _UNVERSIONED


def _good(method: str, path: str, gives: Any) -> dict[str, Any]:
    if path in _REDIRECTS:
        location = {"Location": {"description": "where to go on", "schema": {"type": "string"}}}
        return {_REDIRECTS[path]: {"description": "On", "headers": location}}
    if path in _TEXTS:
        return {"200": {"description": "Done", "content": {t: {"schema": {"type": "string"}} for t in _TEXTS[path]}}}
    schema = {"$ref": _REFERENCE.format(model=gives.__name__)}
    answer: dict[str, Any] = {"description": "Done", "content": {"application/json": {"schema": schema}}}
    if path.startswith("/api/") and "version" in gives.model_fields:
        text = 'the version, `"N"`'
        answer["headers"] = {"ETag": {"description": text, "schema": {"type": "string"}}}
    return {str(status): answer for status in _good_statuses(method, path)}


def _good_statuses(method: str, path: str) -> tuple[int, ...]:
    return _MADE[path] if method == "POST" and path in _MADE else _GOOD.get(path, (200,))


def _asks_github(method: str, path: str) -> bool:
    return path.startswith("/api/repositories") and (method != "GET" or path.endswith("/workflows"))


def _problems(method: str, path: str, refusals: tuple[str, ...], takes_body: bool) -> dict[str, Any]:
    codes = [*refusals, *_OWN.get(path, ()), "database_unavailable", "internal"]
    codes += ["body_invalid", "body_too_large", "body_too_slow"] if takes_body else []
    codes += ["conflict", "version_stale"] if _versioned(method, path) else []
    codes += _ASKS_GITHUB if _asks_github(method, path) else ()
    # A path or a query may hold what no column can, and a path a slash.
    codes += (
        ["body_invalid", "not_found"]
        if "{" in path
        else ["body_invalid"]
        if method == "GET" and path in _QUERIES
        else []
    )
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in dict.fromkeys(codes):
        by_status[PROBLEMS[code].status].append(code)
    return {str(status): _problem(status, by_status[status]) for status in sorted(by_status)}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    named = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "seconds"}}.get(status, {})
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in named.items()}
    content = {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model=Problem.__name__)}}}
    return {"description": ", ".join(f"`{code}`" for code in codes), "content": content, "headers": headers}
