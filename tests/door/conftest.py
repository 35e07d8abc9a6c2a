"""What tests of the door share: credentials that open nothing, services that ask, and the processes that examine."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from zekt_backend.door.pool import Pool
from zekt_backend.rules.door import Examined
from zekt_testing.broker import Zekt

# Made up, and put together here so that no scanner of this repository takes one for real.
FAKE = {
    "github-token": "ghp_" + "Zk3fA9xQ" * 4 + "b7Lm",
    "github-fine-grained-token": "github_pat_" + "11AAAAAAA0" + "x4Rf9Kq2" * 9,
    "zekt-api-token": "zekt_" + "Wv8_tQ2-" * 5 + "kP3",
    "gitlab-token": "glpat-" + "d7Yc" * 5,
    "aws-access-key": "AKIA" + "QZ7RT2MX" * 2,
    "slack-token": "xoxb-" + "1234567890-" * 2 + "aBcD9fGhJk",
    "stripe-access-key": "sk_live_" + "4eC39HqL" * 3,
    "json-web-token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJub2JvZHkifQ." + "c2lnbmF0dXJlLW9mLW5vYm9keQ",
    "basic-auth-credentials": "://deploy:hunter2hunter2@",
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEfake0" * 8 + "\n-----END RSA PRIVATE KEY-----",
    "aws-secret-access-key": "AWS_SECRET_ACCESS_KEY=" + "kT7/pQ2x+Rm9" * 3 + "Zv4L",
    "github-basic-header": base64.b64encode(b"x-access-token:ghs_" + b"Zk3fA9xQ" * 4 + b"b7Lm").decode(),
    "anthropic-api-key": "sk-ant-api03-" + "aB3_x-9Q" * 11 + "zK4vMAA",
    "google-api-key": "AIza" + "SyD3x_-" * 5,
    "sendgrid-api-key": "SG." + "a1B2c3D4e5F6g7H8i9J0kL" + "." + "q" * 43,
}


@pytest.fixture
def fake() -> dict[str, str]:
    return dict(FAKE)


class Examiners:
    """The pool on a loop of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.pool = Pool()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def message(self, document: Any, guard: str = "pass", *schemas: Any, account: object = 1) -> Examined:
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        texts = {number: json.dumps(schema) for number, schema in enumerate(schemas, 1)}
        found: Examined = self.do(self.pool.message(account, raw, guard, texts))
        return found

    def schema(self, schema: Any) -> str:
        raw = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
        return str(self.do(self.pool.schema(1, raw)))


@pytest.fixture(scope="module")
def examiners() -> Iterator[Examiners]:
    loop = asyncio.new_event_loop()
    made = Examiners(loop)
    yield made
    made.do(made.pool.close())
    loop.close()


@pytest.fixture
def ask(zekt: Zekt) -> Callable[..., None]:
    """Makes the service ask: `ask(guard="refuse")`, `ask(schema={…})`."""

    def change(guard: str | None = None, schema: Any = None, slug: str = "infrastructure-orders") -> None:
        if guard is not None:
            zekt.sql("UPDATE services SET guard = %s WHERE slug = %s", guard, slug)
        if schema is not None:
            zekt.sql(
                """WITH next AS (
                       INSERT INTO service_schemas (service_id, version, schema, created_at, created_by)
                       SELECT v.id, coalesce((SELECT max(version) FROM service_schemas WHERE service_id = v.id), 0) + 1,
                              %s, now(), 'operator' FROM services v WHERE v.slug = %s
                       RETURNING service_id, version)
                   UPDATE services SET schema_version = next.version FROM next WHERE id = next.service_id""",
                json.dumps(schema),
                slug,
            )

    return change
