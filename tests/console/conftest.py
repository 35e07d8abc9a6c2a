"""People before real browsers, at a real broker."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor, chromium
from zekt_testing.people import Browser as Program


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not longer than a file's tests: where it runs, this thread can run nothing else of asyncio's."""
    with chromium() as started:
        yield started


@pytest.fixture
def visit(browser: Browser, zekt: Zekt) -> Iterator[Callable[..., Visitor]]:
    """`visit(narrow=True, dark=True)` opens a window; in the end none may have complained."""
    visitors: list[Visitor] = []

    def open_window(**how: bool) -> Visitor:
        visitors.append(Visitor(browser, zekt.url, **how))
        return visitors[-1]

    yield open_window
    for visitor in visitors:
        visitor.leave()


@pytest.fixture
def people(zekt: Zekt) -> None:
    """alice owns infra-team, which consumes; sam owns shop-team, which provides; zoe owns nothing."""
    zekt.github.set_person("alice", organizations={"infra-team": "admin"})
    zekt.github.set_person("sam", organizations={"shop-team": "admin"})
    zekt.github.set_person("zoe")


@pytest.fixture
def alice(visit: Callable[..., Visitor], people: None) -> Visitor:  # noqa: ARG001 — they must be there
    visitor = visit()
    visitor.become("alice")
    return visitor


@pytest.fixture
def sam(visit: Callable[..., Visitor], people: None) -> Visitor:  # noqa: ARG001 — they must be there
    visitor = visit()
    visitor.become("sam")
    return visitor


@pytest.fixture
def program(zekt: Zekt, people: None) -> Program:  # noqa: ARG001 — they must be there
    """alice's requests without a window, of which any may be sent."""
    made = Program(zekt)
    made.become("alice")
    return made
