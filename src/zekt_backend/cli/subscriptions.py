"""Subscriptions: who has asked for what, and what was decided."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from zekt_backend.api.subscriptions import Answer, SubscriptionChange, SubscriptionRequest
from zekt_backend.cli import diagnosis
from zekt_backend.cli.listing import Account, AsJson, Before, Limit, only, pages, show, with_database
from zekt_backend.cli.services import checked
from zekt_backend.clock import SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.flows import subscriptions as flow
from zekt_backend.rules.access import OPERATOR
from zekt_backend.rules.subscription import Side, Standing, Verb
from zekt_backend.settings import Settings
from zekt_backend.store import server
from zekt_backend.store import subscriptions as stored
from zekt_backend.store.database import Database, Listing, Tx

subscriptions = typer.Typer(no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="SERVICE@OWNER/REPO", help="The service's slug, the consumer.")]
_Words = Annotated[str, typer.Option("--answer", metavar="TEXT", help="Words for the other side.")]
_Durable = Annotated[bool | None, typer.Option("--durable/--fire-and-forget", help="Track until its run has ended.")]
_Conclusions = Annotated[list[str] | None, typer.Option("--conclusion", help="Only runs that ended so.")]
_Branches = Annotated[list[str] | None, typer.Option("--branch", help="Only runs of such branches: main, release/*.")]
_EventTypes = Annotated[list[str] | None, typer.Option("--event-type", help="Only such messages.")]
_ConfirmTimeout = Annotated[int | None, typer.Option(metavar="SECONDS", help="Durable: until it is dispatched again.")]
_CompleteTimeout = Annotated[int | None, typer.Option(metavar="SECONDS", help="Durable: until its end is asked for.")]
_MaxDispatches = Annotated[int | None, typer.Option(help="Durable: how often it is dispatched.")]


@subscriptions.command("list")
def list_subscriptions(
    account: Account = None,
    status: Annotated[Standing | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Limit = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """Subscriptions, the newest first."""

    async def read(tx: Tx) -> Listing:
        return await stored.page(tx, accounts=await only(tx, account), before=before, limit=limit, status=status)

    def shown(found: list[dict[str, Any]]) -> None:
        rows = [{**row, "durable": "yes" if row["durable"] else ""} for row in found]
        names = ("service", "consumer", "status", "durable", "note", "answer", "requestedAt", "decidedAt")
        show(rows, names, ("Service", "Consumer", "Status", "Durable", "Note", "Answer", "Requested", "Decided"))

    pages(read, shown, as_json=as_json)


@subscriptions.command("request")
def request_subscription(
    *,
    name: _Name,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the provider to read.")] = "",
    durable: _Durable = None,
    conclusions: _Conclusions = None,
    branches: _Branches = None,
    event_types: _EventTypes = None,
    confirm_timeout: _ConfirmTimeout = None,
    complete_timeout: _CompleteTimeout = None,
    max_dispatches: _MaxDispatches = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a service on behalf of a repository."""
    settings = _given(
        durable=durable,
        conclusions=conclusions,
        branches=branches,
        eventTypes=event_types,
        confirmTimeout=confirm_timeout,
        completeTimeout=complete_timeout,
        maxDispatches=max_dispatches,
    )
    service, consumer = _parts(name)
    wanted = checked(SubscriptionRequest, {"service": service, "consumer": consumer, "note": note, **settings})

    async def ask(db: Database) -> dict[str, Any]:
        subscription_id = await flow.request(
            wanted.service,
            wanted.consumer,
            wanted.note,
            wanted.settings(),
            actor=OPERATOR,
            now=SystemClock().now(),
            db=db,
        )
        return await _shown(db, subscription_id)

    _tell(with_database(ask), f"{name} is requested; its provider approves or denies it.", as_json=as_json)


