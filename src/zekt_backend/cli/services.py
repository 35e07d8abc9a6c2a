"""Services: what is published, by whom."""

import json
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console

from zekt_backend.api.services import ServiceChange, ServiceRequest
from zekt_backend.cli import service_schemas
from zekt_backend.cli.listing import Account, AsJson, Before, Limit, only, pages, show, with_database
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows import services as flow
from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.door import GUARDS
from zekt_backend.store import services as stored
from zekt_backend.store.database import Database, Listing, Tx

services = typer.Typer(no_args_is_help=True)
services.add_typer(service_schemas.schema, name="schema")

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Its name in the whole broker.")]
_Alias = Annotated[str | None, typer.Option(help="Its name for people.")]
_Description = Annotated[str | None, typer.Option(help="At most 2,000 characters.")]
_Tags = Annotated[list[str] | None, typer.Option("--tag", help="Up to ten; give it again for each.")]
_Visibility = Annotated[
    str | None, typer.Option(metavar="WHO", help="Who finds it in the directory: public, organization or unlisted.")
]
_MetadataOnly = Annotated[bool | None, typer.Option("--metadata-only/--with-messages", help="Forward no messages.")]
_HideProvider = Annotated[bool | None, typer.Option("--hide-provider/--show-provider", help="Tell no one whose it is.")]
_Guard = Annotated[
    str | None, typer.Option(metavar="WHAT", help=f"What becomes of credentials in a message: {', '.join(GUARDS)}.")
]
_Workflow = typer.Option(help="Publish it from this workflow of the same repository.")
_Model = TypeVar("_Model", bound=BaseModel)


@services.command("list")
def list_services(account: Account = None, limit: Limit = 50, before: Before = None, as_json: AsJson = False) -> None:
    """Services, the newest first; retired ones too."""

    async def read(tx: Tx) -> Listing:
        return await stored.page(tx, accounts=await only(tx, account), before=before, limit=limit)

    def shown(found: list[dict[str, Any]]) -> None:
        rows = [{**row, "tags": " ".join(row["tags"])} for row in found]
        names = ("slug", "repository", "workflow", "eventType", "visibility", "tags", "retiredAt")
        show(rows, names, ("Service", "Repository", "Workflow", "Event type", "Visible to", "Tags", "Retired"))

    pages(read, shown, as_json=as_json)


@services.command("show")
def show_service(slug: Slug) -> None:
    """Everything of one, as JSON."""

    async def read(db: Database) -> dict[str, Any]:
        async with db.reading() as connection:
            found = await stored.shown(connection, slug)
        if found is None:
            raise ZektError("not_found", f"There is no service {slug!r} here: `zekt services list`.")
        return found

    typer.echo(json.dumps(with_database(read), indent=2))


@services.command("publish")
def publish_service(
    *,
    slug: Slug,
    repository: Annotated[str, typer.Argument(metavar="OWNER/REPO")],
    workflow: Annotated[str, typer.Argument(metavar="PATH", help=".github/workflows/x.yml; it must be whitelisted.")],
    event_type: Annotated[str, typer.Option(help="Of a delivery without a message, or whose message has none.")],
    alias: _Alias = None,
    description: _Description = None,
    tags: _Tags = None,
    visibility: _Visibility = None,
    metadata_only: _MetadataOnly = None,
    hide_provider: _HideProvider = None,
    guard: _Guard = None,
    as_json: AsJson = False,
) -> None:
    """Publish a whitelisted workflow as a service."""
    fields = _given(
        alias=alias,
        description=description,
        tags=tags,
        visibility=visibility,
        metadata_only=metadata_only,
        hide_provider=hide_provider,
        guard=guard,
        event_type=event_type,
    )
    wanted = checked(ServiceRequest, {"repository": repository, "workflow": workflow, "slug": slug, **fields})
    made = with_database(
        lambda db: flow.publish(
            wanted.repository,
            wanted.workflow,
            wanted.slug,
            wanted.fields(),
            actor=OPERATOR,
            now=SystemClock().now(),
            db=db,
        )
    )
    _tell(made, f"{slug} is published from {made['workflow']} of {made['repository']}.", as_json=as_json)


@services.command("change")
def change_service(
    *,
    slug: Slug,
    event_type: Annotated[str | None, typer.Option(help="As for publish.")] = None,
    alias: _Alias = None,
    description: _Description = None,
    tags: _Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Take all tags away.")] = False,
    visibility: _Visibility = None,
    metadata_only: _MetadataOnly = None,
    hide_provider: _HideProvider = None,
    guard: _Guard = None,
    workflow: Annotated[str | None, _Workflow] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given; the rest stays."""
    fields = _given(
        alias=alias,
        description=description,
        tags=[] if no_tags else tags,
        visibility=visibility,
        metadata_only=metadata_only,
        hide_provider=hide_provider,
        guard=guard,
        event_type=event_type,
    )
    wanted = checked(ServiceChange, {**fields, **({"workflow": workflow} if workflow else {})})
    _change(slug, wanted.model_dump(exclude_none=True), f"{slug} is changed.", as_json=as_json)


@services.command("retire")
def retire_service(
    slug: Slug,
    undo: Annotated[bool, typer.Option("--undo", help="Publish it again.")] = False,
    as_json: AsJson = False,
) -> None:
    """No new requests and no more deliveries, those under way included; nothing is deleted."""
    said = f"{slug} is published again." if undo else f"{slug} is retired."
    _change(slug, {"retired": not undo}, said, as_json=as_json)


def _change(slug: str, wanted: dict[str, Any], said: str, *, as_json: bool) -> None:
    found = with_database(
        lambda db: flow.change(slug, wanted, version=None, actor=OPERATOR, now=SystemClock().now(), db=db)
    )
    _tell(found, said, as_json=as_json)


def _given(
    *,
    alias: str | None,
    description: str | None,
    tags: list[str] | None,
    visibility: str | None,
    metadata_only: bool | None,
    hide_provider: bool | None,
    guard: str | None,
    event_type: str | None,
) -> dict[str, Any]:
    """What was given, by its name on the wire."""
    named = {
        "alias": alias,
        "description": description,
        "tags": tags,
        "visibility": visibility,
        "metadataOnly": metadata_only,
        "hideProvider": hide_provider,
        "guard": guard,
        "eventType": event_type,
    }
    return {name: value for name, value in named.items() if value is not None}


def checked(model: type[_Model], given: dict[str, Any]) -> _Model:
    """What the API would take, or the error that names what it would not."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise typer.BadParameter(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None


def _tell(found: dict[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console(stderr=True).print(said, markup=False)
