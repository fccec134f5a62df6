"""The files under static/: known by name, sent with an ETag, compressed once."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from dashboards.etags import still_holds
from service.errors import NotFound

ROOT = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".md": "text/plain; charset=utf-8",
    "": "text/plain; charset=utf-8",
}
WORTH_COMPRESSING_BYTES = 1024
FOREVER = "public, max-age=31536000, immutable"
PLOTLY = "vendor/plotly/plotly-cartesian-4.1.1.min.js"
STYLE_SHEET = "site.css"
"""All style sheets as one file: nothing is painted before the last of them is there."""
STYLE_SHEETS = (
    "style.css",
    "figures.css",
    "datasets.css",
    "compare.css",
    "summary.css",
    "forms.css",
    "gallery.css",
    "live.css",
    "narrow.css",
    "print.css",
)
"""In the order in which they apply."""
_IMPORT = re.compile(r"""^import (?:.* from )?"/static/(.+)";$""", re.MULTILINE)

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Asset:
    """One file as it is sent."""

    body: bytes
    compressed: bytes
    etag: str
    media_type: str
    cache_control: str


@cache
def asset_names() -> frozenset[str]:
    """Every file below static/: nothing else can be asked for."""
    files = (path for path in ROOT.rglob("*") if path.is_file() and path.suffix in MEDIA_TYPES)
    return frozenset(path.relative_to(ROOT).as_posix() for path in files)


@cache
def read_asset(name: str) -> Asset:
    """A file by its name below static/; it is read and compressed once. Raises NotFound."""
    if name == STYLE_SHEET:
        body = b"\n".join((ROOT / sheet).read_bytes() for sheet in STYLE_SHEETS)
    elif name in asset_names():
        body = (ROOT / name).read_bytes()
    else:
        raise NotFound("there is no such file", "reload the page")
    vendored = name.startswith("vendor/") and name.endswith(".js")
    return Asset(
        body=body,
        compressed=gzip.compress(body, 6, mtime=0) if len(body) > WORTH_COMPRESSING_BYTES else b"",
        etag=f'"{hashlib.sha256(body).hexdigest()[:24]}"',
        media_type=MEDIA_TYPES[Path(name).suffix],
        # Vendored files carry their version in their names; ours are asked about every time.
        cache_control=FOREVER if vendored else "no-cache",
    )


@cache
def modules_of(entry: str) -> tuple[str, ...]:
    """The script and all that it imports, so that a browser need not find one after the other."""
    found = [entry]
    for name in found:  # it grows
        text = (ROOT / name).read_text()
        found += [other for other in _IMPORT.findall(text) if other not in found]
    return tuple(found)


@router.get("/static/{name:path}")
def get_asset(name: str, request: Request) -> Response:
    """A script, the style sheet, the icon."""
    asset = read_asset(name)
    headers = {
        "ETag": asset.etag,
        "Cache-Control": asset.cache_control,
        "Vary": "Accept-Encoding",
    }
    if still_holds(request.headers.get("if-none-match"), asset.etag):
        return Response(status_code=304, headers=headers)
    if asset.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, media_type=asset.media_type, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)
