"""Opens a page for whoever has signed in, renders it, and does what its forms ask."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from zekt_backend.api import bodies, problems, sessions
from zekt_backend.broker import Broker
from zekt_backend.console import nav, notices, static, words
from zekt_backend.console.ask import Answer, Api, Refused
from zekt_backend.console.notices import Said, Undo
from zekt_backend.errors import ZektError
from zekt_backend.rules.door import MAX_SCHEMA_BYTES
from zekt_backend.rules.people import is_local

HEADERS = {
    "Cache-Control": "no-store",
    # Not no-referrer: with it a browser's forms say `Origin: null`, which the API refuses.
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
if TYPE_CHECKING:
    from jinja2 import Environment

_MOST_FIELDS = 200
_MOST_FORM_BYTES = 6 * MAX_SCHEMA_BYTES + bodies.MAX_SMALL_BODY
"""The largest that is typed is a schema, of which a form has three bytes for most signs, and six for a line break."""
SIGN_IN = "/sign-in"

Handler = Callable[[Request, Broker], Awaitable[Response]]


class _SignInNeeded(Exception):  # noqa: N818 — it leads to a page, it is no fault
    pass


@cache
def _templates() -> "Environment":
    # When a page is first asked for: an API that shows none does without.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    made = Environment(
        loader=PackageLoader("zekt_backend.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = static.address
    made.filters.update(
        exact=words.exact,
        past=words.past,
        size=words.size,
        number=words.number,
        ms=words.milliseconds,
        seconds=words.seconds,
        percent=words.percent,
        web=words.web,
        json=words.as_json,
        cost=words.cost,
    )
    return made


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is being made, for the person `me` (what GET /api/me says)."""

    request: Request
    broker: Broker
    api: Api
    me: Mapping[str, Any]
    form: Mapping[str, str]
    """What a POST brought, the last of each name; empty for a GET."""

    def all(self, name: str) -> list[str]:
        """Every value of a form's field that may come several times."""
        return [value for key, value in self.request.state.fields if key == name]

    def manages(self, account: str, repository_id: int) -> bool:
        """Whether to show what changes that repository of that account; the API decides whoever asks."""
        right = next((each["right"] for each in self.me["accounts"] if each["login"] == account), None)
        return right in ("own", "manage") or (right == "read" and repository_id in self.me["repositories"])

    def owns(self, account: str) -> bool:
        return any(each["login"] == account and each["right"] == "own" for each in self.me["accounts"])

    @property
    def version(self) -> int | None:
        """Of what a form changes, as it was when the form was made; None where the form says none.

        For one that cannot be, 0: nothing is at it, so the API refuses.
        """
        text = self.form.get("version", "")
        number = number_of(text)
        return number if isinstance(number, int) else 0 if text else None

    @property
    def here(self) -> str:
        """This page's address with its query, to come back to."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def render(self, template: str, *, title: str, status: int = 200, **values: Any) -> Response:
        """The whole page; inside a dialog, where htmx asks for it, its content alone."""
        return show(self.request, self.broker, template, title=title, status=status, me=self.me, page=self, **values)

    def partly(self, method: str, path: str, body: Any = None, *, version: int | None = None) -> Awaitable[Answer]:
        """Ask the API to do something, for handlers that show their form again when it refuses."""
        return self.api.ask(method, path, body, version=version)

    async def act(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        done: str,
        back: str,
        undo: Undo | None = None,
        version: int | None = None,
    ) -> Response:
        """Ask the API to do something, then lead to `back`, which tells how it went.

        A form's field `back` comes first, where it is a path of ours.
        """
        try:
            await self.api.ask(method, path, body, version=version)
            said = Said(done, undo=undo)
        except Refused as error:
            if error.code == "session_refused":
                raise
            said = Said(str(error.problem.get("detail", "")), "bad", error.code)
        return self.leave(back, said)

    def leave(self, back: str, said: Said) -> Response:
        """To another page, which says this."""
        wanted = self.form.get("back", "")
        answer = RedirectResponse(wanted if is_local(wanted) else back, 303, headers=HEADERS)
        notices.leave(answer, self.broker, self.me["csrfToken"], said)
        return answer


def show(request: Request, broker: Broker, template: str, *, title: str, status: int = 200, **values: Any) -> Response:
    """A page for anybody, who need not have signed in."""
    dialog = request.headers.get("hx-target") == "dialog"
    now = broker.clock.now()
    me = values.pop("me", None)
    # What htmx asks for is a piece of a page, which has no room for it.
    tells = me is not None and "hx-request" not in request.headers
    said = notices.take(request, broker, me["csrfToken"]) if tells else values.pop("said", None)
    page = _templates().get_template(template)
    text = page.render(
        layout="dialog.html" if dialog else "page.html",
        title=title,
        path=request.url.path,
        said=said,
        me=me,
        groups=nav.groups(me, request.url.path) if me else (),
        ago=partial(words.ago, now=now),
        now=now,
        **values,
    )
    answer = HTMLResponse(text, status, headers=HEADERS)
    if tells:
        notices.forget(request, answer, broker)
    return answer


def number_of(text: str) -> int | str:
    """As typed, for JSON. What is no number, or too long for one, stays text: the API says what it has to be."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else text


def opened(handler: Callable[[Page], Awaitable[Response]]) -> Handler:
    """A handler of a page for people who have signed in; all others are led to where they can."""

    @wraps(handler)
    async def open_page(request: Request, broker: Broker) -> Response:
        me: Mapping[str, Any] | None = None
        try:
            page = await _open(request, broker)
            me = page.me
            return await handler(page)
        except _SignInNeeded:
            return _to_sign_in(request)
        except Refused as error:
            if error.code == "session_refused":
                return _to_sign_in(request)
            return problem(request, broker, error.status, error.problem, me)
        except ZektError as error:
            return problem(request, broker, error.kind.status, problems.described(error), me)

    return open_page


async def _open(request: Request, broker: Broker) -> Page:
    # A page is a person's; whoever has a token asks the API.
    if sessions.secret_of(request, broker) is None:
        raise _SignInNeeded
    me = await Api(request).get("/api/me")
    fields = await fields_of(request)
    request.state.fields = fields
    form = dict(fields)
    return Page(request, broker, Api(request, form.get("csrf", "")), me, form)


async def fields_of(request: Request) -> list[tuple[str, str]]:
    """A form's fields; none of anything but a POST.

    Raises:
        ZektError: `body_too_large`, `body_too_slow`.
    """
    if request.method != "POST":
        return []
    raw = await bodies.read(request, _MOST_FORM_BYTES)
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return []


def _to_sign_in(request: Request) -> Response:
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = path if request.method == "GET" and is_local(path) else "/"
    address = f"{SIGN_IN}?{urlencode({'next': back})}"
    if "hx-request" in request.headers:
        # htmx would follow a redirect and put the page into the middle of this one.
        return Response(status_code=204, headers={**HEADERS, "HX-Redirect": address})
    return RedirectResponse(address, 303, headers=HEADERS)


def problem(
    request: Request, broker: Broker, status: int, told: Mapping[str, Any], me: Mapping[str, Any] | None = None
) -> Response:
    """A page of a refusal (RFC 9457)."""
    title = str(told.get("title", "That did not work"))
    return show(request, broker, "problem.html", title=title, status=status, problem=told, me=me)
