"""Ask GitHub for this job's own token: the only credential there is. Standard library only, Python 3.9.

https://docs.github.com/actions/reference/security/oidc
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from zekt_action import __version__, address
from zekt_action.errors import ActionError
from zekt_action.transport import NoAnswerError, Request, Transport
from zekt_action.tries import Deadline

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,16384}")


class TokenSource:
    """Where a job gets its tokens."""

    def __init__(self, url: str, secret: str, audience: str, *, fork: bool) -> None:
        """Ask nobody yet.

        Args:
            url: ACTIONS_ID_TOKEN_REQUEST_URL.
            secret: ACTIONS_ID_TOKEN_REQUEST_TOKEN.
            audience: of the tokens.
            fork: the run is of a fork's pull request, to which GitHub gives no tokens.
        """
        self.url, self.secret, self.audience, self.fork = url, secret, audience, fork

    def check(self) -> None:
        """Say at once, before any call, that no token can be had.

        Raises:
            ActionError: `oidc_unavailable`, or `oidc_fork`.
        """
        if self.url and self.secret:
            if not address.may_carry_a_token(self.url):
                raise ActionError("oidc_unavailable", "ACTIONS_ID_TOKEN_REQUEST_URL is no https address.")
            return
        if self.fork:
            raise ActionError("oidc_fork", "This run is of a pull request from a fork.")
        raise ActionError("oidc_unavailable", "The job has no ACTIONS_ID_TOKEN_REQUEST_URL and _TOKEN.")

    def fetch(self, send: Transport, deadline: Deadline, mask: Callable[[str], None]) -> str:
        """Return a new token. It lives five minutes, so each try gets its own.

        Raises:
            NoAnswerError: the token service did not answer, or not now.
            ActionError: `oidc_refused`.
        """
        joint = "&" if "?" in self.url else "?"
        url = f"{self.url}{joint}audience={quote(self.audience, safe='')}"
        headers = {"Accept": "application/json", "User-Agent": f"zekt-action/{__version__}"}
        try:
            answer = send(Request("GET", url, headers, self.secret), deadline.for_one_try())
        except NoAnswerError as error:
            raise NoAnswerError(f"GitHub's token service: {error}", "oidc_unreachable") from None
        if answer.temporary:
            raise NoAnswerError(f"GitHub's token service answered HTTP {answer.status}", "oidc_unreachable")
        token = answer.json().get("value")
        if not answer.ok or not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ActionError("oidc_refused", f"The token service answered HTTP {answer.status} without a token.")
        mask(token)
        return token
