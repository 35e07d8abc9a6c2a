"""Every page of the console, on one screen."""

from fastapi import Request
from fastapi.responses import Response

from zekt_backend.api import problems
from zekt_backend.broker import Broker
from zekt_backend.console import static, view
from zekt_backend.console.pages import (
    audit,
    brokering,
    connections,
    consumer_repositories,
    consumer_subscriptions,
    deliveries,
    directory,
    home,
    overview,
    profile,
    provider_access,
    provider_repositories,
    provider_schemas,
    provider_services,
    provider_workflows,
    replay,
    replays,
    traces,
    usage,
)
from zekt_backend.console.view import Handler

# method, path, handler; what a POST does, the API is asked to do
PAGES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/static/{digest}/{name}", static.serve),
    ("GET", "/", overview.overview),
    ("GET", "/sign-in", home.sign_in),
    ("POST", "/sign-in", home.become),
    ("POST", "/sign-out", home.sign_out),
    ("GET", "/provider/repositories", provider_repositories.listing),
    ("GET", "/provider/repositories/add", provider_repositories.add),
    ("POST", "/provider/repositories/add", provider_repositories.added),
    ("POST", "/provider/repositories/{repository_id}/provider", provider_repositories.switch),
    ("GET", "/provider/repositories/{repository_id}/secret", provider_repositories.ask_rotate),
    ("POST", "/provider/repositories/{repository_id}/secret", provider_repositories.rotate),
    ("GET", "/provider/workflows", provider_workflows.listing),
    ("POST", "/provider/workflows/{repository_id}/{file}", provider_workflows.switch),
    ("GET", "/provider/services", provider_services.listing),
    ("GET", "/provider/publish", provider_services.new),
    ("POST", "/provider/publish", provider_services.publish),
    ("GET", "/provider/services/{slug}", provider_services.one),
    ("POST", "/provider/services/{slug}", provider_services.change),
    ("GET", "/provider/services/{slug}/retire", provider_services.ask_retire),
    ("POST", "/provider/services/{slug}/retire", provider_services.retire),
    ("POST", "/provider/services/{slug}/return", provider_services.publish_again),
    ("GET", "/provider/services/{slug}/schema", provider_schemas.one),
    ("POST", "/provider/services/{slug}/schema", provider_schemas.put),
    ("POST", "/provider/services/{slug}/schema/remove", provider_schemas.remove),
    ("GET", "/provider/access", provider_access.requests),
    ("GET", "/provider/access/{subscription_id}/approve", provider_access.ask),
    ("POST", "/provider/access/{subscription_id}/approve", provider_access.decide),
    ("GET", "/provider/access/{subscription_id}/deny", provider_access.ask),
    ("POST", "/provider/access/{subscription_id}/deny", provider_access.decide),
    ("GET", "/provider/subscribers", provider_access.subscribers),
    ("GET", "/provider/subscribers/{subscription_id}/revoke", provider_access.ask),
    ("POST", "/provider/subscribers/{subscription_id}/revoke", provider_access.decide),
    ("GET", "/consumer/repositories", consumer_repositories.listing),
    ("GET", "/consumer/repositories/add", consumer_repositories.add),
    ("POST", "/consumer/repositories/add", consumer_repositories.added),
    ("GET", "/consumer/repositories/{repository_id}/consumer", consumer_repositories.asked),
    ("POST", "/consumer/repositories/{repository_id}/consumer", consumer_repositories.switch),
    ("GET", "/consumer/repositories/{repository_id}/completion-tracking", consumer_repositories.asked),
    ("POST", "/consumer/repositories/{repository_id}/completion-tracking", consumer_repositories.switch),
    ("GET", "/provider/deliveries", deliveries.of_provider),
    ("GET", "/consumer/deliveries", deliveries.of_consumer),
    ("GET", "/deliveries/{delivery_id}", deliveries.one),
    ("GET", "/deliveries/{delivery_id}/replay", replay.ask),
    ("POST", "/deliveries/{delivery_id}/replay", replay.do),
    ("GET", "/connections", connections.listing),
    ("GET", "/connections/{connection}", connections.diagnostics),
    ("GET", "/connections/{connection}/replay", replays.ask),
    ("POST", "/connections/{connection}/replay", replays.do),
    ("GET", "/replays/{replay}", replays.one),
    ("POST", "/replays/{replay}/stop", replays.stop),
    ("GET", "/traces/{correlation_id}", traces.trace),
    ("GET", "/health", connections.health),
    ("GET", "/brokering", brokering.brokering),
    ("GET", "/consumer/subscriptions", consumer_subscriptions.listing),
    ("GET", "/consumer/subscriptions/{subscription_id}", consumer_subscriptions.one),
    ("POST", "/consumer/subscriptions/{subscription_id}", consumer_subscriptions.change),
    ("POST", "/consumer/subscriptions/{subscription_id}/durable", consumer_subscriptions.durable),
    ("GET", "/consumer/subscriptions/{subscription_id}/revoke", consumer_subscriptions.revoke),
    ("POST", "/consumer/subscriptions/{subscription_id}/revoke", consumer_subscriptions.revoked),
    ("GET", "/directory", directory.browse),
    ("GET", "/directory/{slug}", directory.one),
    ("POST", "/directory/{slug}", directory.ask),
    ("GET", "/profile", profile.profile),
    ("GET", "/profile/accounts/{account}", profile.account),
    ("GET", "/profile/accounts/{account}/provider", profile.persona),
    ("POST", "/profile/accounts/{account}/provider", profile.upgrade),
    ("GET", "/profile/accounts/{account}/consumer", profile.persona),
    ("POST", "/profile/accounts/{account}/consumer", profile.upgrade),
    ("GET", "/profile/tokens/new", profile.new_token),
    ("POST", "/profile/tokens", profile.made_token),
    ("GET", "/profile/tokens/{token_id}/revoke", profile.token),
    ("POST", "/profile/tokens/{token_id}/revoke", profile.revoke_token),
    ("GET", "/audit", audit.trail),
    ("GET", "/usage", usage.report),
)


async def lost(request: Request, error: Exception, broker: Broker) -> Response:
    """An address that is none, or not of this method: a page for whoever looks at it."""
    told = problems.lost(request, error)
    if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/api/"):
        return problems.render(told)
    return view.problem(request, broker, told.kind.status, problems.described(told))
