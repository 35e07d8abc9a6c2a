"""Services' JSON Schemas: set, show, remove, versions."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from zekt_backend.api.service_schemas import whole
from zekt_backend.cli.listing import AsJson, Before, Limit, pages, show, with_database
from zekt_backend.cli.setup_file import unusable
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows import service_schemas as flow
from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.door import MAX_SCHEMA_BYTES
from zekt_backend.store import service_schemas as stored
from zekt_backend.store.database import Database, Listing, Tx

schema = typer.Typer(help="The JSON Schema that a service asks of its messages.", no_args_is_help=True)

_Slug = Annotated[str, typer.Argument(metavar="SLUG")]


@schema.command("set")
def set_schema(
    slug: _Slug,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Schema, Draft 2020-12, at most 131,072 bytes.")],
    as_json: AsJson = False,
) -> None:
    """Hold messages against this schema, from the next one on."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_SCHEMA_BYTES + 1)
    except OSError as error:
        raise ZektError("schema_invalid", f"{file} cannot be read: {error.strerror}.") from None

    async def check(_account: object, given: bytes) -> str:
        try:
            return unusable(given.decode())
        except UnicodeDecodeError as error:
            return f"It is not UTF-8 (byte {error.start})."

    found = with_database(
        lambda db: flow.put(slug, raw, check=check, version=None, actor=OPERATOR, now=SystemClock().now(), db=db)
    )
    _tell(found, f"{slug} asks for version {found['schemaVersion']} of its schema.", as_json=as_json)


@schema.command("show")
def show_schema(
    slug: _Slug,
    version: Annotated[int | None, typer.Option(min=1, max=2**31 - 1, help="An older one.")] = None,
    as_json: AsJson = False,
) -> None:
    """The schema that counts, as it was given."""

    async def read(db: Database) -> dict[str, Any]:
        async with db.reading() as connection:
            found = await stored.find(connection, slug, version)
        if found is None:
            raise ZektError("not_found", f"{slug} has no such schema: `zekt services schema versions {slug}`.")
        return found

    found = with_database(read)
    if as_json:
        typer.echo(whole(slug, found))
    elif found["schema"] is None:
        Console(stderr=True).print(f"{slug} asks for no schema.", markup=False)
    else:
        typer.echo(found["schema"])


@schema.command("versions")
def list_versions(slug: _Slug, limit: Limit = 50, before: Before = None, as_json: AsJson = False) -> None:
    """All that it had, the newest first."""

    async def read(tx: Tx) -> Listing:
        return await stored.page(tx, slug, before=before, limit=limit)

    def shown(found: list[dict[str, Any]]) -> None:
        rows = [{**row, "asked": "yes" if row["asked"] else ""} for row in found]
        show(
            rows,
            ("schemaVersion", "asked", "bytes", "createdBy", "createdAt"),
            ("Version", "Asked", "Bytes", "By", "At"),
        )

    pages(read, shown, as_json=as_json)


@schema.command("remove")
def remove_schema(slug: _Slug, as_json: AsJson = False) -> None:
    """Let messages be anything again; the versions stay."""
    found = with_database(lambda db: flow.remove(slug, version=None, actor=OPERATOR, now=SystemClock().now(), db=db))
    _tell(found, f"{slug} asks for no schema.", as_json=as_json)


def _tell(found: dict[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console(stderr=True).print(said, markup=False)
