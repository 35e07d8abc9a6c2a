"""The JSON Schema of a service's messages: the one that counts, its versions, and the next."""

from starlette.responses import Response

from zekt_backend.console import view
from zekt_backend.console.ask import Refused
from zekt_backend.console.notices import Said
from zekt_backend.console.view import Page


@view.opened
async def one(page: Page) -> Response:
    return await _one(page)


async def _one(page: Page, refused: Refused | None = None) -> Response:
    path = f"/api/services/{page.request.path_params['slug']}"
    service = await page.api.get(path)
    asked = page.request.query_params
    shown = await page.api.get(f"{path}/schema", version=asked.get("version"))
    versions = await page.api.get(f"{path}/schemas", before=asked.get("before"), limit=10)
    return page.render(
        "provider_schema.html",
        title=f"Schema of {service['slug']}",
        status=refused.status if refused else 200,
        service=service,
        shown=shown,
        typed=page.form.get("schema", shown["given"] or ""),
        versions=versions,
        problem=refused.problem if refused else None,
    )


@view.opened
async def put(page: Page) -> Response:
    """The next version, byte for byte as it was typed; browsers write CRLF between lines."""
    text = page.form.get("schema", "").replace("\r\n", "\n")
    return await _write(page, "PUT", text.encode())


@view.opened
async def remove(page: Page) -> Response:
    return await _write(page, "DELETE", None)


async def _write(page: Page, method: str, body: bytes | None) -> Response:
    slug = page.request.path_params["slug"]
    try:
        answer = await page.partly(method, f"/api/services/{slug}/schema", body, version=page.version)
    except Refused as refused:
        return await _one(page, refused)
    number = answer.body["schemaVersion"]
    done = f"Messages of {slug} must fit version {number} from now on." if number else f"{slug} asks for no schema now."
    return page.leave(f"/provider/services/{slug}/schema", Said(done))
