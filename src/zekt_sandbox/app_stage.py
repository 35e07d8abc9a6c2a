"""What owners do to the app's installations and to their repositories, and the app's webhooks that tell of it."""

import inspect
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from zekt_sandbox import app_events, shapes
from zekt_sandbox.letters import HookDelivery
from zekt_sandbox.repositories import Repository
from zekt_sandbox.world import World

Told = list[HookDelivery]

EVENTS = ("workflow_run", "repository", "installation_target")
"""That the app asks for; of its installations it hears without asking."""

_new_installations = count(90_001)


class AppStage:
    """Each method changes the world, tells the app's webhook (blocks until it answered) and gives its deliveries.

    Repositories are named `owner/name`.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._repositories = world.repositories
        self._changes: dict[str, Callable[..., Told]] = {
            "suspend": self.suspend,
            "unsuspend": self.unsuspend,
            "uninstall": self.uninstall,
            "install": self.install,
            "select": self.select,
            "deselect": self.deselect,
            "rename": self.rename,
            "transfer": self.transfer,
            "delete": self.delete,
            "rename_owner": self.rename_owner,
            "ping": self.ping,
        }

    def change(self, change: str, **given: Any) -> Told:
        """One of the changes below, by its name.

        Raises:
            ValueError: it takes other arguments than those that were given.
        """
        method = self._changes[change]
        try:
            inspect.signature(method).bind(**given)
        except TypeError as wrong:
            raise ValueError(f"{change}: {wrong}") from wrong
        return method(**given)

    def suspend(self, repository: str) -> Told:
        """The installation that covers it."""
        number = self._repositories.get(repository).installation_id
        self._repositories.suspend(number, True)
        return self._installation(number, "suspend")

    def unsuspend(self, repository: str) -> Told:
        number = self._repositories.get(repository).installation_id
        self._repositories.suspend(number, False)
        return self._installation(number, "unsuspend")

    def uninstall(self, repository: str) -> Told:
        """Of the owner of that repository; the repositories stay."""
        number = self._repositories.get(repository).installation_id
        told, covered = self._told(number), self._repositories.of_installation(number)
        self._repositories.uninstall(number)
        for each in covered:
            self._repositories.change(each, installation_id=0)
        return self._send("installation", app_events.installation(told, "deleted", covered))

    def install(self, repository: str, installation_id: int | None = None) -> Told:
        """On this repository alone; a new installation has a new id, always."""
        number = installation_id or next(_new_installations)
        self._repositories.install(number, self._repositories.get(repository))
        self._repositories.change(self._repositories.get(repository), installation_id=number)
        return self._installation(number, "created")

    def select(self, repository: str, installation_id: int) -> Told:
        """Add it to an installation of its owner."""
        self._repositories.touch(installation_id)
        made = self._repositories.change(self._repositories.get(repository), installation_id=installation_id)
        return self._selection(installation_id, added=[made])

    def deselect(self, repository: str) -> Told:
        """Take it out of its installation."""
        old = self._repositories.get(repository)
        self._repositories.touch(old.installation_id)
        self._repositories.change(old, installation_id=0)
        return self._selection(old.installation_id, removed=[old])

    def rename(self, repository: str, to: str) -> Told:
        """`to` is a name without its owner."""
        old = self._repositories.get(repository)
        made = self._repositories.rename(old, f"{old.owner}/{to}")
        return self._repository(made, "renamed", {"repository": {"name": {"from": old.name}}})

    def transfer(self, repository: str, to: str) -> Told:
        """To the owner `to`. The old one's installation loses it; the new one's, if there is one, is told of it."""
        old = self._repositories.get(repository)
        made = self._repositories.rename(old, f"{to}/{old.name}")
        told = self._selection(old.installation_id, removed=[old])
        if not made.installation_id:
            return told
        before = {"owner": {"from": {"organization": shapes.owner(old), "user": None}}}
        told += self._selection(made.installation_id, added=[made])
        return told + self._repository(made, "transferred", before)

    def delete(self, repository: str) -> Told:
        old = self._repositories.get(repository)
        self._repositories.remove(old)
        return self._repository(old, "deleted")

    def rename_owner(self, repository: str, to: str) -> Told:
        """The owner of that repository, with all that is its own."""
        old = self._repositories.get(repository)
        self._repositories.rename_owner(old.owner, to)
        told = self._told(old.installation_id)
        return self._send("installation_target", app_events.installation_target(told, old.owner))

    def ping(self) -> Told:
        """As GitHub does when the app's webhook is made."""
        hook = self._world.hooks.app_hook()
        return [self._world.hooks.ping(hook)] if hook else []

    def _told(self, number: int) -> dict[str, Any]:
        return shapes.installation(self._repositories, number, self._world.url)

    def _installation(self, number: int, action: str) -> Told:
        covered = self._repositories.of_installation(number)
        return self._send("installation", app_events.installation(self._told(number), action, covered))

    def _selection(self, number: int, *, added: Sequence[Repository] = (), removed: Sequence[Repository] = ()) -> Told:
        body = app_events.installation_repositories(self._told(number), added=added, removed=removed)
        return self._send("installation_repositories", body)

    def _repository(self, about: Repository, action: str, changes: dict[str, Any] | None = None) -> Told:
        body = app_events.repository(self._repositories, about, action, self._world.url, changes=changes)
        return self._send("repository", body, about)

    def _send(self, event: str, body: dict[str, Any], about: Repository | None = None) -> Told:
        return self._world.hooks.send(event, body, about, app_only=True)
