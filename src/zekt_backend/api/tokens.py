"""Who calls: a run (its OIDC token), whoever manages this broker (ZEKT_ADMIN_TOKEN) or reads its metrics."""

import hashlib
import hmac

from pydantic import SecretStr
from starlette.requests import Request

from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.rules.records import SignedClaims


def bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


async def claims_of(request: Request, broker: Broker) -> SignedClaims:
    """The verified claims of the run that calls."""
    token = bearer(request)
    if token is None:
        raise ZektError(
            "token_missing",
            "Send the job's OIDC token as `Authorization: Bearer …`. The Zekt actions do, where the job has"
            " `permissions: id-token: write`.",
        )
    return await broker.verifier.verify(token)


def purpose_of(request: Request, body: bytes = b"") -> bytes:
    """What this request uses its token for, as 32 bytes: the same request again is the same purpose."""
    return hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + body).digest()


def is_admin(request: Request, broker: Broker) -> bool:
    """Without a token set there is no way in for an operator."""
    return _is(request, broker.settings.admin_token)


def _is(request: Request, expected: SecretStr | None) -> bool:
    """In constant time."""
    given = bearer(request) or ""
    return expected is not None and hmac.compare_digest(given.encode(), expected.get_secret_value().encode())


def require_scraper(request: Request, broker: Broker) -> None:
    """Let whoever may read the metrics pass: ZEKT_METRICS_TOKEN opens nothing else, and the operator's opens all."""
    if _is(request, broker.settings.metrics_token) or is_admin(request, broker):
        return
    if broker.settings.metrics_token is None and broker.settings.admin_token is None:
        raise ZektError(
            "metrics_off", "Set ZEKT_METRICS_TOKEN (or ZEKT_METRICS_TOKEN_FILE) and restart to switch them on."
        )
    raise ZektError(
        "metrics_token_refused",
        "Send ZEKT_METRICS_TOKEN's value as `Authorization: Bearer …`; in Prometheus that is the job's"
        " authorization: {credentials_file: …}.",
    )


def require_admin(request: Request, broker: Broker) -> None:
    if broker.settings.admin_token is None:
        raise ZektError(
            "management_off", "Set ZEKT_ADMIN_TOKEN (or ZEKT_ADMIN_TOKEN_FILE) and restart to switch it on."
        )
    if not is_admin(request, broker):
        raise ZektError("admin_token_refused", "Send ZEKT_ADMIN_TOKEN's value as `Authorization: Bearer …`.")
