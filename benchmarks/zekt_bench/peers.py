"""What others would use instead, as houses like ours; benchmarks/peers/README.md says how each is set up, and why."""

import json
import os
from pathlib import Path
from typing import ClassVar

from zekt_bench import directory, install
from zekt_bench.house import SECRET, House, Wanted


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
        return [Wanted("api", [install.node(), str(self.installed / "bridge.mjs")], '"started"')]

    def workers(self, count: int) -> list[Wanted]:
        """It is its own."""
        del count
        return []


PEERS: tuple[type[Peer], ...] = (NodeBridge,)
ORIGINAL_ACTION = "original_action"


def versions() -> dict[str, dict[str, str]]:
    """Of all that could be installed: for the report."""
    return {name: install.versions(name) for name in (*(peer.folder_name for peer in PEERS), ORIGINAL_ACTION)}
