"""What act leaves behind in Docker when it is killed: containers by our label, and their volumes and networks."""

import json
import os
import re
import socket

from zekt_sandbox.local.tools import Tools

_OWNED = "zekt.sandbox.of"
_HOST = re.sub(r"[^\w.-]", "-", socket.gethostname())
OWNER = f"{_OWNED}={_HOST}.{os.getpid()}"
"""A label that tells which process a container belongs to."""

_SHARED_VOLUME = "act-toolcache"
_SHARED_NETWORKS = frozenset({"host", "bridge", "none"})


def remove(tools: Tools, label: str) -> None:
    """Remove every container with that label, and what act made for it alone. Nothing else is touched."""
    found = tools.docker_output("ps", "--all", "--quiet", "--no-trunc", f"--filter=label={label}").split()
    if not found:
        return
    volumes, networks = _belongings(tools.docker_output("inspect", *found))
    tools.docker_output("rm", "--force", "--volumes", *found)
    if volumes:
        tools.docker_output("volume", "rm", "--force", *volumes)
    for network in networks:
        tools.docker_output("network", "rm", network)


def remove_orphans(tools: Tools) -> None:
    """Remove what sandboxes of this machine have left that were killed before they could."""
    shown = '{{.Label "' + _OWNED + '"}}'
    owners = set(tools.docker_output("ps", "--all", f"--filter=label={_OWNED}", f"--format={shown}").split())
    for owner in owners:
        host, _, number = owner.rpartition(".")
        if host == _HOST and number.isdecimal() and not _is_alive(int(number)):
            remove(tools, f"{_OWNED}={owner}")


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another's, or no such question on this system
        return True
    return True


def _belongings(inspected: str) -> tuple[list[str], list[str]]:
    """Act's own volumes and networks of some containers, by its way to name them."""
    volumes: set[str] = set()
    networks: set[str] = set()
    for each in json.loads(inspected or "[]"):
        volumes |= {mount.get("Name", "") for mount in each.get("Mounts", []) if mount.get("Type") == "volume"}
        networks |= set((each.get("NetworkSettings") or {}).get("Networks") or {})
    mine = {each for each in volumes if _is_acts(each) and each != _SHARED_VOLUME}
    return sorted(mine), sorted(each for each in networks - _SHARED_NETWORKS if each.endswith("-network"))


def _is_acts(volume: str) -> bool:
    """`act-Workflow-job-…-<64 hex digits>`, with `-env` or without; a reusable workflow's begins the same."""
    name = volume.removesuffix("-env")
    return volume.startswith("act-") and len(name.rpartition("-")[2]) == 64  # noqa: PLR2004 - SHA-256 in hexadecimal
