"""Adding a repository: it is made known, and enabled on the side whose page it is: who adds one there wants that."""

from typing import Any, Literal

from starlette.responses import Response

from zekt_backend.console.ask import Refused
from zekt_backend.console.view import Page

Side = Literal["provider", "consumer"]


def form(page: Page, side: Side, refused: Refused | None = None) -> Response:
    """Asks for its name; what was refused is said above what was typed."""
    return page.render(
        f"{side}_add_repository.html",
        title="Add a repository",
        status=refused.status if refused else 200,
        typed=page.form.get("repository", ""),
        problem=refused.problem if refused else None,
    )


async def adopt(page: Page, side: Side) -> Any:
    """The repository as it is then.

    Raises:
        Refused: by the API; it may be known by then, and not enabled.
    """
    answer = await page.partly("POST", "/api/repositories", {"repository": page.form.get("repository", "").strip()})
    return (await page.partly("PUT", f"/api/repositories/{answer.body['id']}/{side}")).body
