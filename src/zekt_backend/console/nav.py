"""The navigation: what somebody is here for decides what is in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    path: str
    current: bool
    waiting: str = ""
    """How many wait for an answer there."""


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    links: tuple[Link, ...]


_MOST = 100
"""The API counts requests no further."""

_PROVIDER = (
    ("Zekt Repos", "/provider/repositories"),
    ("Zekt Workflows", "/provider/workflows"),
    ("Service Descriptions", "/provider/services"),
    ("Zekt Access", "/provider/access"),
    ("Subscribers", "/provider/subscribers"),
    ("Delivery Status", "/provider/deliveries"),
)
_CONSUMER = (
    ("Zekt Repos", "/consumer/repositories"),
    ("Zekt Subscriptions", "/consumer/subscriptions"),
    ("Delivery Status", "/consumer/deliveries"),
)
_DIRECTORY = (
    ("Browse", "/directory"),
    ("Zekt Brokering", "/brokering"),
    ("My Connections", "/connections"),
)
_ACCOUNT = (
    ("Health", "/health"),
    ("Usage", "/usage"),
    ("Audit Trail", "/audit"),
    ("Profile", "/profile"),
)


def groups(me: Mapping[str, Any], path: str) -> tuple[Group, ...]:
    """A group for each persona that one of this person's accounts has, and those for everybody."""
    accounts = me["accounts"]
    wanted = [
        ("Provider", _PROVIDER, any(account["provider"] for account in accounts)),
        ("Consumer", _CONSUMER, any(account["consumer"] for account in accounts)),
        ("Directory", _DIRECTORY, True),
        ("Account", _ACCOUNT, True),
    ]
    requests = me["requests"]
    waiting = {"/provider/access": f"{requests}{'+' if requests >= _MOST else ''}"} if requests else {}
    return tuple(
        Group(label, tuple(Link(name, to, _is_at(path, to), waiting.get(to, "")) for name, to in links))
        for label, links, shown in wanted
        if shown
    )


def _is_at(path: str, link: str) -> bool:
    return path == link or path.startswith(link + "/")
