"""Style and scripts: ours and htmx, no one else's. Addressed by their content, so that browsers keep them for good."""

import hashlib
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from zekt_backend.broker import Broker

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def _read() -> dict[str, tuple[bytes, str]]:
    """By name: bytes and content type."""
    folder = files("zekt_backend.console") / "static"
    found = {}
    for file in folder.iterdir():
        kind = _TYPES.get("." + file.name.rpartition(".")[2])
        if kind:
            found[file.name] = (file.read_bytes(), kind)
    return found


_FILES = _read()
_DIGESTS = {name: hashlib.sha256(raw).hexdigest()[:12] for name, (raw, _) in _FILES.items()}


def address(name: str) -> str:
    return f"/static/{_DIGESTS[name]}/{name}"


async def serve(request: Request, _broker: Broker) -> Response:
    name = request.path_params["name"]
    if name not in _FILES or request.path_params["digest"] != _DIGESTS[name]:
        raise HTTPException(404)
    raw, kind = _FILES[name]
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(raw, media_type=kind, headers=headers)
