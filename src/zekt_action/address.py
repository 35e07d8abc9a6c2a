"""Where the broker is: an address to which a token may be sent. Standard library only, Python 3.9."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from zekt_action.errors import ActionError

_SAME_MACHINE = {"localhost", "host.docker.internal", "gateway.docker.internal"}

# Printable ASCII. A backslash is a slash to some readers and not to others, so the host would be in doubt.
_URL = re.compile(r"[!-\[\]-~]+")


def check(url: str) -> str:
    """Return the broker's address without a trailing slash.

    Raises:
        ActionError: `api_url_missing`, or `api_url_invalid`: not http(s), plain http to another machine, with
            a password, query or fragment. The address itself is not repeated: a password may stand in it.
    """
    if not url:
        raise ActionError("api_url_missing", "`zekt-api-url` is empty, and so is ZEKT_API_URL.")
    if not _URL.fullmatch(url):
        raise ActionError("api_url_invalid", "The address has spaces or other characters that no address has.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ActionError("api_url_invalid", "The address cannot be read.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ActionError("api_url_invalid", "The address must start with https:// and name a host.")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ActionError("api_url_invalid", "The address must have no user, password, query or fragment.")
    if parts.scheme == "http" and not _on_this_machine(host):
        raise ActionError("api_url_invalid", "The address is plain http to another machine.")
    return url.rstrip("/")


def may_carry_a_token(url: str) -> bool:
    """Whether a token may be sent to this URL, which may have a query: https, or http on the same machine."""
    if not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _on_this_machine(host))


def _on_this_machine(host: str) -> bool:
    if host in _SAME_MACHINE or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
