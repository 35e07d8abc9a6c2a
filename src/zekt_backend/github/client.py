"""Speak to GitHub as the app, or as one of its installations.

PyGithub's `AppInstallationAuth` has no lock and mints one token per object, so every thread would mint its own; and
its errors hide what GitHub said. So the tokens are kept here, one per installation for all threads, and PyGithub is
asked for what it does well: the app's JWT and the requests.
"""

import logging
import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from urllib.parse import urlsplit

import jwt
import msgspec
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from github.Auth import AppAuth, Auth, Token
from github.Requester import Requester

from zekt_backend.clock import Clock, SystemClock
from zekt_backend.errors import ZektError
from zekt_backend.github.budget import APP, Budgets
from zekt_backend.github.connection import BoundRequester, Connection, Reply, ask, connect

API_VERSION = "2022-11-28"
USER_AGENT = "zekt"

HEADERS = {"User-Agent": USER_AGENT, "X-GitHub-Api-Version": API_VERSION}
"""Of requests that PyGithub does not make."""

MAX_TOKENS = 10_000
"""Installations whose tokens are kept, the least recently used leaving first."""

MARGIN = timedelta(minutes=2)
"""A token that ends sooner than this is not used any more. GitHub's live one hour."""


class TokenRefusedError(Exception):
    """GitHub answered the request for an installation's token with something else."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"GitHub refused a token: {reply.status}")
        self.reply = reply


class _Minted(msgspec.Struct):
    """https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app ."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    minted_at: datetime
    expires_at: datetime


