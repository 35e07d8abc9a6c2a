"""Where an account is told of failures: chosen, signed, tried out, stopped; and what was told."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor

HOME = "/profile/accounts/infra-team/notices"
TOLD = """INSERT INTO notices (id, account_id, channel, subscription_id, day, kind, body, times, status,
                               created_at, answer, link)
          SELECT 'notice-' || n, 2, CASE n WHEN 1 THEN 'issue' ELSE 'webhook' END, 1, current_date - n,
                 'delivery.failed', '{}', 7, CASE n WHEN 2 THEN 'failed' ELSE 'sent' END, now(), '<b>500</b>',
                 CASE n WHEN 1 THEN 'javascript:alert(1)' END
          FROM generate_series(1, 3) n"""


class Receiver(ThreadingHTTPServer):
    """Somebody's endpoint; keeps what came in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.letters: list[tuple[bytes, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/hooks"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.letters.append((body, {name.lower(): text for name, text in self.headers.items()}))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


def test_an_owner_chooses_signs_tries_and_stops(zekt: Zekt, alice: Visitor, receiver: Receiver) -> None:
    alice.page.goto("/profile")
    alice.page.get_by_role("link", name="Notices to infra-team").click()
    alice.page.get_by_label("Webhook").fill("https://10.0.0.1/")
    alice.page.get_by_role("button", name="Save").click()
    assert "body_invalid" in alice.page.get_by_role("alert").inner_text()
    assert alice.page.get_by_label("Webhook").input_value() == "https://10.0.0.1/"
    alice.page.get_by_label("Webhook").fill(receiver.url)
    alice.page.get_by_label("Issues in").fill("infra-team/platform")
    alice.page.get_by_role("button", name="Save").click()
    alice.page.get_by_role("status").get_by_text("make its signing secret").wait_for()
    found = zekt.get("/api/accounts/infra-team/notices")
    assert (found["url"], found["issuesRepository"]) == (receiver.url, "infra-team/platform")
    alice.look("notices")
    alice.page.get_by_role("link", name="Make a new secret").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Make it").click()
    alice.page.get_by_text("Copy it now.").wait_for()
    secret = alice.page.locator("#secret").inner_text().strip()
    alice.page.get_by_role("link", name="Done").click()
    alice.page.get_by_role("button", name="Send a test").click()
    alice.page.get_by_role("status").get_by_text("The test arrived").wait_for()
    (body, headers), *_ = receiver.letters
    assert Webhook(secret).verify(body, headers)["type"] == "notice.test"
    receiver.shutdown()
    receiver.server_close()
    zekt.sql("UPDATE notice_settings SET tested_at = '-infinity'")
    alice.page.get_by_role("button", name="Send a test").click()
    alice.page.get_by_role("alert").get_by_text("The test did not arrive").wait_for()
    alice.page.get_by_role("link", name="Stop all notices").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Stop all notices").click()
    alice.page.get_by_role("status").get_by_text("Nothing is told any more").wait_for()
    assert zekt.get("/api/accounts/infra-team/notices")["url"] is None


def test_what_was_told_is_text_and_leads_nowhere_but_the_web(zekt: Zekt, alice: Visitor) -> None:
    alice.page.goto("/profile/notices")
    alice.page.get_by_role("heading", name="Nothing was told").wait_for()
    zekt.sql(TOLD)
    alice.page.goto("/profile/notices")
    assert "<b>500</b>" in alice.page.get_by_role("row").nth(2).inner_text()
    assert "javascript" not in alice.page.content()
    alice.look("notices-told")


def test_a_member_reads_where_and_no_more(zekt: Zekt, visit: Callable[..., Visitor], sam: Visitor) -> None:
    zekt.sql("INSERT INTO notice_settings (account_id, url) VALUES (2, 'https://hooks.example/key-of-theirs')")
    zekt.github.set_person("mia", repositories={"infra-team/platform": "admin"})
    mia = visit(narrow=True, dark=True)
    mia.become("mia", HOME)
    assert "https://hooks.example/…" in mia.page.content()
    assert "key-of-theirs" not in mia.page.content()
    assert mia.page.get_by_role("button", name="Save").count() == 0
    mia.look("notices")
    mia.page.goto(f"{HOME}/stop")
    mia.page.get_by_role("button", name="Stop all notices").click()
    assert "not_yours" in mia.page.get_by_role("alert").inner_text()
    sam.page.goto(HOME)
    assert "not_yours" in sam.page.get_by_role("alert").inner_text()
