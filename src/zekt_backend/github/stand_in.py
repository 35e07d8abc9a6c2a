"""The sandbox instead of GitHub: is it that, and who somebody is there. Blocking; belongs in a worker thread."""

import ipaddress
from urllib.parse import quote, urlsplit

import msgspec
import requests

from zekt_backend.errors import ZektError
from zekt_backend.github.sign_in import SignIn
from zekt_backend.rules.people import Visitor

_MOST = 65_536


class _Root(msgspec.Struct):
    zekt_sandbox: bool = False


class _Token(msgspec.Struct):
    token: str


def is_possible(api_url: str, host: str, public_url: str) -> bool:
    """Whether GitHub's API is said to be on this machine, and nobody reaches the broker but from this machine.

    Of GitHub addresses alone count: a name may lead anywhere.
    """
    ours = (host, urlsplit(public_url).hostname or "")
    return _is_loopback(urlsplit(api_url).hostname or "") and all(
        name == "localhost" or _is_loopback(name) for name in ours
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Person(msgspec.Struct):
    """Of the sandbox: `organizations` tells a role by the organisation's login."""

    login: str
    organizations: dict[str, str] = {}


class _People(msgspec.Struct):
    people: list[Person]


class StandIn:
    """Its `api_url` is on loopback, see `is_possible`; `timeout` in seconds."""

    def __init__(self, *, api_url: str, timeout: float, sign_in: SignIn) -> None:
        self._api_url = api_url.rstrip("/")
        self._timeout = timeout
        self._sign_in = sign_in

    def is_sandbox(self) -> bool:
        """Asked each time: another program may have taken its place. GitHub's own root has no such member."""
        try:
            with self._session() as session:
                answer = session.get(f"{self._api_url}/", timeout=self._timeout, allow_redirects=False)
                return answer.ok and msgspec.json.decode(answer.content[:_MOST], type=_Root).zekt_sandbox
        except (requests.RequestException, msgspec.DecodeError, ValueError):
            return False

    def people(self) -> list[Person]:
        """Whom somebody can be here; nobody where it does not say."""
        try:
            with self._session() as session:
                answer = session.get(f"{self._api_url}/_sandbox/people", timeout=self._timeout, allow_redirects=False)
                return msgspec.json.decode(answer.content[:_MOST], type=_People).people
        except (requests.RequestException, msgspec.DecodeError):
            return []

    def visitor(self, login: str) -> Visitor:
        """Somebody of the sandbox's people, as if signed in there.

        Raises:
            ZektError: `not_found`; `github_refused` or `github_unavailable`.
        """
        path = f"/_sandbox/people/{quote(login, safe='')}/tokens"
        try:
            with self._session() as session:
                answer = session.post(self._api_url + path, timeout=self._timeout, allow_redirects=False)
                if answer.status_code == requests.codes.not_found:
                    raise ZektError("not_found", "The sandbox has no such person: PUT /_sandbox/people makes one.")
                token = msgspec.json.decode(answer.content[:_MOST], type=_Token).token
        except (requests.RequestException, msgspec.DecodeError) as error:
            text = f"The sandbox did not answer: {type(error).__name__}."
            raise ZektError("github_unavailable", text, retry_after=1) from None
        return self._sign_in.visitor_by(token)

    def _session(self) -> requests.Session:
        session = requests.Session()
        # A proxy would answer for somebody else.
        session.trust_env = False
        return session
