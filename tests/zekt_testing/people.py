"""A browser, and whoever sits before it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from zekt_testing import described
from zekt_testing.broker import Zekt


class Browser:
    """Keeps cookies, and says where its requests come from; goes nowhere by itself."""

    def __init__(self, zekt: Zekt) -> None:
        self.zekt = zekt
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.hooks["response"].append(described.check)
        self.csrf = ""

    def get(self, address: str, **how: Any) -> requests.Response:
        """An address, or a path of the broker's."""
        url = address if "://" in address else self.zekt.url + address
        return self.session.get(url, allow_redirects=False, timeout=30, **how)

    def begin(self, following: str | None = None) -> str:
        """GitHub's page, to which the broker sends the browser."""
        answer = self.get("/auth/sign-in", params={} if following is None else {"next": following})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def agree(self, page: str, login: str) -> str:
        """The broker's callback, to which GitHub sends the browser, without its host; "" does not agree."""
        answer = self.get(page + "&as=" + login)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        return f"{back.path}?{back.query}"

    def sign_in(self, login: str, following: str | None = None) -> requests.Response:
        """All the way."""
        answer = self.get(self.agree(self.begin(following), login))
        assert answer.status_code == 303, answer.text
        self.csrf = self.get("/api/me").json()["csrfToken"]
        return answer

    def become(self, login: str) -> None:
        """Signed in by one request, as the sandbox lets anybody."""
        answer = self.session.post(f"{self.zekt.url}/auth/development", json={"login": login}, timeout=30)
        assert answer.status_code == 200, answer.text
        self.csrf = answer.json()["csrfToken"]

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str | None) -> requests.Response:
        """As a script of the broker's own page asks; headers are replaced, or left out by None."""
        own = {"Origin": self.zekt.url, "Sec-Fetch-Site": "same-origin", "X-CSRF-Token": self.csrf}
        changed = {name.replace("_", "-").title(): value for name, value in headers.items()}
        said = {**({} if method == "GET" else {n.title(): v for n, v in own.items()}), **changed}
        return self.session.request(
            method,
            self.zekt.url + path,
            json=body,
            headers={name: value for name, value in said.items() if value is not None},
            timeout=30,
            allow_redirects=False,
        )

    def submit(self, path: str, **fields: str) -> requests.Response:
        """As a form of the console's page does."""
        return self.session.post(
            self.zekt.url + path,
            data={"csrf": self.csrf, **fields},
            headers={"Origin": self.zekt.url, "Sec-Fetch-Site": "same-origin"},
            timeout=30,
            allow_redirects=False,
        )

    @property
    def cookie(self) -> str | None:
        """The session's."""
        return self.session.cookies.get("zekt-session")


def actor_of(zekt: Zekt, login: str) -> str:
    """How the audit trail calls this person."""
    person = zekt.github.world.people.find(login)
    assert person is not None, login
    return f"person:{login}#{person.id}"


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def signed_in(zekt: Zekt, login: str) -> Browser:
    browser = Browser(zekt)
    browser.sign_in(login)
    return browser


def rights(browser: Browser) -> dict[str, str | None]:
    """What the browser's person may do, by account."""
    return {account["login"]: account["right"] for account in browser.ask("/api/me").json()["accounts"]}


def age(zekt: Zekt, minutes: int) -> None:
    """As if the roles had been learned so long ago, and nobody had asked since."""
    zekt.sql("UPDATE members SET checked_at = now() - make_interval(mins => %s), asked_at = NULL", minutes)
