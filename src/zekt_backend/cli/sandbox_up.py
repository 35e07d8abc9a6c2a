"""`zekt sandbox up`: GitHub with local folders, a broker of its own, and what both do, until Ctrl-C."""

import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from rich.console import Console

from zekt_backend.cli import sandbox_scene as scene
from zekt_backend.cli import sandbox_settings, setup_file
from zekt_backend.cli.sandbox_client import Sandbox
from zekt_backend.cli.sandbox_facts import Facts
from zekt_backend.cli.sandbox_lines import Lines, shown
from zekt_backend.errors import PROBLEMS, ZektError
from zekt_backend.store.embedded import Embedded
from zekt_sandbox.demo_broker import Broker, DemoFailed, as_root
from zekt_sandbox.local import folders
from zekt_sandbox.local.errors import LocalError
from zekt_sandbox.local.folders import Folder
from zekt_sandbox.local.tools import find_tools
from zekt_sandbox.server import DEFAULT_PORT, CannotListen, SandboxServer
from zekt_sandbox.signals import ended_by_signals, until

EVERYBODY = "octocat"
"""Whom the console takes somebody for that signs in so: an owner of every organisation here."""

# A dispatch that no run confirms is repeated after a minute, not after half an hour: here somebody sits and waits.
# What a subscription of the setup file says itself counts before it.
_ON_A_LAPTOP = {"ZEKT_CONFIRM_TIMEOUT": "60"}


@dataclass(frozen=True, slots=True)
class Asked:
    folder: Path
    """Holds `owner/name/.github/workflows/*.yml`, and `setup.yaml`."""
    port: int
    """The sandbox's; 0 for a free one."""
    broker_port: int
    """The broker's; likewise."""
    images: Mapping[str, str]
    """Docker images by label of `runs-on`."""

    @property
    def setup(self) -> Path:
        """Absolute: it is read from elsewhere too."""
        return self.folder.resolve() / "setup.yaml"


def run(asked: Asked, console: Console) -> None:
    """Until Ctrl-C.

    Raises:
        ZektError: `sandbox_refused`, `setup_invalid` or what GitHub refuses of the setup; the text says why, and what
            to do.
    """
    if asked.setup.exists():
        setup_file.read(asked.setup)  # before a second is spent on starting anything
    try:
        with ended_by_signals(), ExitStack() as stack:
            try:
                until(_start(stack, asked, console).exited)
            except KeyboardInterrupt:
                scene.say(console, "", "Ending: the runs first, then the broker, then GitHub.")
    except (DemoFailed, LocalError) as failed:
        raise ZektError("sandbox_refused", str(failed)) from None
    scene.say(console, "Everything has ended, and is forgotten.")


def _start(stack: ExitStack, asked: Asked, console: Console) -> Broker:
    """All of it; what is entered here is left in reverse order: the runs, the broker, GitHub, the log."""
    # A short name: PostgreSQL's socket must fit into 107 bytes.
    place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zekt-", ignore_cleanup_errors=True)))
    # What is missing is told before a second is spent on starting anything.
    repositories = folders.find(asked.folder)
    find_tools(place / "tools")
    log = stack.enter_context(ThreadPoolExecutor(1, "runs-log"))
    github = stack.enter_context(_github(asked.port))
    lines, broker_port = Lines(console), _free(asked.broker_port)
    scene.say(console, "Starting GitHub, and a broker with a database of its own …")
    if as_root():
        scene.say(
            console,
            "Running as root: ZEKT_EMBEDDED_AS_ROOT=1 is set for this sandbox alone, so the embedded PostgreSQL makes"
            " a system user of its own and opens the folders above its data.",
        )
    facts = Facts(lines.zekt, lambda delivery: _advice(broker, delivery))
    settings = {**github.broker_environment(), **_ON_A_LAPTOP}
    broker = Broker(place, settings, port=broker_port, hear=facts.hear)
    stack.callback(broker.stop)
    # In a thread that is waited for before `stop`: Ctrl-C in the midst of it would leave behind what nobody knows yet.
    _serve(broker, stack.enter_context(ThreadPoolExecutor(1, "broker-start")), console)
    github.set_app_hook(url=f"{broker.url}/api/github/webhooks", secret=broker.webhook_secret)
    stack.callback(github.local(asked.folder, api_url=broker.url, images=asked.images).stop)
    _set_up(broker, asked, console)
    sandbox = Sandbox(urlsplit(github.url).port or asked.port)
    opens = {"environment": github.broker_environment(), "broker": _for_commands(broker)}
    stack.enter_context(sandbox_settings.kept(sandbox.port, opens))
    log.submit(_follow, sandbox.doings(), lines)
    _tell(console, repositories, github, broker, sandbox)
    return broker


