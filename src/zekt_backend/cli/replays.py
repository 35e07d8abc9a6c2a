"""Once more: deliveries by their ids at once, or those of a connection one after the other."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zekt_backend.broker import timings
from zekt_backend.cli.deliveries import Since, Until, connection_id
from zekt_backend.cli.listing import with_database
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows import replay_many
from zekt_backend.flows.replay import Asker, Terms
from zekt_backend.flows.replay import replay as once_more
from zekt_backend.ids import new_delivery_id
from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.lifecycle import Status
from zekt_backend.settings import Settings
from zekt_backend.store import replays
from zekt_backend.store.database import Database

_OPERATOR = Asker(OPERATOR)
_LOOK = 0.5
"""Seconds between two looks at how far it is."""


def replay(
    delivery_ids: Annotated[
        list[str] | None, typer.Argument(metavar="DELIVERY...", help="Ids, as `zekt deliveries` shows.")
    ] = None,
    *,
    connection: Annotated[
        str | None, typer.Option(metavar="CONNECTION", help="All of this one: its id, or SERVICE-SLUG@OWNER/REPO.")
    ] = None,
    status: Annotated[list[Status] | None, typer.Option(help="Those that stand so [default: failed].")] = None,
    since: Since = None,
    until: Until = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that were replayed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be replayed.")] = False,
    rate: Annotated[
        int | None, typer.Option(min=1, max=1000, help="So many a minute (ZEKT_REPLAYS_PER_MINUTE).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stop: Annotated[int | None, typer.Option(metavar="N", help="Stop replay N, and nothing else.")] = None,
) -> None:
    """Deliver once more, as new deliveries from the archived messages. Prints the new ids; a worker must be running.

    Of a connection the workers make them one after the other, also when this command has ended.
    """
    if (bool(delivery_ids), connection is not None, stop is not None).count(True) != 1:
        raise typer.BadParameter("name deliveries, or --connection, or --stop")
    if stop is not None:
        told = with_database(lambda db: replay_many.stop(stop, asker=_OPERATOR, db=db, clock=SystemClock()))
        _say(f"Replay {stop} has stopped: {told['made']} were made, {told['left']} are left out.")
        return
    if delivery_ids:
        refused = with_database(lambda db: _each(delivery_ids, db))
    else:
        statuses = tuple(one.value for one in status or (Status.FAILED,))
        refused = _many(connection or "", statuses, since, until, again=again, dry_run=dry_run, rate=rate, yes=yes)
    if refused:
        raise typer.Exit(1)


async def _each(delivery_ids: Sequence[str], db: Database) -> int:
    """How many were refused; one that is keeps no other back."""
    refused, terms = 0, _terms(Settings.load())
    for delivery_id in delivery_ids:
        try:
            new = await once_more(
                delivery_id, asker=_OPERATOR, db=db, clock=SystemClock(), new_id=new_delivery_id, terms=terms
            )
        except ZektError as error:
            refused += 1
            _say(f"{error.code}: {delivery_id!r}: {error.detail}", style="red")
        else:
            typer.echo(new)
    return refused


def _terms(settings: Settings) -> Terms:
    return Terms(timings(settings), settings.payload_retention)


def _many(
    connection: str,
    statuses: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    *,
    again: bool,
    dry_run: bool,
    rate: int | None,
    yes: bool,
) -> int:
    """How many were refused, or cannot be replayed."""
    settings = Settings.load()

    async def begin(db: Database, dry: bool) -> dict[str, Any]:
        async with db.reading() as tx:
            chosen = await connection_id(tx, connection)
        wanted = replay_many.Wanted((), chosen, statuses, since, until, again)
        return await replay_many.begin(
            wanted,
            asker=_OPERATOR,
            per_minute=rate or settings.replays_per_minute,
            dry_run=dry,
            db=db,
            clock=SystemClock(),
            terms=_terms(settings),
        )

    plan = with_database(lambda db: begin(db, True))
    _tell(plan)
    impossible = sum(int(each["count"]) for each in plan["impossible"])
    if dry_run or not plan["total"]:
        return impossible
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("nobody is here to be asked: add --yes, or --dry-run")
        typer.confirm("Go on?", abort=True, err=True)
    receipt = with_database(lambda db: begin(db, False))
    return impossible + (with_database(lambda db: _watch(receipt["id"], db)) if receipt["id"] else 0)


def _tell(plan: dict[str, Any]) -> None:
    _say(f"{plan['total']} to replay, at {plan['perMinute']} a minute: about {plan['minutes']} min.")
    for each in plan["impossible"]:
        _say(
            f"{each['count']} cannot be: {each['code']}. {each['detail']} {', '.join(each['deliveries'])}", style="red"
        )
    if plan["more"]:
        _say(f"There are more than {replay_many.MOST:,}: these are the oldest. Say the same again when they are done.")


async def _watch(replay_id: int, db: Database) -> int:
    """Draws how far it is, on standard error, until it has ended. How many were refused."""
    _say(f"Replay {replay_id} is the workers' now; `zekt replay --stop {replay_id}` stops it.")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Replaying")
        while True:
            async with db.reading() as tx:
                told = await replays.shown(tx, replay_id)
            if told is None:
                raise ZektError("not_found", "There is no such replay.")
            bar.update(task, total=told["total"], completed=told["total"] - told["left"])
            if told["endedAt"] is not None:
                break
            await asyncio.sleep(_LOOK)
    async with db.reading() as tx:
        for new in await replays.made(tx, replay_id):
            typer.echo(new)
    for each in told["refusals"]:
        _say(f"{each['code']}: {each['deliveryId']!r}: {each['detail']}", style="red")
    return int(told["refused"])


def _say(text: str, style: str | None = None) -> None:
    Console(stderr=True).print(text, style=style, markup=False, highlight=False, soft_wrap=True)