@subscriptions.command("approve")
def approve_subscription(
    name: _Name,
    answer: _Words = "",
    check: Annotated[bool, typer.Option("--check/--no-check", help="Ask GitHub whether it will run.")] = True,
    as_json: AsJson = False,
) -> None:
    """Let the next event through, and say what keeps it from running yet."""
    _decide(name, Verb.APPROVE, answer, as_json=as_json)
    settings = Settings.load()
    if check and settings.github_app_id is not None:
        with server.database(settings) as url:
            diagnosis.warn([name], url, settings, Console(stderr=True))


@subscriptions.command("deny")
def deny_subscription(name: _Name, answer: _Words = "", as_json: AsJson = False) -> None:
    """Turn a request down."""
    _decide(name, Verb.DENY, answer, as_json=as_json)


@subscriptions.command("revoke")
def revoke_subscription(name: _Name, answer: _Words = "", as_json: AsJson = False) -> None:
    """End it: no more deliveries, those that wait for their dispatch included."""
    _decide(name, Verb.REVOKE, answer, as_json=as_json)


@subscriptions.command("change")
def change_subscription(
    *,
    name: _Name,
    durable: _Durable = None,
    conclusions: _Conclusions = None,
    branches: _Branches = None,
    event_types: _EventTypes = None,
    confirm_timeout: _ConfirmTimeout = None,
    complete_timeout: _CompleteTimeout = None,
    max_dispatches: _MaxDispatches = None,
    all_of: Annotated[
        list[str] | None,
        typer.Option(
            "--default", metavar="NAME", help="Set back: conclusions, branches, event-types, max-dispatches …"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given; the rest stays."""
    settings = _given(
        durable=durable,
        conclusions=conclusions,
        branches=branches,
        eventTypes=event_types,
        confirmTimeout=confirm_timeout,
        completeTimeout=complete_timeout,
        maxDispatches=max_dispatches,
    )
    back = {_camel(given): None for given in all_of or []}
    wanted = checked(SubscriptionChange, {**settings, **back}).settings()

    async def change(db: Database) -> dict[str, Any]:
        subscription_id = await _id(db, name)
        await flow.change(subscription_id, wanted, version=None, actor=OPERATOR, now=SystemClock().now(), db=db)
        return await _shown(db, subscription_id)

    _tell(with_database(change), f"{name} is changed.", as_json=as_json)


def _decide(name: str, verb: Verb, answer: str, *, as_json: bool) -> None:
    words = checked(Answer, {"answer": answer}).answer

    async def decide(db: Database) -> dict[str, Any]:
        subscription_id = await _id(db, name)
        await flow.decide(
            subscription_id,
            verb,
            answer=words,
            side=Side.OPERATOR,
            version=None,
            actor=OPERATOR,
            now=SystemClock().now(),
            db=db,
        )
        return await _shown(db, subscription_id)

    found = with_database(decide)
    _tell(found, f"{name} is {found['status']}.", as_json=as_json)


def _given(**named: Any) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value is not None}


def _camel(name: str) -> str:
    first, *others = name.split("-")
    return first + "".join(part.capitalize() for part in others)


def _parts(name: str) -> tuple[str, str]:
    service, at, consumer = name.partition("@")
    if not at:
        raise typer.BadParameter("write SERVICE-SLUG@OWNER/REPO", param_hint="SERVICE@OWNER/REPO")
    return service, consumer


async def _id(db: Database, name: str) -> int:
    async with db.reading() as connection:
        found = await stored.id_of(connection, *_parts(name))
    if found is None:
        raise ZektError("not_found", f"There is no subscription {name!r}: `zekt subscriptions list` shows them.")
    return found


async def _shown(db: Database, subscription_id: int) -> dict[str, Any]:
    async with db.reading() as connection:
        found = await stored.shown(connection, subscription_id, None)
    if found is None:
        raise AssertionError("nothing deletes subscriptions")
    return found


def _tell(found: dict[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console(stderr=True).print(said, markup=False)
