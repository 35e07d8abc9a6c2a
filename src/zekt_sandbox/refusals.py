"""GitHub's way of saying no: a status, a message in its own words, and where to read more."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

DOCUMENTATION = "https://docs.github.com/rest"


class Refused(Exception):  # noqa: N818 - it is GitHub's answer, not an error of ours
    """An answer of 4xx, raised anywhere while a request is handled.

    Args:
        status: the HTTP status.
        message: GitHub's own text where one is known.
        headers: further response headers.
        errors: what exactly does not fit, as a 422 lists it.
    """

    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, *, errors: Sequence[Any] = ()
    ) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.errors = list(errors)


def refusal_body(status: int, message: str) -> dict[str, Any]:
    """The JSON that GitHub answers with; its `status` is a string (https://docs.github.com/rest/using-the-rest-api)."""
    return {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}


async def answer_refusal(_request: Request, error: Exception) -> JSONResponse:
    """The exception handler for `Refused`."""
    if not isinstance(error, Refused):
        raise error
    body = refusal_body(error.status, error.message)
    return JSONResponse(body | ({"errors": error.errors} if error.errors else {}), error.status, error.headers)
