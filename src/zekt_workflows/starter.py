"""Workflows to start from, written for one event type and one broker."""

import re
from enum import StrEnum
from importlib.resources import files

import yaml

EVENT_TYPE = "my-event"
API_URL = "https://zekt.example.com"

_FOLDER = files("zekt_workflows") / "starters"
_MAX_CHARACTERS = 100
"""https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event"""


class Side(StrEnum):
    PROVIDER = "provider"
    CONSUMER = "consumer"


def starter(side: Side, *, event_type: str = EVENT_TYPE, api_url: str = API_URL, durable: bool = False) -> str:
    """The whole file.

    Args:
        side: whose.
        event_type: what the provider sends and the consumer listens for, 1 to 100 characters.
        api_url: the broker's address; whether it is one is not looked at.
        durable: whether a consumer ends with complete.

    Raises:
        ValueError: a text would become something other than itself in a workflow; it says why.
    """
    if not 1 <= len(event_type) <= _MAX_CHARACTERS or event_type != event_type.strip():
        raise ValueError(f"an event type has 1 to {_MAX_CHARACTERS} characters, and no space at either end")
    values = {"event_type": _quoted("event type", event_type), "api_url": _quoted("address", api_url)}
    text = (_FOLDER / f"{side}.yml").read_text("utf-8")
    if durable and side is Side.CONSUMER:
        text += (_FOLDER / "complete.yml").read_text("utf-8")
    values["title"] = _quoted("event type", f"{'Send' if side is Side.PROVIDER else 'Receive'} {event_type}")
    # In one pass, so that no value is looked at for the names of others.
    return re.sub(r"\{(title|event_type|api_url)\}", lambda found: values[found[1]], text)


def _quoted(what: str, text: str) -> str:
    """As YAML has it on one line; in quotes unless it begins as words do, since YAML 1.2 has other numbers than 1.1."""
    if not text.isprintable():
        raise ValueError(f"the {what} has characters that cannot be seen")
    if "${{" in text:
        raise ValueError(f"the {what} has `${{{{`, which GitHub takes for an expression")
    style = None if re.match("[A-Za-z]", text) else "'"
    dumped: str = yaml.safe_dump({"": text}, default_style=style, allow_unicode=True, width=10_000)
    return dumped.partition(": ")[2].rstrip("\n")
