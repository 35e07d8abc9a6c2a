"""The issuer's routes: discovery, the key set, and the endpoint where a runner asks for a token."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from zekt_sandbox.credentials import bearer
from zekt_sandbox.github_api import authorization, world_of
from zekt_sandbox.repositories import stable_id


async def discovery(request: Request) -> Response:
    """GET /oidc/.well-known/openid-configuration."""
    return JSONResponse(world_of(request).issuer.discovery())


async def jwks(request: Request) -> Response:
    """GET /oidc/.well-known/jwks."""
    return JSONResponse(world_of(request).keys.jwks())


async def id_token(request: Request) -> Response:
    """GET $ACTIONS_ID_TOKEN_REQUEST_URL&audience=…: `{"count": …, "value": token}`."""
    issuer = world_of(request).issuer
    identity = issuer.identity(bearer(authorization(request)))
    if identity is None or identity["run_id"] != str(request.path_params["run_id"]):
        return JSONResponse({"message": "Unauthorized"}, 401)
    if leg := request.query_params.get("leg"):  # ours: a job of a matrix that was granted as one
        identity = {**identity, "check_run_id": str(stable_id("check", f"{identity['check_run_id']}:{leg}"))}
    value = issuer.keys.sign(issuer.claims(identity, request.query_params.get("audience")))
    return JSONResponse({"count": len(value), "value": value})