def _github(port: int) -> SandboxServer:
    try:
        return SandboxServer(port=port)
    except CannotListen as taken:
        raise ZektError(
            "sandbox_refused", f"{taken} If it is a sandbox, `zekt sandbox ps --port {port}` lists its runs."
        ) from None


def _free(port: int) -> int:
    """The same port, where nobody listens: the broker itself would say so in its log alone."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ZektError(
                "sandbox_refused",
                f"The broker cannot listen on 127.0.0.1, port {port}: {error.strerror}. End what listens there, or take"
                " another port with --broker-port; 0 takes a free one.",
            ) from None
    return port


def _serve(broker: Broker, worker: ThreadPoolExecutor, console: Console) -> None:
    try:
        until(worker.submit(broker.start))
    except DemoFailed:
        scene.say(console, "The broker's last words:", *broker.log_tail())
        raise


def _set_up(broker: Broker, asked: Asked, console: Console) -> None:
    """`setup.yaml`, told as `zekt setup apply` tells it.

    Raises:
        ZektError: as it says.
    """
    if not asked.setup.exists():
        scene.say(
            console,
            f"There is no {asked.setup}, so the broker knows nobody yet: docs/setup.md says what stands in it, and"
            " `zekt setup apply FILE` (after the `eval` below) makes it so.",
            style="yellow",
        )
        return
    done = broker.set_up(asked.setup)
    if done.returncode != 0:
        code, _, detail = done.stderr.strip().partition(": ")
        raise ZektError(code, detail) if code in PROBLEMS else ZektError("sandbox_refused", done.stderr.strip())
    for line in done.stderr.splitlines():
        if not line.startswith("{"):  # its log
            console.print(shown(line), highlight=False, soft_wrap=True)


def _for_commands(broker: Broker) -> dict[str, str]:
    """Settings by which commands find this broker: its database by URL, so that none of them starts one later."""
    database = Embedded.start(broker.data, as_root_allowed=as_root())
    try:
        return {**broker.secrets, "ZEKT_DATABASE_URL": database.url, "ZEKT_PUBLIC_URL": broker.url}
    finally:
        database.stop()


def _tell(console: Console, found: Sequence[Folder], github: SandboxServer, broker: Broker, sandbox: Sandbox) -> None:
    owners = sorted({folder.full_name.partition("/")[0] for folder in found})
    everybody = {EVERYBODY: owners, **{f"{owner}-admin": [owner] for owner in owners}}
    for login, mine in everybody.items():
        github.set_person(login, organizations=dict.fromkeys(mine, "admin"))
    port = "" if sandbox.port == DEFAULT_PORT else f" --port {sandbox.port}"
    scene.show(console, found, github=github.url, port=port)
    scene.say(
        console,
        "",
        f"The console is at {broker.url}/ : sign in as {EVERYBODY}, who owns all of it, or as {owners[0]}-admin,"
        " who owns one organisation.",
        "A dispatch that no run confirms within 60 s is sent again, unless its subscription has a confirm-timeout.",
        "Ctrl-C ends and forgets everything. Until then, what happens:",
        "",
    )


def _advice(broker: Broker, delivery: str) -> str:
    try:
        return str(broker.get(f"/api/deliveries/{delivery}")["advice"] or "")
    except (DemoFailed, requests.RequestException):
        return ""  # it is being stopped


def _follow(doings: Iterator[dict[str, Any]], lines: Lines) -> None:
    for fact in doings:
        lines.run(fact)
