"""Faults on demand: each is taken once (or `times` often) by the first request it fits."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

_REQUEST_KINDS = frozenset(
    {
        "status",  # answer `status` and `body`, doing nothing
        "hang",  # say nothing for `seconds`, then close
        "cut",  # close the TCP connection without an answer
        "accept_then_cut",  # do what was asked, then close without an answer
        "accept_then_status",  # do what was asked, then answer `status`
        "accept_then_hang",  # do what was asked, then say nothing for `seconds` and close
        "rate_limit",  # a secondary limit: 403 (or `status` 429) with retry-after: `seconds`
        "rate_limit_primary",  # x-ratelimit-remaining: 0, and a reset in `seconds`
    }
)
_WEBHOOK_KINDS = frozenset(
    {
        "drop",  # never sent; the delivery log shows it as failed, without a status code
        "lose",  # never sent, and not in the log either: only the run itself can tell
        "duplicate",  # sent twice with the same guid
        "hang",  # sent only after `seconds`
    }
)
KINDS: Mapping[str, frozenset[str]] = {
    "dispatch": _REQUEST_KINDS,
    "rest": _REQUEST_KINDS,
    "oidc": _REQUEST_KINDS,
    "jwks": _REQUEST_KINDS,
    "webhook": _WEBHOOK_KINDS,
}
"""Where a fault may strike, and what may happen there. `oidc` is discovery and the token endpoint."""


@dataclass(slots=True)
class Fault:
    """One planned misfortune. None: for ever, of any `repository`, `method` or `path`. `used`: how often it struck."""

    id: int
    where: str
    kind: str
    repository: str | None = None
    times: int | None = 1
    status: int | None = None
    seconds: float = 60.0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    method: str | None = None
    path: str | None = None
    used: int = 0

    def fits(self, where: str, repository: str | None, method: str | None, path: str | None) -> bool:
        if self.method not in {None, method} or self.path not in {None, path}:
            return False
        if self.where != where or (self.times is not None and self.used >= self.times):
            return False
        return self.repository is None or self.repository.lower() == (repository or "").lower()


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._ids = count(1)

    def add(
        self,
        *,
        where: str,
        kind: str,
        repository: object | None = None,
        method: str | None = None,
        path: str | None = None,
        times: int | None = 1,
        status: int | None = None,
        seconds: float = 60.0,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Fault:
        """Plan a fault; the first one added that fits a request is taken.

        Args:
            where: a key of `KINDS`.
            kind: one of `KINDS[where]`; each is explained there.
            repository: `owner/name`, or None for any.
            method: GET, POST …, or None for any.
            path: of the request, such as `/app/installations`, or None for any.
            times: how many requests it hits; None for all.
            status: HTTP status where the kind answers (default 500; 403 for the rate limits).
            seconds: how long a hang lasts, or a rate limit asks to wait.
            headers: further response headers.
            body: the JSON to answer with; GitHub's usual shape when None.

        Raises:
            ValueError: no such place, or no such kind there.
        """
        if where not in KINDS:
            raise ValueError(f"where must be one of {', '.join(sorted(KINDS))}, not {where!r}")
        if kind not in KINDS[where]:
            raise ValueError(f"at {where} a fault may be {', '.join(sorted(KINDS[where]))}, not {kind!r}")
        named = None if repository is None else str(repository)
        with self._lock:
            fault = Fault(
                next(self._ids), where, kind, named, times, status, seconds, dict(headers or {}), body, method, path
            )
            self._faults.append(fault)
        return fault

    def take(
        self, where: str, repository: str | None, method: str | None = None, path: str | None = None
    ) -> Fault | None:
        """The first fault that fits, counted as used; None when all is well."""
        with self._lock:
            fault = next((f for f in self._faults if f.fits(where, repository, method, path)), None)
            if fault is not None:
                fault.used += 1
        return fault

    def all(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()
