"""`POST /api/github/webhooks`: GitHub says that a run has ended, or tells of the app and its repositories."""

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import bodies, timing
from zekt_backend.broker import Broker
from zekt_backend.errors import ZektError
from zekt_backend.flows.hear_of_app import hear_of_app
from zekt_backend.github import app_webhook, webhook
from zekt_backend.insight import facts
from zekt_backend.log import milliseconds
from zekt_backend.rules.news import AppNews
from zekt_backend.rules.records import Ignored, RunEvent
from zekt_backend.store import repositories

log = structlog.get_logger()


async def receive(request: Request, broker: Broker) -> JSONResponse:
    """Verify over the raw body, store, answer: GitHub waits 10 seconds and never asks again."""
    secret = broker.settings.webhook_secret
    if secret is None:
        how = "Set ZEKT_WEBHOOK_SECRET (or ZEKT_WEBHOOK_SECRET_FILE) and restart to switch them on."
        raise ZektError("webhooks_off", how)
    name, guid = _headers(request)
    # A stranger's body is not even read: without a well-formed signature it cannot be GitHub's.
    signature = request.headers.get("x-hub-signature-256")
    webhook.signature(signature)
    body = await bodies.read(request, bodies.MAX_WEBHOOK_BODY)
    whose = await _signer(request, broker, body, secret.get_secret_value().encode())
    if whose is not None and name != "workflow_run":
        # A repository's own secret is a repository's: of installations, accounts and others it may tell nothing.
        event: RunEvent | AppNews | Ignored = Ignored(
            guid, f"a repository's webhook is read for workflow_run only, not {name!a}"
        )
    else:
        event = (app_webhook if name in app_webhook.EVENTS else webhook).parse(name, guid, body)
    began = timing.began(request)
    if isinstance(event, Ignored):
        log.info("webhook_ignored", guid=event.guid, reason=event.reason, duration_ms=milliseconds(began))
        broker.metrics.webhook_answered("ignored", began)
        return JSONResponse({"success": True, "ignored": event.reason}, 202)
    if isinstance(event, AppNews):
        return await _hear_of_app(event, broker, began)
    webhook.require_own(event, whose)
    receipt = await broker.receive(event)
    facts.received(event, receipt, by="webhook", began=began)
    broker.metrics.webhook_answered(receipt.outcome, began)
    return JSONResponse({"success": True, "outcome": receipt.outcome, "deliveries": receipt.deliveries}, 202)


async def _hear_of_app(news: AppNews, broker: Broker, began: float) -> JSONResponse:
    outcome = await hear_of_app(news, db=broker.db, clock=broker.clock)
    log.info(
        "app_news",
        guid=news.guid,
        webhook=news.event,
        action=news.action,
        installation_id=news.installation_id,
        repository_id=news.repository_id,
        stop=news.stop,
        outcome=outcome,
        duration_ms=milliseconds(began),
    )
    broker.metrics.webhook_answered("news", began)
    return JSONResponse({"success": True, "outcome": outcome}, 202)


async def _signer(request: Request, broker: Broker, body: bytes, master: bytes) -> int | None:
    """The repository whose own secret has signed this; None when the broker's own has, which speaks for all.

    Raises:
        ZektError: `webhook_signature_wrong`, whether there is such a repository or not.
    """
    signature = request.headers.get("x-hub-signature-256")
    target = webhook.claimed_repository(
        *(request.headers.get(f"x-github-hook-installation-target-{part}") for part in ("type", "id"))
    )
    if webhook.fits(body, signature, master):
        return None
    if target is not None:
        async with broker.db.reading() as connection:
            generation = await repositories.hook_generation(connection, target)
        if webhook.signed_for(body, signature, master, target, generation):
            return target
    raise webhook.wrong()


def _headers(request: Request) -> tuple[str, str]:
    name, guid = request.headers.get("x-github-event", ""), request.headers.get("x-github-delivery", "")
    if not name or not 0 < len(guid) <= 100 or not guid.isprintable():  # noqa: PLR2004 — GitHub's is a GUID of 36
        raise ZektError(
            "webhook_headers_missing", "GitHub sends X-GitHub-Event and X-GitHub-Delivery with each webhook."
        )
    return name[:100], guid
