"""The YAML, JSON and requests of our pages, held against what reads the like of them."""

import json
import re
from collections.abc import Iterator
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from zekt_backend.cli import setup_file
from zekt_backend.errors import ZektError
from zekt_backend.settings import Settings
from zekt_testing import shell
from zekt_testing.described import DOCUMENT, problems
from zekt_testing.pages import Block
from zekt_workflows import ours, reader
from zekt_workflows.lint import lint
from zekt_workflows.rules import Severity

_ENDPOINT = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^\s`?]*)[^`]*`")
_SETTINGS = {f"ZEKT_{name.upper()}" for name in Settings.model_fields}
_LEFT_OUT = "…"
_JOB = {"runs-on": "ubuntu-latest"}
# A file's own key, which nothing else has.
_MARKS = {"action": "runs", "setup": "accounts", "prometheus": "scrape_configs"}
_OF_WORKFLOWS = {"on", "jobs", "permissions", "env", "concurrency", "run-name"}
# What a step of ours needs around it, so that a part is judged for what it shows.
_AROUND = {"on": "push", "permissions": {"id-token": "write", "contents": "read"}}
_A_JOB = {"a": {**_JOB, "steps": [{"run": "true"}]}}


def kind_of_yaml(text: str) -> tuple[str, str]:
    """(kind, the whole file that the text is, or is a part of); an empty kind where it is nothing that is known.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    content = yaml.load(text, Loader=yaml.BaseLoader)  # every scalar stays the text it is: `on` too
    keys = set(content) if isinstance(content, dict) else set()
    for kind, mark in _MARKS.items():
        if mark in keys:
            return kind, text
    if {"on", "jobs"} <= keys:
        return "workflow", text
    if isinstance(content, list) and all("uses" in step or "run" in step for step in content):
        return "workflow", _workflow({"jobs": {"a": {**_JOB, "steps": content}}})
    if "steps" in keys:
        return "workflow", _workflow({"jobs": {"a": {**_JOB, **content}}})
    return ("workflow", _workflow(content)) if keys & _OF_WORKFLOWS else ("", text)


def _workflow(part: dict[str, Any]) -> str:
    return yaml.safe_dump({**_AROUND, "jobs": _A_JOB, **part}, sort_keys=False)


def workflow_problem(text: str) -> str:
    """What `zekt lint` finds that would go wrong, and what our actions are not given though they want it."""
    flow = reader.read(text)
    found = [f"{each.what} ({each.rule.id})" for each in lint([flow]) if each.rule.severity is not Severity.NOTE]
    for each in ours.ours(flow):
        given = {name.text for name, _ in (each.step or each.job).arguments}
        found += [f"{each.uses.text.text} wants {name}" for name in sorted(_required(each.uses.path) - given)]
    return "; ".join(found)


@cache
def _required(path: str) -> set[str]:
    """The inputs without which an action of ours, or a reusable workflow, does not begin; by its path here."""
    file = shell.ROOT / (path if path.endswith(".yml") else f"{path}/action.yml").lstrip("/")
    content = yaml.load(file.read_text("utf-8"), yaml.BaseLoader)
    inputs = content["on"]["workflow_call"]["inputs"] if "on" in content else content["inputs"]
    return {name for name, about in inputs.items() if about and about.get("required") == "true"}


def setup_problem(path: Path) -> str:
    """What `zekt setup apply` says of the file before it asks anybody."""
    try:
        setup_file.read(path)
    except ZektError as error:
        return str(error)
    return ""


def ini_problem(text: str) -> str:
    """Of a file of settings, each is one of ours; of a unit for systemd, what it starts would start."""
    if not text.startswith("["):
        unknown = {
            name for name in re.findall(r"^(\w+)=", text, re.MULTILINE) if name.removesuffix("_FILE") not in _SETTINGS
        }
        return f"no setting of ours: {', '.join(sorted(unknown))}" if unknown else ""
    unit = ConfigParser(interpolation=None)
    unit.read_string(text)
    return shell.problem(unit["Service"]["ExecStart"].replace("%i", "1").split(), set())


def prometheus_problem(text: str) -> str:
    """Whether what is scraped is ours: `/metrics` unless it says otherwise."""
    paths = [each.get("metrics_path", "/metrics") for each in yaml.safe_load(text)["scrape_configs"]]
    return "" if paths and all(shell.is_endpoint("GET", path) for path in paths) else f"nothing is served at {paths}"


def json_problem(block: Block) -> str:
    """Whether it is JSON, and what an endpoint that its section names takes or answers.

    It is a problem where the section speaks of `problem+json`.
    """
    try:
        content = json.loads(block.text)
    except ValueError as error:
        return f"no JSON: {error}"
    tried = [(_unmet(schema, content), name) for name, schema in _candidates(block)]
    if not tried:
        return "its section names no endpoint, so nobody knows what it should be"
    wrong, nearest = min(tried, key=lambda each: len(each[0]))
    return f"{nearest}: {wrong}" if wrong else ""


def _candidates(block: Block) -> Iterator[tuple[str, dict[str, Any]]]:
    if "problem+json" in block.section:
        yield "Problem", {"$ref": "#/components/schemas/Problem"}
    for method, named in _ENDPOINT.findall(block.section):
        shape = re.compile(re.sub(r"\{\w+\}", r"\\{\\w+\\}", named))
        for path, methods in DOCUMENT["paths"].items():
            if shape.fullmatch(path) and method.lower() in methods:
                yield from _shapes_of(f"{method} {path}", methods[method.lower()])


def _shapes_of(name: str, endpoint: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for what, each in [("request", endpoint.get("requestBody", {})), *endpoint["responses"].items()]:
        for content in each.get("content", {}).values():
            if "schema" in content:
                yield f"{name}: {what}", content["schema"]


def _unmet(schema: dict[str, Any], content: Any) -> list[str]:
    """Where the content is not of that shape, but for what it leaves out by an ellipsis."""
    errors = Draft202012Validator({**schema, "components": DOCUMENT["components"]}).iter_errors(content)
    return [f"{error.json_path}: {error.message[:200]}" for error in errors if not _leaves_out(error)]


def _leaves_out(error: ValidationError) -> bool:
    if isinstance(error.instance, str | dict) and _LEFT_OUT in error.instance:
        return True
    ways = {each.schema_path[0] for each in error.context or ()}
    return any(all(_leaves_out(each) for each in error.context or () if each.schema_path[0] == way) for way in ways)


def http_problem(text: str) -> str:
    """Of requests to the API as docs/onboarding.md writes them: a line, and a body that the endpoint takes."""
    for request in text.strip().split("\n\n"):
        line, _, body = request.partition("\n")
        method, _, path = line.partition(" ")
        path = path.partition("?")[0]
        if not shell.is_endpoint(method, path):
            return f"{line}: no such endpoint"
        if body:
            (template,) = (each for each in DOCUMENT["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), path))
            schema = DOCUMENT["paths"][template][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
            if wrong := problems(schema, json.loads(body)):
                return f"{line}: {wrong}"
    return ""
