"""A browser on this machine reaches the sandbox; pages from elsewhere must not speak to it."""

import pytest
import requests

from zekt_sandbox.server import SandboxServer

PAGES = ("/_sandbox/info", "/_sandbox/local/runs", "/", "/login/oauth/authorize", "/oidc/.well-known/jwks")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name that was made to lead here
        {"Host": "evil.example:8760"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": ""},
        {"Host": "10.0.0.1"},
        {"Origin": "https://evil.example"},  # its own page
        {"Origin": "null"},  # a page in a frame without an origin
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://evil.example@127.0.0.1.evil.example"},
    ],
)
def test_what_comes_from_elsewhere_is_refused(gh: SandboxServer, path: str, headers: dict[str, str]) -> None:
    answer = requests.get(gh.url + path, headers=headers, timeout=10, allow_redirects=False)
    assert answer.status_code == 403
    assert "this machine alone" in answer.json()["message"]
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_from_elsewhere_changes_nothing(gh: SandboxServer) -> None:
    text = '{"full_name": "evil/orders"}'
    headers = {"Origin": "https://evil.example", "Content-Type": "text/plain"}  # what a browser sends without asking
    answer = requests.post(f"{gh.url}/_sandbox/repositories", data=text, headers=headers, timeout=10)
    assert answer.status_code == 403
    assert gh.world.repositories.find("evil/orders") is None


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST", "127.0.0.9"])
def test_names_of_this_machine_are_answered(gh: SandboxServer, name: str) -> None:
    headers = {"Host": f"{name}:8760", "Origin": f"http://{name}:8750"}
    assert requests.get(f"{gh.url}/_sandbox/info", headers=headers, timeout=10).status_code == 200
