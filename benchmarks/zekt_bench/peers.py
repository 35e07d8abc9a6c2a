"""What others would use instead, as houses like ours; benchmarks/peers/README.md says how each is set up, and why."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import conninfo

from zekt_bench import directory, install
from zekt_bench.figures import Row
from zekt_bench.house import SECRET, House, Wanted, numbered
from zekt_bench.processes import free_port


class Peer(House):
    """One whose code is in `benchmarks/peers/FOLDER`, and which is told everything by `PEER_*`."""

    folder_name: ClassVar[str]

    def set_up(self, fan_outs: tuple[int, ...]) -> None:
        """Subscriptions are one file: {repository of the provider: [repositories of consumers]}."""
        setup = directory.populate(self.github, fan_outs)
        consumers: dict[str, list[str]] = {}
        for each in setup["subscriptions"]:
            consumers.setdefault(directory.seller(each["service"].removeprefix("to-")), []).append(each["consumer"])
        self._consumers.write_text(json.dumps(consumers), encoding="utf-8")
        self.prepare()

    def prepare(self) -> None:
        """Whatever must be there before it runs."""

    @property
    def _consumers(self) -> Path:
        return self.folder / "consumers.json"

    @property
    def installed(self) -> Path:
        return install.installed(self.folder_name)

    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")},
            "NODE_ENV": "production",
            "PEER_PORT": str(self.port),
            "PEER_CONSUMERS": str(self._consumers),
            "PEER_GITHUB_API_URL": self.sink_url,
            "PEER_GITHUB_TOKEN": "ghs_bench",
            "PEER_WEBHOOK_SECRET": SECRET,
        }


class NodeBridge(Peer):
    """One Node process that dispatches from memory."""

    who = "Node bridge"
    folder_name = "node"
    uses_postgres = False

    def receivers(self) -> list[Wanted]:
        return [Wanted("api", [install.node(self.installed), str(self.installed / "bridge.mjs")], '"started"')]

    def workers(self, count: int) -> list[Wanted]:
        """It is its own."""
        del count
        return []


class Procrastinate(Peer):
    """A queue on PostgreSQL: an API that commits event and jobs together, and workers."""

    who = "Procrastinate"
    folder_name = "procrastinate"

    def prepare(self) -> None:
        """A database of its own on the same server, with Procrastinate's tables."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE procrastinate")
        self.program("schema", self._python("-m", "procrastinate", "--app=jobs.app", "schema", "--apply")).until_ended()

    def environment(self) -> dict[str, str]:
        database = conninfo.make_conninfo(self.database_url, dbname="procrastinate")
        return {**super().environment(), "PEER_DATABASE_URL": database, "PYTHONPATH": str(self.installed)}

    def receivers(self) -> list[Wanted]:
        command = self._python("-m", "uvicorn", "receive:app", "--port", str(self.port), "--no-access-log")
        return [Wanted("api", command, "Application startup complete")]

    def workers(self, count: int) -> list[Wanted]:
        command = self._python("-m", "procrastinate", "--app=jobs.app", "worker")
        return [Wanted(name, command, "Starting worker on all queues") for name in numbered("worker", count)]

    def _python(self, *arguments: str) -> list[str]:
        return [str(self.installed / "venv/bin/python"), *arguments]


class Restate(Peer):
    """Restate's server, with Node before it, which takes webhooks, and Node behind it, which dispatches."""

    who = "Restate"
    folder_name = "restate"
    uses_postgres = False
    _SERVER = "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"

    def prepare(self) -> None:
        """Ports are chosen once: the three processes know each other by them."""
        names = ("INGRESS", "ADMIN", "NODE", "SERVICE")
        self._ports = dict(zip(names, (str(free_port()) for _ in names), strict=True))

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            **{f"PEER_RESTATE_{name}_PORT": port for name, port in self._ports.items()},
            "RESTATE_INGRESS__BIND_PORT": self._ports["INGRESS"],
            "RESTATE_ADMIN__BIND_PORT": self._ports["ADMIN"],
            "RESTATE_BIND_PORT": self._ports["NODE"],
            "RESTATE_BIND_IP": "127.0.0.1",
            "RESTATE_ADVERTISED_HOST": "127.0.0.1",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BASE_DIR": str(self.folder / "restate"),
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FORMAT": "json",
        }

    def receivers(self) -> list[Wanted]:
        """All of it: Restate takes nothing for handlers that it has not been told of."""
        node = install.node(self.installed)
        return [
            Wanted("restate", [str(self.installed / self._SERVER)], "Ingress HTTP listening"),
            Wanted("api", [node, str(self.installed / "receive.mjs")], '"started"'),
            Wanted("worker", [node, str(self.installed / "worker.mjs")], '"registered"'),
        ]

    def workers(self, count: int) -> list[Wanted]:
        """It is there already."""
        del count
        return []


PEERS: tuple[type[Peer], ...] = (NodeBridge, Procrastinate, Restate)
ORIGINAL_ACTION = "original_action"
_ORIGINAL = "original, "
"""What stands for who in its rows, before the version of Node."""


def versions(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    """Of those who have figures among them, by their folders: for the report."""
    ran = {row.who for row in rows if not row.missing}
    folders = [peer.folder_name for peer in PEERS if peer.who in ran]
    if any(who.startswith(_ORIGINAL) for who in ran):
        folders.append(ORIGINAL_ACTION)
    return {name: install.versions(name) for name in folders}
