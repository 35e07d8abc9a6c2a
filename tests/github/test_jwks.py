"""An issuer's keys: one fetch for all, a cooldown, and old keys while it is down."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from zekt_backend.errors import ZektError
from zekt_backend.github.oidc import Verifier

NewKey = Callable[[str], rsa.RSAPrivateKey]


@pytest.fixture
def verifier(issuer: Any, clock: Any) -> Verifier:
    return Verifier(issuers=[issuer.url], audience="api://zekt", clock=clock, timeout=1.0)


async def code_of(verifier: Verifier, token: str) -> str:
    with pytest.raises(ZektError) as caught:
        await verifier.verify(token)
    assert (caught.value.retry_after is not None) == (caught.value.code == "issuer_unreachable")
    return caught.value.code


async def test_a_hundred_tokens_at_once_make_one_fetch(verifier: Verifier, issuer: Any) -> None:
    issuer.gate.clear()
    waiting = [asyncio.create_task(verifier.verify(issuer.token())) for _ in range(100)]
    await asyncio.sleep(0)
    issuer.gate.set()
    assert len({claims.run_id for claims in await asyncio.gather(*waiting)}) == 1
    assert issuer.fetches == 1


async def test_a_caller_who_gives_up_does_not_stop_the_fetch_for_the_others(verifier: Verifier, issuer: Any) -> None:
    issuer.gate.clear()
    first = asyncio.create_task(verifier.verify(issuer.token()))
    second = asyncio.create_task(verifier.verify(issuer.token()))
    await asyncio.sleep(0)
    first.cancel()
    issuer.gate.set()
    assert (await second).run_id == 16123456789
    assert issuer.fetches == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_new_key_is_found_after_the_cooldown(
    verifier: Verifier, issuer: Any, clock: Any, new_key: NewKey
) -> None:
    await verifier.verify(issuer.token())
    issuer.keys = {"second": new_key("second")}
    assert await code_of(verifier, issuer.token("second")) == "token_unknown_key"
    assert issuer.fetches == 1
    clock.move(seconds=30)
    await verifier.verify(issuer.token("second"))
    assert issuer.fetches == 2


async def test_forged_kids_cannot_make_us_hammer_the_issuer(verifier: Verifier, issuer: Any, new_key: NewKey) -> None:
    for number in range(20):
        assert await code_of(verifier, issuer.token(f"forged-{number}", key=new_key("other"))) == "token_unknown_key"
    assert issuer.fetches == 1


async def test_a_withdrawn_key_stops_counting(verifier: Verifier, issuer: Any, clock: Any, new_key: NewKey) -> None:
    await verifier.verify(issuer.token())
    issuer.keys = {"second": new_key("second")}
    clock.move(minutes=10)
    assert await code_of(verifier, issuer.token("first", key=new_key("first"))) == "token_unknown_key"


async def test_old_keys_are_kept_while_the_issuer_is_down(verifier: Verifier, issuer: Any, clock: Any) -> None:
    await verifier.verify(issuer.token())
    issuer.status = 500
    for minutes in (10, 60):
        clock.move(minutes=minutes)
        assert (await verifier.verify(issuer.token())).run_id == 16123456789
    assert issuer.fetches == 3


async def test_an_unknown_key_of_an_issuer_that_is_down_is_the_issuers_fault(
    verifier: Verifier, issuer: Any, clock: Any, new_key: NewKey
) -> None:
    await verifier.verify(issuer.token())
    issuer.status = 503
    clock.move(seconds=30)
    assert await code_of(verifier, issuer.token("second", key=new_key("second"))) == "issuer_unreachable"


async def test_an_issuer_that_comes_back_is_asked_again_soon(verifier: Verifier, issuer: Any, clock: Any) -> None:
    issuer.status = 500
    assert await code_of(verifier, issuer.token()) == "issuer_unreachable"
    issuer.status = 200
    assert await code_of(verifier, issuer.token()) == "issuer_unreachable"
    clock.move(seconds=5)
    await verifier.verify(issuer.token())
    assert issuer.fetches == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [7]}',
        b'{"keys": [{"kty": "EC", "kid": "first"}]}',
        b'{"keys": [{"kty": "RSA", "kid": "first", "n": "AQAB", "e": "AQAB"}]}',
        b'{"keys": [{"kty": "oct", "kid": "first", "k": "c2VjcmV0"}]}',
        b"\xff",
        b"[" * 100_000,
        b" " * 300_000,
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_no_key_set_is_the_issuers_fault(verifier: Verifier, issuer: Any, body: bytes) -> None:
    issuer.body = body
    assert await code_of(verifier, issuer.token()) == "issuer_unreachable"


async def test_one_unreadable_key_does_not_take_the_good_ones_with_it(verifier: Verifier, issuer: Any) -> None:
    good = _published(issuer, "first")
    bad = {**good, "kid": "bad", "e": "!"}
    issuer.body = json.dumps({"keys": [bad, {"kty": "EC", "crv": "P-256"}, good]}).encode()
    await verifier.verify(issuer.token())


async def test_a_key_meant_for_encryption_signs_nothing(verifier: Verifier, issuer: Any) -> None:
    issuer.body = json.dumps({"keys": [{**_published(issuer, "first"), "use": "enc"}]}).encode()
    assert await code_of(verifier, issuer.token()) == "issuer_unreachable"


def _published(issuer: Any, kid: str) -> dict[str, str]:
    from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415 - an independent writer of JWKs, for these two tests

    return {**RSAAlgorithm.to_jwk(issuer.keys[kid].public_key(), as_dict=True), "kid": kid, "use": "sig"}


async def test_a_redirect_is_not_followed(verifier: Verifier, issuer: Any) -> None:
    issuer.status = 302
    assert await code_of(verifier, issuer.token()) == "issuer_unreachable"
    assert issuer.fetches == 1


async def test_an_issuer_that_hangs_is_given_up_in_time(verifier: Verifier, issuer: Any) -> None:
    issuer.gate.clear()
    async with asyncio.timeout(30):
        assert await code_of(verifier, issuer.token()) == "issuer_unreachable"
    issuer.gate.set()


async def test_an_issuer_that_is_not_there_is_unreachable(clock: Any, issuer: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # Bound but not listening: a connection to it is refused.
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        verifier = Verifier(issuers=[nobody], audience="api://zekt", clock=clock)
        assert await code_of(verifier, issuer.token(iss=nobody)) == "issuer_unreachable"
