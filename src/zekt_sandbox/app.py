"""The whole URL table of the stand-in GitHub."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from zekt_sandbox import actions_api, control_table, github_api, hooks_api, issues_api, oidc_api, people_api, runs_list
from zekt_sandbox.edge import Edge
from zekt_sandbox.neighbours import Neighbours
from zekt_sandbox.refusals import Refused, answer_refusal, refusal_body
from zekt_sandbox.world import World

_REPO = "/repos/{owner}/{repo}"
_HOOK = _REPO + "/hooks/{hook_id:int}"
_LINE = "/deliveries/{delivery_id:int}"

ROUTES = [
    Route("/", github_api.root),
    Route("/rate_limit", github_api.get_rate_limit),
    Route("/app", github_api.get_app),
    Route("/app/installations", github_api.list_installations),
    Route("/app/installations/{installation_id:int}", github_api.get_installation),
    Route("/app/installations/{installation_id:int}/access_tokens", github_api.create_token, methods=["POST"]),
    Route("/app/hook/config", hooks_api.get_app_hook_config),
    Route("/app/hook/deliveries", hooks_api.list_app_deliveries),
    Route("/app/hook" + _LINE, hooks_api.get_app_delivery),
    Route("/app/hook" + _LINE + "/attempts", hooks_api.redeliver_app, methods=["POST"]),
    Route("/installation/repositories", github_api.list_installation_repositories),
    Route("/repositories/{repository_id:int}", github_api.get_repository),
    Route(_REPO, github_api.get_repository),
    Route(_REPO + "/dispatches", github_api.create_dispatch, methods=["POST"]),
    Route(_REPO + "/installation", github_api.get_repository_installation),
    Route(_REPO + "/actions/runs", runs_list.list_runs),
    Route(_REPO + "/actions/runs/{run_id:int}", github_api.get_run),
    Route(_REPO + "/actions/runs/{run_id:int}", github_api.delete_run, methods=["DELETE"]),
    Route(_REPO + "/actions/runs/{run_id:int}/attempts/{attempt:int}", github_api.get_run),
    Route(_REPO + "/actions/workflows", actions_api.list_workflows),
    Route(_REPO + "/actions/workflows/{workflow}", actions_api.get_workflow),
    Route(_REPO + "/actions/permissions", actions_api.get_actions_permissions),
    Route(_REPO + "/contents/{path:path}", actions_api.get_contents),
    Route(_REPO + "/issues", issues_api.list_issues),
    Route(_REPO + "/issues", issues_api.create_issue, methods=["POST"]),
    Route(_REPO + "/hooks", hooks_api.list_hooks),
    Route(_REPO + "/hooks", hooks_api.create_hook, methods=["POST"]),
    Route(_HOOK, hooks_api.get_hook),
    Route(_HOOK, hooks_api.update_hook, methods=["PATCH"]),
    Route(_HOOK, hooks_api.delete_hook, methods=["DELETE"]),
    Route(_HOOK + "/pings", hooks_api.ping_hook, methods=["POST"]),
    Route(_HOOK + "/deliveries", hooks_api.list_deliveries),
    Route(_HOOK + _LINE, hooks_api.get_delivery),
    Route(_HOOK + _LINE + "/attempts", hooks_api.redeliver, methods=["POST"]),
    Route("/repositories/{repository_id:int}/collaborators/{username}/permission", people_api.get_permission),
    Route(_REPO + "/collaborators/{username}/permission", people_api.get_permission),
    Route("/orgs/{org}", people_api.get_organization),
    Route("/orgs/{org}/memberships/{username}", people_api.get_membership),
    Route("/login/oauth/authorize", people_api.authorize),
    Route("/login/oauth/access_token", people_api.access_token, methods=["POST"]),
    Route("/user", people_api.get_user),
    Route("/user/installations", people_api.list_user_installations),
    Route("/user/installations/{installation_id:int}/repositories", people_api.list_user_installation_repositories),
    Route("/oidc/.well-known/openid-configuration", oidc_api.discovery),
    Route("/oidc/.well-known/jwks", oidc_api.jwks),
    Route("/oidc/idtoken/{run_id:int}", oidc_api.id_token),
    *control_table.ROUTES,
]


async def _not_found(request: Request, error: Exception) -> JSONResponse:
    """GitHub answers JSON, also where there is no such page."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    ours = request.url.path.startswith("/_sandbox/")
    return JSONResponse(
        refusal_body(status, "Not Found; GET /_sandbox/ lists what is" if ours else "Not Found"), status
    )


def create_app(world: World) -> Starlette:
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Neighbours), Middleware(Edge, world=world)],
        exception_handlers={Refused: answer_refusal, HTTPException: _not_found},
    )
    app.state.world = world
    return app
