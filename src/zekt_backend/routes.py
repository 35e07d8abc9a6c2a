"""Every URL of the API, on one screen; those of the console are in `console/table.py`."""

from collections.abc import Awaitable, Callable
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from zekt_action.wire import CompleteRequest, ConfirmRequest, MessageHead
from zekt_backend.api import (
    accounts,
    api_tokens,
    audit,
    auth,
    connections,
    decisions,
    deliveries,
    directory,
    event_delivery,
    events,
    health,
    me,
    messages,
    metrics,
    notices,
    replays,
    repositories,
    retention,
    service_schemas,
    services,
    simulation,
    subscriptions,
    traces,
    usage,
    webhooks,
)
from zekt_backend.api.accounts import AccountChange
from zekt_backend.api.api_tokens import TokenRequest
from zekt_backend.api.auth import DevelopmentSignIn
from zekt_backend.api.notices import NoticeChoice
from zekt_backend.api.replays import ReplayRequest
from zekt_backend.api.repositories import NewRepository, Whitelisting
from zekt_backend.api.service_schemas import JsonSchema
from zekt_backend.api.services import ServiceChange, ServiceRequest
from zekt_backend.api.simulation import Simulation
from zekt_backend.api.subscriptions import Answer, SubscriptionChange, SubscriptionRequest
from zekt_backend.broker import Broker

Handler = Callable[[Request, Broker], Awaitable[Response]]

Caller = Literal["anybody", "GitHub", "run token", "session", "read", "manage", "own", "operator", "metrics token"]
"""Who may: a run by its OIDC token, the operator, or whoever has that right to the account, as docs/api.md explains."""

Table = tuple[tuple[str, str, Caller, Handler, type | None, str], ...]

SUBSCRIPTION = "/api/subscriptions/{subscription_id}"
NOTICES = "/api/accounts/{account}/notices"

