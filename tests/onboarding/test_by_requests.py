"""From nothing to a delivered event by requests alone, as docs/onboarding.md has them."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from onboarding import recipe
from zekt_testing.broker import Zekt
from zekt_testing.people import Browser

WHO = {"The provider": "alice", "The consumer": "bob", "The provider decides": "alice", "The first event": "bob"}
OWNERS_ALONE = {("PATCH", "/api/accounts/"), ("POST", "/api/tokens")}


class Asker:
    """A person before a browser, and the token of the person's automation once there is one."""

    def __init__(self, zekt: Zekt, login: str, *, automated: bool) -> None:
        self._browser = Browser(zekt)
        self._browser.sign_in(login)
        self._automated, self._token = automated, ""

    def ask(self, method: str, path: str, body: Any) -> requests.Response:
        if not self._token or any((method, path[: len(start)]) == (verb, start) for verb, start in OWNERS_ALONE):
            answer = self._browser.ask(path, method, body)
            self._token = answer.json().get("token", "") if self._automated else ""
            return answer
        headers = {"Authorization": f"Bearer {self._token}"}
        return requests.request(method, self._browser.zekt.url + path, json=body, headers=headers, timeout=30)


@pytest.mark.parametrize("automated", [False, True], ids=["a person", "a token"])
def test_from_nothing_to_a_delivered_event(zekt: Zekt, first_event: Callable[[], Any], automated: bool) -> None:
    askers: dict[str, Asker] = {}
    for part, method, path, body in recipe.requests():
        if part == "The first event":
            told = first_event()
            assert told["payload"] == {"resourceType": "webServer"}
            assert told["provider"]["repository"] == "shop-team/orders"
        login = WHO[part]
        if login not in askers:
            askers[login] = Asker(zekt, login, automated=automated)
        answer = askers[login].ask(method, path, body)
        assert answer.ok, (method, path, answer.text)
        if path.startswith("/api/directory?"):
            assert [found["slug"] for found in answer.json()["directory"]] == ["infrastructure-orders"]
    (delivery,) = answer.json()["deliveries"]
    assert (delivery["status"], delivery["consumer"]) == ("dispatched", "infra-team/platform")
    actors = {line["actor"].split("#")[0] for line in zekt.get("/api/audit?limit=500")["audit"]}
    people = {"person:alice", "person:bob"}
    assert actors == {"github"} | people | ({"token:onboarding"} if automated else set())


def test_nothing_of_it_is_given_to_somebody_else(zekt: Zekt) -> None:
    """Whoever is signed in and owns neither account gets no step done, whatever has been done before."""
    zekt.github.set_person("mallory")
    askers = {login: Asker(zekt, login, automated=False) for login in ("alice", "bob", "mallory")}
    for part, method, path, body in recipe.requests():
        if method != "GET":
            refused = askers["mallory"].ask(method, path, body)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_yours"), (method, path, refused.text)
        assert askers[WHO[part]].ask(method, path, body).ok
