"""Learn who signs in, with that person's own token: asked for once, used at once, kept nowhere.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
Blocking; belongs in a worker thread.
"""

import re
import time
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
import structlog
from requests.adapters import HTTPAdapter

from zekt_backend.errors import ZektError
from zekt_backend.github import bounded, members
from zekt_backend.github.client import API_VERSION, USER_AGENT, GitHubApp
from zekt_backend.github.connection import MAX_ANSWER, Reply
from zekt_backend.github.lookup import read
from zekt_backend.rules.people import Place, Visitor

MOST_INSTALLATIONS = 100
MOST_PAGES = 5
"""Of an installation's repositories, 100 each."""
PATIENCE = 45.0
"""Seconds for all that is asked while somebody signs in, beside the time that one answer may take."""

# Authlib has no type annotations. Its httpx client warns that httpx is on its way out, and requests is here already.
# It is loaded when somebody signs in: workers, and an API without people, never need it.
if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]

_Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
_Login = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
_Told = TypeVar("_Told")
log = structlog.get_logger()

_WORD = re.compile(r"[a-z_]{1,60}")


class _User(msgspec.Struct):
    id: _Id
    login: _Login


class _Account(msgspec.Struct):
    id: _Id
    login: _Login | None = None
    """An enterprise has none; no repository is an enterprise's."""
    type: str = "Organization"


class _Installation(msgspec.Struct):
    id: _Id
    account: _Account
    suspended_at: str | None = None


class _Installations(msgspec.Struct):
    installations: list[_Installation]


class _Levels(msgspec.Struct):
    admin: bool = False


class _Repository(msgspec.Struct):
    id: _Id
    permissions: _Levels = msgspec.field(default_factory=_Levels)


class _Repositories(msgspec.Struct):
    repositories: list[_Repository]