# method, path, who may, handler, what it takes, what it is for; `make docs` writes docs/api.md from it
TABLE: Table = (
    ("POST", "/api/events/receive", "run token", messages.receive, MessageHead, "A run sends a message"),
    ("POST", "/api/github/webhooks", "GitHub", webhooks.receive, None, "GitHub says that a run has ended"),
    ("POST", "/api/event-delivery/confirm", "run token", event_delivery.confirm, ConfirmRequest, "A run confirms"),
    ("POST", "/api/event-delivery/complete", "run token", event_delivery.complete, CompleteRequest, "A run completes"),
    (
        "GET",
        "/api/event-delivery/{delivery_id}/payload",
        "run token",
        event_delivery.payload,
        None,
        "The message, by claim check",
    ),
    ("GET", "/api/deliveries", "read", deliveries.listing, None, "Deliveries, newest first"),
    ("GET", "/api/deliveries/counts", "read", deliveries.counts, None, "How many deliveries there are of each status"),
    (
        "GET",
        "/api/deliveries/{delivery_id}",
        "read",
        deliveries.one,
        None,
        "One delivery with its history, attempts and decision",
    ),
    ("POST", "/api/replay/{delivery_id}", "manage", deliveries.again, None, "Delivers once more"),
    ("GET", "/api/connections", "read", connections.listing, None, "Connections and how they are doing, newest first"),
    (
        "GET",
        "/api/connections/{subscription_id}/diagnostics",
        "read",
        connections.diagnostics,
        None,
        "Why one is not well, and what to do about it",
    ),
    ("GET", "/api/health", "read", connections.overview, None, "How all connections and the broker are doing"),
    (
        "GET",
        "/api/traces/{correlation_id}",
        "read",
        traces.trace,
        None,
        "What a run was caused by, and all that followed",
    ),
    ("GET", "/api/replays", "read", replays.listing, None, "Replays of many, newest first"),
    ("POST", "/api/replays", "manage", replays.begin, ReplayRequest, "Delivers many once more, at a rate"),
    ("GET", "/api/replays/{replay_id}", "read", replays.one, None, "How far that is, and what was refused"),
    ("DELETE", "/api/replays/{replay_id}", "manage", replays.stop, None, "Stops it"),
    ("GET", "/api/events", "read", events.listing, None, "Ends of the account's own runs, newest first"),
    ("GET", "/api/events/{event_id}/decision", "read", decisions.decision, None, "Why it did, or did not, arrive"),
    (
        "POST",
        "/api/policy/simulate",
        "operator",
        simulation.simulate,
        Simulation,
        "What a changed setup file would have made of the newest events",
    ),
    ("GET", "/api/accounts", "read", accounts.listing, None, "Accounts, newest first"),
    ("GET", "/api/accounts/{account}", "read", accounts.one, None, "One account with its people"),
    ("PATCH", "/api/accounts/{account}", "own", accounts.upgrade, AccountChange, "Adds a persona to an account"),
    ("GET", NOTICES, "read", notices.one, None, "Where an account is told of failures"),
    ("PUT", NOTICES, "own", notices.change, NoticeChoice, "Chooses where"),
    ("DELETE", NOTICES, "own", notices.remove, None, "Tells it nothing more"),
    ("POST", f"{NOTICES}/secret", "own", notices.rotate, None, "Makes a new signing secret, and tells it this once"),
    ("POST", f"{NOTICES}/test", "own", notices.test, None, "Sends a test notice, and says how it was answered"),
    ("GET", "/api/notices", "read", notices.listing, None, "What accounts were told, newest first"),
    ("GET", "/api/repositories", "read", repositories.listing, None, "Repositories, GitHub's newest first"),
    ("POST", "/api/repositories", "manage", repositories.add, NewRepository, "Makes a repository known"),
    ("GET", "/api/repositories/{repository_id}", "read", repositories.one, None, "One repository"),
    (
        "PUT",
        "/api/repositories/{repository_id}/provider",
        "manage",
        repositories.enable_provider,
        None,
        "Enables it as a provider",
    ),
    (
        "DELETE",
        "/api/repositories/{repository_id}/provider",
        "manage",
        repositories.disable_provider,
        None,
        "Disables it as a provider",
    ),
    (
        "PUT",
        "/api/repositories/{repository_id}/consumer",
        "manage",
        repositories.enable_consumer,
        None,
        "Enables it as a consumer",
    ),
    (
        "DELETE",
        "/api/repositories/{repository_id}/consumer",
        "manage",
        repositories.disable_consumer,
        None,
        "Disables it as a consumer",
    ),
    (
        "GET",
        "/api/repositories/{repository_id}/completion-tracking",
        "read",
        repositories.completion_tracking,
        None,
        "What completion tracking places there, and what it costs",
    ),
    (
        "PUT",
        "/api/repositories/{repository_id}/completion-tracking",
        "manage",
        repositories.enable_completion_tracking,
        None,
        "Enables completion tracking",
    ),
    (
        "DELETE",
        "/api/repositories/{repository_id}/completion-tracking",
        "manage",
        repositories.disable_completion_tracking,
        None,
        "Disables completion tracking",
    ),
    (
        "POST",
        "/api/repositories/{repository_id}/hook",
        "manage",
        repositories.rotate,
        None,
        "Gives its webhook a new secret",
    ),
    (
        "GET",
        "/api/repositories/{repository_id}/workflows",
        "read",
        repositories.workflows,
        None,
        "Its workflows, as GitHub lists them, and which are whitelisted",
    ),
    (
        "PUT",
        "/api/repositories/{repository_id}/workflows/{file}",
        "manage",
        repositories.allow,
        Whitelisting,
        "Whitelists a workflow",
    ),
    (
        "DELETE",
        "/api/repositories/{repository_id}/workflows/{file}",
        "manage",
        repositories.disallow,
        None,
        "Takes a workflow off the whitelist",
    ),
    ("GET", "/api/services", "read", services.listing, None, "The account's own services, newest first"),
    ("POST", "/api/services", "manage", services.publish, ServiceRequest, "Publishes a whitelisted workflow"),
    ("GET", "/api/services/{slug}", "read", services.one, None, "One service"),
    ("PATCH", "/api/services/{slug}", "manage", services.change, ServiceChange, "Changes a service"),
    ("DELETE", "/api/services/{slug}", "manage", services.retire, None, "Retires a service"),
    (
        "GET",
        "/api/services/{slug}/schema",
        "read",
        service_schemas.one,
        None,
        "The JSON Schema of its messages, or an older version",
    ),
    ("PUT", "/api/services/{slug}/schema", "manage", service_schemas.put, JsonSchema, "Makes the next version of it"),
    ("DELETE", "/api/services/{slug}/schema", "manage", service_schemas.remove, None, "Asks for no schema"),
    ("GET", "/api/services/{slug}/schemas", "read", service_schemas.versions, None, "Its versions, newest first"),
    ("GET", "/api/directory", "read", directory.search, None, "Services to subscribe to, newest first"),
    ("GET", "/api/directory/{slug}", "read", directory.one, None, "A service by its slug, unlisted ones too"),
    ("GET", "/api/subscriptions", "read", subscriptions.listing, None, "Subscriptions, newest first"),
    ("POST", "/api/subscriptions", "manage", subscriptions.ask, SubscriptionRequest, "Asks for a service"),
    ("GET", SUBSCRIPTION, "read", subscriptions.one, None, "One subscription"),
    ("PATCH", SUBSCRIPTION, "manage", subscriptions.change, SubscriptionChange, "The consumer changes one"),
    ("POST", f"{SUBSCRIPTION}/approve", "manage", subscriptions.approve, Answer, "The provider approves it"),
    ("POST", f"{SUBSCRIPTION}/deny", "manage", subscriptions.deny, Answer, "The provider denies it"),
    ("POST", f"{SUBSCRIPTION}/revoke", "manage", subscriptions.revoke, Answer, "Either side ends it"),
    ("GET", "/api/tokens", "read", api_tokens.listing, None, "API tokens, newest first; never their text"),
    ("POST", "/api/tokens", "own", api_tokens.create, TokenRequest, "Makes an API token, and tells it this once"),
    ("DELETE", "/api/tokens/{token_id}", "own", api_tokens.revoke, None, "Revokes an API token"),
    ("GET", "/api/audit", "read", audit.listing, None, "Who changed what, newest first"),
    ("GET", "/api/retention", "operator", retention.figures, None, "How long what is kept, and what was let go"),
    ("GET", "/api/usage", "read", usage.of_accounts, None, "What each account has used, and what that would cost"),
    ("GET", "/api/me", "read", me.me, None, "Who is asking, and what that may do where"),
    ("GET", "/auth/sign-in", "anybody", auth.begin, None, "To GitHub, to sign in"),
    ("GET", "/auth/callback", "anybody", auth.callback, None, "Back from GitHub"),
    ("POST", "/auth/sign-out", "session", auth.sign_out, None, "Ends the session"),
    (
        "POST",
        "/auth/development",
        "anybody",
        auth.development,
        DevelopmentSignIn,
        "Signs in as one of the sandbox's people; only where GitHub is the sandbox",
    ),
    ("GET", "/healthz", "anybody", health.healthz, None, "Alive"),
    ("GET", "/readyz", "anybody", health.readyz, None, "Able to work"),
    ("GET", "/metrics", "metrics token", metrics.metrics, None, "How the broker is doing, for Prometheus"),
)

WATCHED = tuple(row for row in TABLE if row[1] in ("/healthz", "/readyz", "/metrics"))
"""What a process has that only works."""
