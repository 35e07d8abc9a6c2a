"""Why did it (not) arrive: explain."""

import asyncio
import json
from typing import Annotated, Any

import typer
from rich.console import Console

from zekt_backend.cli.look import plain
from zekt_backend.rules import explanation
from zekt_backend.settings import Settings
from zekt_backend.store import explanations, server
from zekt_backend.store.database import one_connection

_MOST = 2**63 - 1


def explain(
    run_id: Annotated[int, typer.Argument(min=1, max=_MOST, help="The provider's run, as in its address at GitHub.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Why did this run's message or end (not) arrive? Rule by rule, for each attempt, message and consumer.

    Exit code 1 when nothing is known of the run.
    """
    with server.database(Settings.load()) as url:
        attempts = asyncio.run(_read(url, run_id))
    advice = [] if attempts else list(explanation.NOTHING_KNOWN)
    if as_json:
        typer.echo(json.dumps({"runId": str(run_id), "attempts": attempts, "advice": advice}, indent=2))
    else:
        _show(attempts, advice)
    if not attempts:
        raise typer.Exit(1)


async def _read(url: str, run_id: int) -> list[dict[str, Any]]:
    async with one_connection(url) as connection:
        keys = await explanations.attempts_of(connection, run_id)
        return [explanation.explain(await explanations.of_attempt(connection, key)) for key in keys]


def _show(attempts: list[dict[str, Any]], advice: list[str]) -> None:
    for sentence in advice:
        _say(sentence)
    for attempt in attempts:
        _say(f"{attempt['repository']}, run {attempt['runId']}, attempt {attempt['runAttempt']}")
        if event := attempt["event"]:
            _say(
                f"  ended with {event['conclusion']} on {event['headBranch']}: {event['workflowPath']},"
                f" told {event['receivedAt']}"
            )
        for message in attempt["messages"]:
            _say(f"  message {message['eventId']}: {message['eventType']}, {message['bytes']:,} bytes")
        for sentence in attempt["summary"]:
            _say(f"  {sentence}")
        for decision in attempt["decisions"]:
            _show_decision(decision)


def _show_decision(decision: dict[str, Any]) -> None:
    of = f" of the late message {decision['eventId']}" if decision["eventId"] else ""
    _say(f"  Decision{of}: {decision['outcome']}")
    _show_rules(decision["provider"], "    ")
    for consumer in decision["consumers"]:
        _say(f"    {consumer['service']}@{consumer['consumer']}")
        _show_rules(consumer["rules"], "      ")
        for message in consumer["messages"]:
            _show_rules(message["rules"], "      ", f"{message['eventId'] or 'no message'}: ")
        for delivery in consumer["deliveries"]:
            _say(f"      {delivery['deliveryId']}, {delivery['status']}: {delivery['what']}")
        if not consumer["deliveries"]:
            _say(f"      {consumer['answer']}")


def _show_rules(rules: list[dict[str, Any]], indent: str, of: str = "") -> None:
    for rule in rules:
        _say(f"{indent}{'passed ' if rule['passed'] else 'BLOCKED'} {rule['name']:<13} {of}{rule['detail']}")


def _say(text: str) -> None:
    # Names and words of strangers: no markup is read, and no control character gets through.
    Console().print(plain(text), markup=False, highlight=False, soft_wrap=True)
