"""repository_dispatch: GitHub's limits in GitHub's words, and everything that was ever asked for."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from zekt_sandbox.refusals import Refused
from zekt_sandbox.repositories import Repository

MAX_EVENT_TYPE_CHARACTERS = 100
MAX_TOP_LEVEL_PROPERTIES = 10
MAX_CLIENT_PAYLOAD_BYTES = 65_535
"""https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event: fewer than 64 KB. Whether that
counts bytes or characters is not documented; bytes of compact UTF-8 is the stricter reading."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One request for a repository_dispatch. `status` is what was answered; None when nothing was."""

    id: int
    repository: Repository
    event_type: str
    client_payload: Any
    body: bytes = field(repr=False)
    received_at: datetime
    installation_id: int | None
    accepted: bool
    status: int | None = None


def _invalid(reason: str) -> Refused:
    return Refused(422, f"Invalid request.\n\n{reason}")


def _event_type(fields: Mapping[str, Any]) -> str:
    if "event_type" not in fields:
        raise _invalid('"event_type" wasn\'t supplied.')
    value = fields["event_type"]
    if not isinstance(value, str):
        raise _invalid(f"For 'properties/event_type', {json.dumps(value)[:100]} is not a string.")
    if not value:
        raise _invalid("At least 1 characters are required; only 0 were supplied.")
    if len(value) > MAX_EVENT_TYPE_CHARACTERS:
        raise _invalid(f"Only {MAX_EVENT_TYPE_CHARACTERS} characters are allowed; {len(value)} were supplied.")
    return value


def _client_payload(fields: Mapping[str, Any]) -> dict[str, Any]:
    value = fields.get("client_payload", {})
    if not isinstance(value, dict):
        raise _invalid(f"For 'properties/client_payload', {json.dumps(value)[:100]} is not an object.")
    if len(value) > MAX_TOP_LEVEL_PROPERTIES:
        raise _invalid(f"No more than {MAX_TOP_LEVEL_PROPERTIES} properties are allowed; {len(value)} were supplied.")
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
    if len(written) > MAX_CLIENT_PAYLOAD_BYTES:
        raise Refused(422, "client_payload is too large.")
    return value


def parse(body: bytes) -> tuple[str, dict[str, Any]]:
    """The event type and the client payload of a request.

    Raises:
        Refused: 400 where it is not a JSON object, 422 where a limit is broken.
    """
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as unreadable:
        raise Refused(400, "Problems parsing JSON") from unreadable
    if not isinstance(fields, dict):
        raise Refused(400, "Body should be a JSON object")
    unknown = sorted(fields.keys() - {"event_type", "client_payload"})
    if unknown:
        raise _invalid(f'"{unknown[0]}" is not a permitted key.')
    return _event_type(fields), _client_payload(fields)


def _key(repository: Repository | None, refused: bool) -> tuple[int | None, bool]:
    return (repository.id if repository else None, refused)


class Dispatches:
    """Every request, in order; accepted ones wake who waits and call who asked to be called."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._kept: dict[tuple[int | None, bool], list[Dispatch]] = defaultdict(list)
        self._ids = count(1)
        self._callbacks: list[tuple[int, Callable[[Dispatch], object]]] = []
        self._threads: list[threading.Thread] = []

    def accept(self, repository: Repository, installation_id: int, body: bytes) -> Dispatch:
        """Check and keep one request.

        Raises:
            Refused: as `parse` says.
        """
        event_type, client_payload = parse(body)
        now = datetime.now(UTC)
        dispatch = Dispatch(
            next(self._ids), repository, event_type, client_payload, body, now, installation_id, True, 204
        )
        with self._changed:
            self._keep(dispatch)
            called = [callback for number, callback in self._callbacks if number == repository.id]
        for callback in called:
            self._call(callback, dispatch)
        return dispatch

    def refuse(self, repository: Repository, installation_id: int | None, body: bytes, status: int | None) -> None:
        """Keep a request that started nothing, for the tests that count tries."""
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            fields = None
        known = fields if isinstance(fields, dict) else {}
        dispatch = Dispatch(
            id=next(self._ids),
            repository=repository,
            event_type=str(known.get("event_type", "")),
            client_payload=known.get("client_payload", {}),
            body=body,
            received_at=datetime.now(UTC),
            installation_id=installation_id,
            accepted=False,
            status=status,
        )
        with self._changed:
            self._keep(dispatch)

    def on_accept(self, repository: Repository, callback: Callable[[Dispatch], object]) -> None:
        """Call `callback` with each accepted dispatch of a repository, in a thread of its own."""
        with self._changed:
            self._callbacks.append((repository.id, callback))

    def of(self, repository: Repository | None = None, *, refused: bool = False) -> list[Dispatch]:
        """What was accepted, oldest first; with `refused` also what was not."""
        with self._changed:
            return list(self._kept[_key(repository, refused)])

    def wait(
        self, repository: Repository | None, minimum: int, seconds: float, *, refused: bool = False
    ) -> list[Dispatch]:
        """Block until there are at least that many.

        Raises:
            TimeoutError: there were not, in that time.
        """
        with self._changed:
            kept = self._kept[_key(repository, refused)]
            if not self._changed.wait_for(lambda: len(kept) >= minimum, seconds):
                raise TimeoutError(f"{len(kept)} of {minimum} dispatches to {repository or 'any'} in {seconds} s")
            return list(kept)

    def join(self, seconds: float) -> None:
        """Let the callbacks' threads come to their end."""
        for thread in self._threads:
            thread.join(seconds)

    def _keep(self, dispatch: Dispatch) -> None:
        for place in (None, dispatch.repository):
            self._kept[_key(place, True)].append(dispatch)
            if dispatch.accepted:
                self._kept[_key(place, False)].append(dispatch)
        self._changed.notify_all()

    def _call(self, callback: Callable[[Dispatch], object], dispatch: Dispatch) -> None:
        thread = threading.Thread(target=callback, args=(dispatch,), name=f"dispatch-{dispatch.id}", daemon=True)
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()
