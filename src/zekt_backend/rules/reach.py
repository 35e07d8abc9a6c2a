"""Does the app reach a repository, and if not: since when, why, and what to do about it? Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Reach:
    """A repository and the installation on it, as GitHub last told of them."""

    full_name: str
    installation_id: int | None
    removed_at: datetime | None = None
    removed_why: str | None = None
    """`deleted`, or `deselected`: no longer among the installation's repositories."""
    suspended_at: datetime | None = None
    uninstalled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Barrier:
    """What keeps the app out."""

    kind: str
    """`deleted`, `deselected`, `uninstalled`, `not_installed` or `suspended`."""
    what: str
    """A sentence without its subject, which may be one that the reader must not learn."""
    advice: str

    @property
    def passes(self) -> bool:
        """Whether it is expected to end, so that what waits is held and not ended."""
        return self.kind == "suspended"

    def of(self, name: str) -> str:
        """The whole sentence."""
        return f"{name} {self.what}. {self.advice}"


def barrier(reach: Reach) -> Barrier | None:
    """What keeps the app from this repository; None when nothing that we know of does."""
    if reach.removed_at is not None and reach.removed_why == "deleted":
        return Barrier("deleted", f"was deleted at GitHub on {_day(reach.removed_at)}", "Revoke the subscription.")
    if reach.removed_at is not None:
        return Barrier(
            "deselected",
            f"is since {_day(reach.removed_at)} not among the repositories of the app's installation: it was taken out,"
            " transferred or deleted",
            "An owner adds it under Settings > GitHub Apps > Configure > Repository access; the new owner of a"
            " transferred one installs the app.",
        )
    if reach.installation_id is None:
        what = "has no installation of the app"
        return Barrier("not_installed", what, "An owner installs it there, with contents: write.")
    if reach.uninstalled_at is not None:
        what = f"has no installation of the app any more: it was uninstalled on {_day(reach.uninstalled_at)}"
        return Barrier("uninstalled", what, "An owner installs it again (the app's page > Install App).")
    if reach.suspended_at is not None:
        what = f"has the app's installation suspended, since {_day(reach.suspended_at)}"
        return Barrier("suspended", what, "An owner clicks Settings > GitHub Apps > Configure > Unsuspend.")
    return None


def provider_barrier(reach: Reach | None) -> Barrier | None:
    """A provider needs no installation: its webhooks may come without. But one that ended has ended its part, too."""
    found = barrier(reach) if reach is not None else None
    return None if found is None or found.kind == "not_installed" else found


def between(provider: Reach | None, consumer: Reach) -> tuple[str, Barrier | None]:
    """What keeps a delivery from going on, and whose it is: the provider's name is not for the consumer to read."""
    if (own := barrier(consumer)) is not None:
        return consumer.full_name, own
    return "The provider's repository", provider_barrier(provider)


def unreachable(
    name: str, installation_id: int | None, found: Barrier | None, enabled: bool, as_consumer: bool
) -> str | None:
    """Why nothing can be dispatched to this consumer; None when something can."""
    if not enabled:
        return f"{name} is switched off."
    if not as_consumer:
        return f"{name} is not enabled as a consumer."
    if found is not None and found.kind != "not_installed":
        return found.of(name)
    missing = f"The app is not installed on {name}: install it there, with contents: write."
    return missing if installation_id is None else None


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