class GitHubApp:
    r"""The app and its installations. Every method may be called from any thread, and blocks.

    Args:
        api_url: the REST API's root: https://api.github.com, or https://HOST/api/v3.
        app_id: the app's id, or its client id.
        private_key: RSA, as PEM; line breaks may be written as `\n`, as they often are in one-line settings.
        timeout: seconds, for connecting and for each wait for GitHub.
        clock: tells when tokens end. (The app's JWT is made anew for each request, by the system's clock.)

    Raises:
        ZektError: `settings_invalid`, when address or key cannot be used.
    """

    def __init__(
        self, *, api_url: str, app_id: str, private_key: str, timeout: float, clock: Clock | None = None
    ) -> None:
        self.api_url = _checked_url(api_url)
        key = _checked_key(private_key)
        self._app_auth = AppAuth(app_id, sign_func=lambda claims: jwt.encode(claims, key, algorithm="RS256"))
        self.timeout = timeout
        self._clock = clock or SystemClock()
        self.budgets = Budgets()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[Connection] = []
        self._tokens: OrderedDict[int, _Kept] = OrderedDict()
        self._minting: dict[int, Future[_Kept]] = {}
        # At DEBUG, PyGithub logs whole requests, and a dispatch carries somebody's message.
        logging.getLogger("github").setLevel(logging.INFO)

    def as_app(self) -> Requester:
        """For calls as the app itself. Belongs to the calling thread."""
        return self._requester(self._app_auth, APP)

    def requester(self, installation_id: int) -> Requester:
        """For calls as one installation, with a valid token: mints one if need be. Belongs to the calling thread.

        Make one for each call; it is cheap, since the thread's connection is shared.

        Raises:
            TokenRefusedError: GitHub answered, but not with a token.
            requests.RequestException: GitHub did not answer.
        """
        return self._requester(Token(self.token(installation_id)), installation_id)

    def forget(self, installation_id: int) -> bool:
        """Drop a token that GitHub no longer takes. True when it was an old one, so that a new one may help."""
        with self._lock:
            kept = self._tokens.pop(installation_id, None)
        return kept is not None and self._clock.now() - kept.minted_at > MARGIN

    def now(self) -> datetime:
        """The clock's time, for sorting answers."""
        return self._clock.now()

    def close(self) -> None:
        """Close the connections of all threads. The app must not be used afterwards."""
        with self._lock:
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()

    def _requester(self, auth: Auth, owner: int) -> Requester:
        return BoundRequester(
            self._connection(),
            partial(self.budgets.note, owner),
            auth=auth,
            base_url=self.api_url,
            timeout=self.timeout,
            user_agent=USER_AGENT,
            per_page=100,
            verify=True,
            # Every retry is ours, written down as an attempt; with PyGithub's own a 502 made 11 POSTs.
            retry=None,
            pool_size=None,
            # Pace is kept through the database, for all workers together.
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
            api_version=API_VERSION,
        )

    def _connection(self) -> Connection:
        """This thread's own: requests' sessions are not promised to be safe between threads."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self.api_url, self.timeout)
            with self._lock:
                self._connections.append(connection)
        return connection

    def token(self, installation_id: int) -> str:
        """The kept token, or a new one: minted by one thread, while the others that need it wait for that one.

        Raises:
            TokenRefusedError: GitHub answered, but not with a token.
            requests.RequestException: GitHub did not answer.
        """
        with self._lock:
            if (kept := self._kept(installation_id)) is not None:
                return kept
            waiting = self._minting.get(installation_id)
            minting: Future[_Kept] = waiting or self._minting.setdefault(installation_id, Future())
        if waiting is None:
            self._settle(installation_id, minting)
        return minting.result().token

    def kept_token(self, installation_id: int) -> str | None:
        """The token, where one is kept that is valid. Waits for nobody."""
        with self._lock:
            return self._kept(installation_id)

    def _kept(self, installation_id: int) -> str | None:
        """The same, by whoever holds the lock."""
        kept = self._tokens.get(installation_id)
        if kept is None or kept.expires_at - self._clock.now() <= MARGIN:
            return None
        self._tokens.move_to_end(installation_id)
        return kept.token

    def _settle(self, installation_id: int, minting: Future[_Kept]) -> None:
        """Mint, keep, and tell whoever waits. A failure is theirs too: nobody queues up behind a GitHub that hangs."""
        try:
            kept = self._mint(installation_id)
        except BaseException as error:  # noqa: BLE001 - handed on, to this thread among the others
            with self._lock:
                del self._minting[installation_id]
            minting.set_exception(error)
            return
        with self._lock:
            del self._minting[installation_id]
            self._tokens[installation_id] = kept
            while len(self._tokens) > MAX_TOKENS:
                self._tokens.popitem(last=False)
        minting.set_result(kept)

    def _mint(self, installation_id: int) -> _Kept:
        now = self._clock.now()
        reply = ask(self.as_app(), "POST", f"/app/installations/{installation_id}/access_tokens", {})
        if reply.status != requests.codes.created:
            raise TokenRefusedError(reply)
        try:
            minted = msgspec.json.decode(reply.text, type=_Minted)
        except (msgspec.DecodeError, RecursionError):
            # The text may hold a token, so it goes no further.
            raise TokenRefusedError(Reply(reply.status, reply.headers, "A token was promised, but not sent.")) from None
        return _Kept(minted.token, now, minted.expires_at)


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ZektError(
            "settings_invalid",
            "ZEKT_GITHUB_API_URL must be the root of GitHub's REST API: https://api.github.com, or"
            " https://HOST/api/v3 for GitHub Enterprise Server.",
        )
    return url.rstrip("/")


@lru_cache(maxsize=1)
def _checked_key(pem: str) -> RSAPrivateKey:
    """Read once in a process: that its primes are primes takes 60 ms to find out."""
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").strip().encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ZektError("settings_invalid", f"{_NO_KEY} ({type(error).__name__})") from None
    if not isinstance(key, RSAPrivateKey):
        raise ZektError("settings_invalid", _NO_KEY)
    return key


_NO_KEY = (
    "ZEKT_GITHUB_APP_PRIVATE_KEY is no RSA private key in PEM. Use the file that GitHub gives when you click"
    " 'Generate a private key' on the app's page, whole, from -----BEGIN to END-----."
)
