"""What the management API's requests have in common: camelCase, nothing unknown, one page at a time."""

import re
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request

from zekt_backend.api import bodies
from zekt_backend.rules.access import not_yours

_LARGEST_ID = 2**63 - 1


class Shape(BaseModel):
    """A request of the management API. An unknown field is refused: it is usually a typo."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Page(Shape):
    """Query parameters of a listing; `before` is the `next` of the page before."""

    limit: int = Field(default=50, ge=1, le=500)
    before: int | None = Field(default=None, ge=1, le=_LARGEST_ID)


Query = TypeVar("Query", bound=BaseModel)


def query(model: type[Query], request: Request) -> Query:
    """The query parameters as a model.

    Raises:
        ZektError: `body_invalid`, naming the parameter and the reason.
    """
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise bodies.invalid(error) from None


def etag(version: int) -> dict[str, str]:
    """The header that says which version an answer shows."""
    return {"ETag": f'"{version}"'}


def if_match(request: Request) -> int | None:
    """The version that the caller has seen; None when any will do.

    What is no version of ours matches none: 0, which no row has.
    """
    given = request.headers.get("if-match", "*").strip()
    if given == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"([0-9]{1,9})"', given)
    return int(found[1]) if found else 0


def number(request: Request, name: str) -> int:
    """An id of ours out of the path.

    Raises:
        ZektError: `not_yours` when it cannot be one.
    """
    text = request.path_params[name]
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(_LARGEST_ID)) + 1 and int(text) <= _LARGEST_ID):
        raise not_yours()
    return int(text)