class SignIn:
    """The app's client at GitHub.

    Args:
        web_url: where people meet GitHub: https://github.com, or https://HOST.
        api_url: the REST API's root.
        timeout: seconds, for connecting and for each wait and body.
        app: tells who administers an organisation.
    """

    def __init__(
        self, *, client_id: str, client_secret: str, web_url: str, api_url: str, timeout: float, app: GitHubApp
    ) -> None:
        self._client_id = client_id
        self._client_secret = client_secret
        self._web_url = web_url.rstrip("/")
        self._api_url = api_url.rstrip("/")
        self._timeout = timeout
        self._app = app

    def address(self, callback: str, state: str, verifier: str) -> str:
        """GitHub's page that asks whether somebody wants to sign in here. No scope is asked for."""
        with self._session(callback) as session:
            url, _ = session.create_authorization_url(
                f"{self._web_url}/login/oauth/authorize", state=state, code_verifier=verifier
            )
        return str(url)

    def visitor(self, code: str, verifier: str, callback: str) -> Visitor:
        """Who came back with this code.

        Raises:
            ZektError: `sign_in_failed`, `github_refused` or `github_unavailable`.
        """
        with self._session(callback) as session:
            self._exchange(session, code, verifier)
            return self._look(session)

    def visitor_by(self, token: str) -> Visitor:
        """The same for a token that there is already.

        Raises:
            ZektError: `github_refused` or `github_unavailable`.
        """
        with self._session(None, token={"access_token": token, "token_type": "bearer"}) as session:
            return self._look(session)

    def _session(self, callback: str | None, token: dict[str, str] | None = None) -> "OAuth2Session":
        from authlib.integrations.requests_client import OAuth2Session  # noqa: PLC0415

        session = OAuth2Session(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - the name of a method
            redirect_uri=callback,
            code_challenge_method="S256",
            default_timeout=self._timeout,
            token=token,
        )
        session.headers["User-Agent"] = USER_AGENT
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Bounded())
        return session

    def _exchange(self, session: "OAuth2Session", code: str, verifier: str) -> None:
        from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped] # noqa: PLC0415

        url = f"{self._web_url}/login/oauth/access_token"
        try:
            token = session.fetch_token(
                url, grant_type="authorization_code", code=code, code_verifier=verifier, allow_redirects=False
            )
        except OAuthError as error:
            # GitHub's word for it; what it adds may repeat what it was sent.
            word = str(error.error) if _WORD.fullmatch(str(error.error)) else "an error"
            raise ZektError("sign_in_failed", f"GitHub answered {word}. {_ADVICE.get(word, _AGAIN)}") from None
        except (requests.RequestException, ValueError) as error:
            raise _silent(error) from None
        if not isinstance(token.get("access_token"), str):
            host = urlsplit(self._web_url).netloc
            raise ZektError("github_refused", f"{host} gave no token. Check that ZEKT_GITHUB_URL is GitHub's address.")

    def _look(self, session: "OAuth2Session") -> Visitor:
        deadline = time.monotonic() + PATIENCE
        user = self._ask(session, "/user", _User, deadline)
        path = f"/user/installations?per_page={MOST_INSTALLATIONS}"
        found = self._ask(session, path, _Installations, deadline).installations
        places = (self._place(session, user, each, deadline) for each in found)
        return Visitor(user.id, user.login, tuple(place for place in places if place is not None))

    def _place(self, session: "OAuth2Session", user: _User, found: _Installation, deadline: float) -> Place | None:
        """None where GitHub does not tell: no installation may keep its people out of the others."""
        try:
            return self._told_place(session, user, found, deadline)
        except ZektError as error:
            if error.code != "github_refused":
                raise
            log.warning("installation_not_told", installation_id=found.id, why=error.detail)
            return None

    def _told_place(self, session: "OAuth2Session", user: _User, found: _Installation, deadline: float) -> Place | None:
        account = found.account
        # Of a suspended one GitHub tells nothing; whose own account it is needs no telling.
        if account.login is None or (found.suspended_at is not None and account.id != user.id):
            return None
        kind = "user" if account.type == "User" else "organization"
        owner = (
            account.id == user.id if kind == "user" else self._administers(user, found.id, (account.id, account.login))
        )
        administered: set[int] = set()
        for page in range(1, 1 if owner else MOST_PAGES + 1):
            path = f"/user/installations/{found.id}/repositories?per_page=100&page={page}"
            listed = self._ask(session, path, _Repositories, deadline).repositories
            administered |= {repository.id for repository in listed if repository.permissions.admin}
            if len(listed) < 100:  # noqa: PLR2004 - per_page
                break
        return Place(account.id, account.login, kind, found.id, owner, frozenset(administered))

    def _administers(self, user: _User, installation_id: int, organization: tuple[int, str]) -> bool:
        try:
            return members.administers(
                self._app, installation_id, organization=organization, person=(user.id, user.login)
            )
        except ZektError as error:
            if error.code != "github_refused":
                raise
            # One organisation that withholds it must not keep its people out of the others.
            log.warning("membership_not_told", installation_id=installation_id, why=error.detail)
            return False

    def _ask(self, session: "OAuth2Session", path: str, kind: type[_Told], deadline: float) -> _Told:
        if time.monotonic() > deadline:
            raise ZektError("github_unavailable", "GitHub took too long to tell who you are.", retry_after=10)
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": API_VERSION}
        try:
            answer = session.get(self._api_url + path, headers=headers, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:
            raise _silent(error) from None
        lower = {name.lower(): value for name, value in answer.headers.items()}
        reply = Reply(answer.status_code, lower, answer.content.decode(errors="replace"))
        return read(reply, kind, self._app, "who signs in", advice=_OTHER_CLIENT)


class _Bounded(HTTPAdapter):
    """No answer is read longer, or further, than it deserves."""

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        timeout = kwargs.get("timeout")
        response = super().send(request, *args, **{**kwargs, "stream": True})  # type: ignore[arg-type] # handed on
        seconds = timeout if isinstance(timeout, int | float) else PATIENCE
        response._content = bounded.read(response, most=MAX_ANSWER, deadline=time.monotonic() + seconds)  # noqa: SLF001
        return response


def _silent(error: Exception) -> ZektError:
    return ZektError("github_unavailable", f"GitHub did not answer: {type(error).__name__}.", retry_after=10)


_AGAIN = "Sign in again."
_ADVICE = {
    "incorrect_client_credentials": "Whoever runs this broker sets ZEKT_OAUTH_CLIENT_ID and its secret anew.",
    "redirect_uri_mismatch": "Whoever runs this broker registers the callback URL that docs/github-app.md names.",
    "bad_verification_code": "It was used before, or is older than ten minutes: sign in again.",
    "unverified_user_email": "GitHub wants your primary e-mail address verified first: Settings > Emails.",
}
_OTHER_CLIENT = {
    403: "ZEKT_OAUTH_CLIENT_ID must be the client id of the GitHub App itself, not that of an OAuth app: only the"
    " App's own tells which of its installations somebody sees.",
}
