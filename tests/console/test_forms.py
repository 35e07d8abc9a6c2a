"""What is typed where a number belongs: refused by the API, never by a crash."""

import pytest

from zekt_testing.broker import Zekt
from zekt_testing.people import Browser

LONG = "9" * 5_000
"""More digits than Python makes a number of."""


@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        ("/consumer/subscriptions/1", {"confirmTimeout": LONG}, "body_invalid"),
        ("/consumer/subscriptions/1", {"confirmTimeout": "9" * 18}, "body_invalid"),
        ("/consumer/subscriptions/1", {"version": LONG}, "version_stale"),
        (
            "/profile/tokens",
            {"account": "infra-team", "name": "n", "scope": "read", "expiresInDays": LONG},
            "body_invalid",
        ),
        ("/profile/accounts/infra-team/notices", {"version": LONG}, "version_stale"),
        ("/profile/accounts/infra-team/notices", {"version": "x"}, "version_stale"),
        (f"/connections/{LONG}/replay", {}, "not_yours"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_number_of_any_length_is_refused_in_words(
    zekt: Zekt, program: Browser, path: str, fields: dict[str, str], code: str
) -> None:
    before = zekt.get("/api/subscriptions")
    answer = program.submit(path, **fields)
    assert answer.status_code < 500
    assert f"<code>{code}</code>" in answer.text
    assert zekt.get("/api/subscriptions") == before
