"""Send one `repository_dispatch`: exactly one POST, and an answer whatever happens."""

import asyncio
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import requests

from zekt_backend.github.client import HEADERS, GitHubApp, TokenRefusedError
from zekt_backend.github.failures import FAILURES, UnansweredError, failed, not_minted
from zekt_backend.rules import answers
from zekt_backend.rules.paths import is_repository_name
from zekt_backend.rules.records import Answer

if TYPE_CHECKING:
    from zekt_backend.github.posts import Posts


class Dispatcher:
    """Sends dispatches, as many at a time as it is asked to. Belongs to one event loop.

    Args:
        app: speaks as the installations, whose tokens it keeps.
        threads: where a new token is waited for.
    """

    def __init__(self, app: GitHubApp, threads: Executor) -> None:
        self._app, self._threads = app, threads
        self._posts: Posts | None = None
        self._minting: dict[int, asyncio.Future[str]] = {}

    def prepare(self) -> "Posts":
        """Load what sends, so that the first dispatch does not wait for it."""
        if self._posts is None:
            from zekt_backend.github.posts import Posts  # noqa: PLC0415 - 7 MB, and an API sends nothing

            app = self._app
            self._posts = Posts(api_url=app.api_url, timeout=app.timeout, headers=HEADERS)
        return self._posts

    async def send(self, *, installation_id: int, repository: str, body: dict[str, Any]) -> Answer:
        """POST `body` to `/repos/{repository}/dispatches`.

        https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event

        Never raises for what GitHub or the network does, and never sends twice. An answer about the installation's
        token is never ambiguous: nothing was dispatched.
        """
        if not is_repository_name(repository):
            nowhere = answers.from_response(404, {}, f"{repository} is not owner/name.", now=self._app.now())
            return replace(nowhere, http_status=None)
        try:
            token = await self._token(installation_id)
        except TokenRefusedError as refused:
            return not_minted(self._app, refused)
        except FAILURES as error:
            return replace(failed(error), ambiguous=False)
        try:
            reply = await self.prepare()(f"/repos/{repository}/dispatches", body, token=token)
        except UnansweredError as error:
            return answers.from_failure(error.kind, error.text)
        self._app.budgets.note(installation_id, reply.headers)
        answer = answers.from_response(reply.status, reply.headers, reply.text, now=self._app.now())
        if reply.status == requests.codes.unauthorized and self._app.forget(installation_id):
            # The kept token was revoked before its time (a new key, a changed permission): the next try mints another.
            return replace(answer, permanent=False)
        return answer

    async def _token(self, installation_id: int) -> str:
        """A token that is kept is there at once. Minting blocks: one thread waits for it, whoever else needs it."""
        kept = self._app.kept_token(installation_id)
        if kept is not None:
            return kept
        minting = self._minting.get(installation_id)
        if minting is None:
            mint = partial(self._app.token, installation_id)
            minting = asyncio.get_running_loop().run_in_executor(self._threads, mint)
            self._minting[installation_id] = minting
            minting.add_done_callback(partial(self._minted, installation_id))
        return await asyncio.shield(minting)

    def _minted(self, installation_id: int, minting: asyncio.Future[str]) -> None:
        del self._minting[installation_id]
        if not minting.cancelled():
            minting.exception()  # heard, though nobody may wait for it any more

    async def close(self) -> None:
        """Close the connections. Nothing may be sent afterwards."""
        if self._posts is not None:
            await self._posts.close()
