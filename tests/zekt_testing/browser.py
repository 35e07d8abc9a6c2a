"""A real browser, which notices what a page must not do, and keeps pictures of what it showed."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it carries none
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

PICTURES = Path("build/screenshots")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
_SERIOUS = ("serious", "critical")
# The browser's own line about an answer of 400 and above; the page that was asked for says more.
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's, or that of ZEKT_TEST_CHROMIUM. It may speak to nobody but whom a page names."""
    path = os.environ.get("ZEKT_TEST_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium here: apt-get install chromium, or name one in ZEKT_TEST_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """Somebody before a browser of their own, at one broker.

    Args:
        browser: which gives a window without cookies.
        url: the broker's.
        narrow: whether the screen is a telephone's.
        dark: whether they like it dark.
        scripts: whether pages may run any.
    """

    def __init__(
        self, browser: Browser, url: str, *, narrow: bool = False, dark: bool = False, scripts: bool = True
    ) -> None:
        self.url = url
        self.window = browser.new_context(
            viewport=NARROW if narrow else WIDE,  # type: ignore[arg-type] # a literal of that shape
            color_scheme="dark" if dark else "light",
            base_url=url,
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        self.window.set_default_timeout(15_000)
        self.page: Page = self.window.new_page()
        self.complaints: list[str] = []
        self._kind = ("narrow" if narrow else "wide") + ("-dark" if dark else "")
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _REFUSED.match(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.complaints.append(f"asks elsewhere: {request.url}")

    def become(self, login: str, following: str = "/") -> None:
        """Sign in, as the sandbox lets anybody."""
        self.page.goto(f"/sign-in?next={following}")
        self.page.get_by_label("Login").fill(login)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url(lambda address: "sign-in" not in address)

    def look(self, name: str) -> None:
        """Keep a picture, and hold the page to what everybody needs of it: WCAG 2 AA as far as axe can tell."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}-{self._kind}.png", full_page=True)
        found = Axe().run(self.page, options={"resultTypes": ["violations"]})
        serious = [
            f"{each['id']} ({each['impact']}): {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
            for each in found.response["violations"]
            if each["impact"] in _SERIOUS
        ]
        assert serious == [], f"{self.page.url}: {serious}"
        assert self.is_no_wider_than_the_screen(), f"{self.page.url} is wider than its screen"

    def is_no_wider_than_the_screen(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    def leave(self) -> None:
        """Close the window; nothing may have been complained of."""
        self.window.close()
        assert self.complaints == []
