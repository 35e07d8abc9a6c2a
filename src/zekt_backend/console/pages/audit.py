"""The audit trail: who changed what, when, from what to what."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pydantic.alias_generators import to_snake
from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.view import Page


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of what was changed; empty where there was, or is, none."""

    name: str
    was: str
    is_: str


@view.opened
async def trail(page: Page) -> Response:
    asked = page.request.query_params
    account = asked.get("account") or None
    found = await page.api.get("/api/audit", account=account, before=asked.get("before"))
    lines = [{**line, "differences": _differences(line["before"], line["after"])} for line in found["audit"]]
    values: dict[str, Any] = {"account": account, "query": urlencode({"account": account}) if account else ""}
    return page.render("audit.html", title="Audit Trail", lines=lines, next=found["next"], **values)


def _differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Difference]:
    was, is_ = before or {}, after or {}
    names = [*was, *(name for name in is_ if name not in was)]
    return [Difference(_words(name), _text(was.get(name)), _text(is_.get(name))) for name in names]


def _words(name: str) -> str:
    return to_snake(name).replace("_", " ")


def _text(value: Any) -> str:
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
