"""Where a notice may be sent: an account's owner chose the address, and it may lead anywhere. Pure."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from zekt_backend.errors import ZektError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_CHARACTERS = 2_000

_PORT, _FIRST_FREE_PORT = 443, 1024
"""Below 1024 listen services that have nothing to do with webhooks; 443 alone is meant for them."""
_FORM = re.compile(r"https?://[!-~]+", re.IGNORECASE)
"""Visible ASCII only: what else readers make of a name or a path is theirs to encode."""
_PLACE = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:%]*)(?::[0-9]{1,5})?")
"""A host and perhaps its port, and nothing beside them that one reader skips and another takes for the host."""
_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*\.?")

# https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast.
_SPECIAL_4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Of IPv6 only global unicast, which leaves out ::1, IPv4-mapped, NAT64, fc00::/7, fe80::/10 and multicast; and of that
# not what is special, or has an IPv4 address inside (Teredo, 6to4).
# https://www.iana.org/assignments/iana-ipv6-special-registry
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_6 = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)


@dataclass(frozen=True, slots=True)
class Target:
    """A web address, taken apart."""

    secure: bool
    host: str
    port: int
    path: str
    """With its query."""

    @property
    def local(self) -> bool:
        """Says of itself that it is on this machine."""
        address = _literal(self.host)
        return self.host == "localhost" if address is None else address.is_loopback


def target(url: str, allowed: Sequence[Network]) -> Target:
    """The address, if a notice could be sent there; where a name leads is seen when it is connected to.

    `http:` and this machine itself are for development: whoever sends asks whether this is that.

    Raises:
        ZektError: `body_invalid`, with the reason.
    """
    if len(url) > MOST_CHARACTERS or not _FORM.fullmatch(url) or "\\" in url:
        raise _refused(f"it must be https://host/path, in at most {MOST_CHARACTERS:,} visible ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("it cannot be read as an address") from None
    if parts.username is not None or parts.password is not None:
        raise _refused("user and password do not belong into it; the signature tells who sends")
    if not _PLACE.fullmatch(parts.netloc):
        raise _refused("between // and the path it must be just host, host:port or [IPv6 address]:port")
    if "#" in url:
        raise _refused("a fragment (#…) is never sent: leave it out")
    host = (parts.hostname or "").rstrip(".")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    secure = parts.scheme == "https"
    found = Target(secure, host, port if port is not None else _PORT if secure else 80, path)
    _check(found, allowed)
    return found


def _check(found: Target, allowed: Sequence[Network]) -> None:
    address = _literal(found.host)
    if address is None and not _NAME.fullmatch(found.host):
        raise _refused("its host is neither a name nor an address")
    if address is None and re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", found.host.rpartition(".")[2]):
        raise _refused("its host is an address in an unusual spelling")
    if not found.secure and not found.local:
        raise _refused("it must be https: the notice must not cross a network in the open")
    if found.port != _PORT and found.port < _FIRST_FREE_PORT:
        raise _refused(f"its port must be {_PORT}, or {_FIRST_FREE_PORT} and higher")
    if address is not None and not found.local and (why := refusal(str(address), allowed)) is not None:
        raise _refused(why)


def only_in_development(found: Target, allowed: Sequence[Network]) -> bool:
    """Whether only a broker whose GitHub is the sandbox sends there: to its own machine, or in the open."""
    address = _literal(found.host) or "127.0.0.1"
    return found.local and (not found.secure or refusal(str(address), allowed) is not None)


def origin(url: str) -> str:
    """An address without its path and query, which may hold what is nobody else's to know."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def refusal(address: str, allowed: Sequence[Network], *, local: bool = False) -> str | None:
    """Why nothing is sent to this IP address; None where something may be. `local`: this machine is meant."""
    found = _literal(address.partition("%")[0])
    if found is None:
        return f"{address!a} is no IP address"
    if any(found in network for network in allowed) or (local and found.is_loopback):
        return None
    if isinstance(found, ipaddress.IPv4Address):
        public = not any(found in network for network in _SPECIAL_4)
    else:
        public = found in _GLOBAL_6 and not any(found in network for network in _SPECIAL_6)
    return None if public else f"{found} is not on the public internet (ZEKT_NOTICE_ALLOWED_NETWORKS allows networks)"


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refused(why: str) -> ZektError:
    return ZektError("body_invalid", f"url: {why}.")
