"""Signing in as anybody: where GitHub is the sandbox, and nowhere else."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from zekt_backend.github.stand_in import is_possible
from zekt_testing.broker import Zekt
from zekt_testing.people import Browser, code_of

PATH = "/auth/development"


def ask(url: str, path: str = PATH, body: Any = None, **headers: str) -> requests.Response:
    return requests.post(url + path, json=body or {"login": "alice"}, headers=headers, timeout=10)


def test_anybody_of_the_sandbox_is_signed_in_by_one_request(zekt: Zekt) -> None:
    zekt.github.set_person("alice", organizations={"infra-team": "admin"})
    answer = ask(zekt.url)
    assert (answer.status_code, answer.json()["login"]) == (200, "alice")
    browser = Browser(zekt)
    browser.session.cookies.update(answer.cookies)
    browser.csrf = answer.json()["csrfToken"]
    me = browser.ask("/api/me").json()
    assert (me["csrfToken"], me["accounts"][0]["right"]) == (browser.csrf, "own")
    assert browser.ask("/api/accounts/infra-team", "PATCH", {"provider": True}).ok


def test_it_needs_no_client(start: Callable[..., Zekt]) -> None:
    zekt = start(settings={"oauth_client_id": None, "oauth_client_secret": None})
    zekt.github.set_person("alice")
    assert ask(zekt.url).ok


def test_somebody_whom_the_sandbox_does_not_know_is_not_found(zekt: Zekt) -> None:
    assert code_of(ask(zekt.url, body={"login": "nobody"})) == (404, "not_found")
    assert code_of(ask(zekt.url, body={"login": "../../x"})) == (400, "body_invalid")


def test_no_other_page_signs_the_browser_in(zekt: Zekt) -> None:
    zekt.github.set_person("alice")
    assert code_of(ask(zekt.url, Origin="https://evil.example")) == (403, "csrf_refused")
    assert ask(zekt.url, Origin=zekt.url).ok


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Something on loopback that answers as GitHub does, which says nothing of being a sandbox."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = json.dumps({"current_user_url": "https://api.github.com/user", "token": "ghu_x"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the base class names them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class named it
            """Tests need no access log."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_where_github_is_another_program_it_is_as_if_it_were_not_there(
    start: Callable[..., Zekt], elsewhere: str
) -> None:
    zekt = start(settings={"github_api_url": elsewhere})
    there, nowhere = ask(zekt.url), ask(zekt.url, "/auth/developmenx")
    assert there.status_code == nowhere.status_code == 404
    assert there.text == nowhere.text.replace("developmenx", "development")


@pytest.mark.parametrize("api", ["https://api.github.com", "http://localhost:1", "http://127.0.0.1.evil.example"])
def test_where_github_is_not_on_this_machine_not_even_the_address_is_there(
    start: Callable[..., Zekt], api: str
) -> None:
    zekt = start(settings={"github_api_url": api})
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        there, nowhere = (requests.request(method, zekt.url + path, timeout=10) for path in (PATH, PATH[:-1] + "x"))
        assert there.status_code == nowhere.status_code == 404
        assert there.text == nowhere.text.replace(PATH[:-1] + "x", PATH)
    assert PATH not in requests.get(f"{zekt.url}/openapi.json", timeout=10).json()["paths"]


HERE = "http://127.0.0.1:8750"


@pytest.mark.parametrize(
    ("api", "host", "public", "possible"),
    [
        ("http://127.0.0.1:8760", "127.0.0.1", HERE, True),
        ("http://[::1]:8760", "localhost", "http://localhost:8750", True),
        ("http://127.0.0.1:8760", "0.0.0.0", HERE, False),
        ("http://127.0.0.1:8760", "::", HERE, False),
        ("http://127.0.0.1:8760", "10.0.0.1", HERE, False),
        ("http://127.0.0.1:8760", "127.0.0.1", "https://zekt.example", False),
        ("http://10.0.0.1:8760", "127.0.0.1", HERE, False),
        ("https://api.github.com", "127.0.0.1", HERE, False),
        ("http://localhost:8760", "127.0.0.1", HERE, False),
        ("http://", "127.0.0.1", HERE, False),
    ],
)
def test_where_others_reach_the_broker_it_is_not_there_either(api: str, host: str, public: str, possible: bool) -> None:
    assert is_possible(api, host, public) is possible
