"""Services: an account's own, published, changed and retired."""

from typing import Any

from pydantic import field_validator
from starlette.requests import Request
from starlette.responses import JSONResponse

from zekt_backend.api import bodies, shapes
from zekt_backend.api.access import listed, principal_of, require_home
from zekt_backend.broker import Broker
from zekt_backend.flows import services as flow
from zekt_backend.rules.access import Principal, Right, not_yours
from zekt_backend.rules.door import Guard
from zekt_backend.rules.setup import Alias, Description, EventType, FullName, GitHubId, Path, Slug, Tags, Visibility
from zekt_backend.store import services


class ServiceRequest(shapes.Shape):
    """What is published, from which workflow. The alias is the slug where none is given."""

    repository: GitHubId | FullName
    workflow: Path
    slug: Slug
    alias: Alias | None = None
    description: Description = ""
    tags: Tags = ()
    visibility: Visibility = "unlisted"
    event_type: EventType
    metadata_only: bool = False
    hide_provider: bool = False
    guard: Guard = "refuse"

    def fields(self) -> dict[str, Any]:
        return {**self.model_dump(include=set(services.COLUMNS)), "alias": self.alias or self.slug}


class ServiceChange(shapes.Shape):
    """What is not named stays."""

    workflow: Path | None = None
    alias: Alias | None = None
    description: Description | None = None
    tags: Tags | None = None
    visibility: Visibility | None = None
    event_type: EventType | None = None
    metadata_only: bool | None = None
    hide_provider: bool | None = None
    guard: Guard | None = None
    retired: bool | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _said(cls, value: Any) -> Any:
        """Asked of what is named alone: whoever writes null wants it gone, and none of it can be."""
        if value is None:
            raise ValueError("null is no value for it: leave the field out to keep what it is")
        return value


async def listing(request: Request, broker: Broker) -> JSONResponse:
    return await listed(request, broker, "services", services.page)


async def publish(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = bodies.parse(ServiceRequest, await bodies.read(request, bodies.MAX_SMALL_BODY))
    async with broker.db.reading() as connection:
        home = await services.home(connection, wanted.repository)
    require_home(principal, home)
    made = await flow.publish(
        # The one that was looked at: its name may be another's in the next moment.
        home.repository_id if home else wanted.repository,
        wanted.workflow,
        wanted.slug,
        wanted.fields(),
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return _answer(made, 201)


async def one(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    async with broker.db.reading() as connection:
        home = await services.home_of(connection, slug_of(request))
        principal.require(home.account_id if home else None, Right.READ)
        found = await services.shown(connection, slug_of(request))
    if found is None:
        raise not_yours()
    return _answer(found)


async def change(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    wanted = bodies.parse(ServiceChange, await bodies.read(request, bodies.MAX_SMALL_BODY))
    await _require(request, broker, principal)
    found = await flow.change(
        slug_of(request),
        wanted.model_dump(exclude_none=True),
        version=shapes.if_match(request),
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return _answer(found)


async def retire(request: Request, broker: Broker) -> JSONResponse:
    principal = await principal_of(request, broker)
    await _require(request, broker, principal)
    found = await flow.retire(
        slug_of(request),
        version=shapes.if_match(request),
        actor=principal.actor,
        now=broker.clock.now(),
        db=broker.db,
    )
    return _answer(found)


async def _require(request: Request, broker: Broker, principal: Principal) -> None:
    async with broker.db.reading() as connection:
        require_home(principal, await services.home_of(connection, slug_of(request)))


def slug_of(request: Request) -> str:
    return str(request.path_params["slug"][:100])


def _answer(found: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(found, status, headers=shapes.etag(found["version"]))
