"""The app and its installations: tokens, threads and connections."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from zekt_backend.errors import ZektError
from zekt_backend.github.client import GitHubApp, TokenRefusedError
from zekt_backend.github.connection import ask

ONE_HOUR = 3600


@pytest.fixture
def app(github: Any, app_key: str, clock: Any) -> Iterator[GitHubApp]:
    made = GitHubApp(api_url=github.url, app_id="123", private_key=app_key, timeout=1.0, clock=clock)
    yield made
    made.close()


def get(app: GitHubApp, installation_id: int) -> str:
    """The Authorization header of one request as that installation."""
    reply = ask(app.requester(installation_id), "GET", "/rate_limit")
    return reply.headers["x-was-authorized-by"]


def test_the_app_signs_in_with_a_jwt_of_its_own_key(
    app: GitHubApp, github: Any, new_key: Callable[[str], rsa.RSAPrivateKey]
) -> None:
    ask(app.as_app(), "GET", "/app")
    scheme, token = github.requests[0].headers["Authorization"].split()
    assert scheme == "Bearer"
    claims = jwt.decode(token, new_key("app").public_key(), algorithms=["RS256"])
    assert claims["iss"] == "123"
    assert claims["exp"] - claims["iat"] <= 600


def test_the_apps_jwt_never_outlives_its_ten_minutes(
    app: GitHubApp, github: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requester = app.as_app()
    start = time.time()
    for later in (0, 601):
        monkeypatch.setattr("time.time", lambda later=later: start + later)
        ask(requester, "GET", "/app")
    tokens = [request.headers["Authorization"].split()[1] for request in github.requests]
    first, second = (jwt.decode(token, options={"verify_signature": False}) for token in tokens)
    assert second["iat"] > first["exp"]


def test_github_sees_the_api_version_and_our_name(app: GitHubApp, github: Any) -> None:
    ask(app.as_app(), "GET", "/app")
    headers = github.requests[0].headers
    assert headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert headers["User-Agent"] == "zekt"


def test_a_token_is_minted_once_for_all_threads(app: GitHubApp, github: Any) -> None:
    together = threading.Barrier(8)

    def run() -> str:
        together.wait(5)
        return get(app, 51)

    with ThreadPoolExecutor(8) as pool:
        seen = {future.result() for future in [pool.submit(run) for _ in range(8)]}
    assert seen == {"token minted-1"}
    assert github.mints == [51]


def test_each_installation_has_its_own_token(app: GitHubApp, github: Any) -> None:
    assert get(app, 51) != get(app, 52)
    assert github.mints == [51, 52]


def test_a_token_is_renewed_before_it_ends(app: GitHubApp, clock: Any) -> None:
    assert get(app, 51) == "token minted-1"
    clock.move(seconds=ONE_HOUR - 121)
    assert get(app, 51) == "token minted-1"
    clock.move(seconds=2)
    assert get(app, 51) == "token minted-2"


def test_a_failed_mint_is_shared_and_not_kept(app: GitHubApp, github: Any) -> None:
    github.script("POST", "/app/installations/51/access_tokens", 500)
    with pytest.raises(TokenRefusedError) as caught:
        app.requester(51)
    assert caught.value.reply.status == 500
    assert get(app, 51) == "token minted-1"


def test_whoever_waits_for_a_mint_that_hangs_gives_up_with_it(app: GitHubApp, github: Any) -> None:
    github.script("POST", "/app/installations/51/access_tokens", "hang")

    def run() -> str:
        try:
            app.requester(51)
        except OSError as error:
            return type(error).__name__
        return "minted"

    with ThreadPoolExecutor(4) as pool:
        ends = [future.result(3) for future in [pool.submit(run) for _ in range(4)]]
    # A thread that comes after the failure may mint anew; none waits for several time-outs in a row.
    assert "ReadTimeout" in ends
    assert set(ends) <= {"ReadTimeout", "minted"}


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"token": 7}', '{"token": "t"}', "[" * 5000, "<html>"])
def test_a_mint_without_a_token_is_refused(app: GitHubApp, github: Any, body: str) -> None:
    github.script("POST", "/app/installations/51/access_tokens", 201, body=body)
    with pytest.raises(TokenRefusedError):
        app.requester(51)


def test_a_forgotten_token_is_minted_again(app: GitHubApp, clock: Any) -> None:
    get(app, 51)
    assert not app.forget(51), "a fresh token that is refused will not get better by another"
    get(app, 51)
    clock.move(minutes=3)
    assert app.forget(51)
    assert not app.forget(51)


def test_one_thread_keeps_one_connection_for_all_installations(app: GitHubApp, github: Any) -> None:
    for installation in (51, 52, 51):
        get(app, installation)
    github.script("POST", "/repos/a/b/dispatches", 204)
    assert ask(app.requester(51), "POST", "/repos/a/b/dispatches", {}).status == 204
    get(app, 51)
    assert len(github.connections) == 1


def test_each_thread_has_its_own_connection_and_close_ends_them_all(app: GitHubApp, github: Any) -> None:
    get(app, 51)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(get, app, 51).result()
    assert len(github.connections) == 2
    app.close()
    assert github.wait_until_closed(2)


@pytest.mark.parametrize("path", ["/loop", "/elsewhere"])
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_redirect_is_an_answer_and_is_not_followed(app: GitHubApp, github: Any, verb: str, path: str) -> None:
    github.script(verb, "/loop", 301, headers={"Location": f"{github.url}{path}"})
    assert ask(app.as_app(), verb, "/loop").status == 301
    assert len(github.requests) == 1


def test_a_202_is_an_answer_and_is_not_repeated(app: GitHubApp, github: Any) -> None:
    github.script("GET", "/slow", 202)
    assert ask(app.as_app(), "GET", "/slow").status == 202
    assert len(github.requests) == 1


def test_an_endless_answer_is_given_up(app: GitHubApp, github: Any) -> None:
    github.script("GET", "/huge", 200, body="x" * 2_000_000)
    with pytest.raises(OSError, match="larger than"):
        ask(app.as_app(), "GET", "/huge")


def test_an_answer_that_comes_by_the_byte_is_given_up(app: GitHubApp, github: Any) -> None:
    github.script("GET", "/drip", "drip")
    with pytest.raises(OSError, match="in time"):
        ask(app.as_app(), "GET", "/drip")


@pytest.mark.parametrize("url", ["", "api.github.com", "ftp://x", "https://", "https://api.github.com/?a=b"])
def test_an_address_that_cannot_be_an_api_is_a_clear_error(app_key: str, url: str) -> None:
    with pytest.raises(ZektError, match="ZEKT_GITHUB_API_URL"):
        GitHubApp(api_url=url, app_id="1", private_key=app_key, timeout=1)


def _ed25519() -> str:
    return (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


@pytest.mark.parametrize("key", ["", "secret-words", "-----BEGIN RSA PRIVATE KEY-----\nsecret-words\n", _ed25519()])
def test_what_is_no_rsa_key_is_a_clear_error_without_the_key(key: str) -> None:
    with pytest.raises(ZektError, match="ZEKT_GITHUB_APP_PRIVATE_KEY") as caught:
        GitHubApp(api_url="https://api.github.com", app_id="1", private_key=key, timeout=1)
    assert "secret-words" not in str(caught.value)


def test_a_key_on_one_line_is_read_too(app_key: str) -> None:
    GitHubApp(api_url="https://api.github.com", app_id="1", private_key=app_key.replace("\n", "\\n"), timeout=1)
