"""A figure as a file: HTML, PNG, SVG and CSV; what routes of figures share."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query, Response

from dashboards.assets import ROOT
from dashboards.figures.figure import Table
from dashboards.figures.standalone import Caption, standalone_page
from dashboards.figures.theme import dress
from service import __version__
from service.api.dependencies import Container, table_as_csv
from service.domain.figure_files import (
    DEFAULT_SCALE,
    DEFAULT_WIDTH,
    HEIGHT,
    MAX_PIXELS,
    MEDIA_TYPES,
    SCALE,
    WIDTH,
    FigureFormat,
    Looks,
    Theme,
)
from service.errors import Conflict, InvalidRequest

PLOTLY_FILE = ROOT / "vendor" / "plotly" / "plotly-strict-4.1.1.min.js"
CSP = "sandbox; default-src 'none'"
"""Of what is answered: it is a download, and no page of ours."""

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_FILE = {"schema": {"type": "string", "format": "binary"}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "ETag": {"description": "For If-None-Match.", "schema": {"type": "string"}},
            "Content-Disposition": {
                "description": "The file's name; of all but JSON.",
                "schema": {"type": "string"},
            },
        },
        "description": "The figure in the format that was asked for; all but JSON as a download.",
        "content": {
            "text/html": _FILE,
            "image/png": _FILE,
            "image/svg+xml": _FILE,
            "text/csv": _FILE,
        },
    },
    304: {"description": "Nothing has happened since the ETag that was sent."},
    409: {"description": "There is nothing to draw yet: JSON says so, too.", "content": _PROBLEM},
    501: {
        "description": "PNG and SVG need kaleido and Chromium on the server.",
        "content": _PROBLEM,
    },
}


class Wanted(NamedTuple):
    """What a request asks for."""

    form: FigureFormat
    looks: Looks

    @property
    def key(self) -> str:
        """Names everything that an answer depends on besides the figure."""
        return "/".join(map(str, (self.form, *self.looks)))


def read_wanted(
    form: Annotated[
        FigureFormat,
        Query(
            alias="format",
            description="`json`: Plotly JSON; `html`: a page of its own that needs no network; "
            "`png`, `svg`: a picture; `csv`: every row of the data behind it.",
        ),
    ] = "json",
    width: Annotated[
        int | None,
        Query(ge=WIDTH[0], le=WIDTH[1], description="CSS pixels, of html, png, svg."),
    ] = None,
    height: Annotated[
        int | None,
        Query(ge=HEIGHT[0], le=HEIGHT[1], description="CSS pixels; empty: as it needs."),
    ] = None,
    scale: Annotated[
        float, Query(ge=SCALE[0], le=SCALE[1], description="Pixels of a PNG for each CSS pixel.")
    ] = DEFAULT_SCALE,
    theme: Annotated[Theme, Query(description="Of html, png, svg.")] = "light",
) -> Wanted:
    """The format and the looks of the query."""
    return Wanted(form, Looks(theme, width, height, scale))


WantedDependency = Annotated[Wanted, Depends(read_wanted)]


class Subject(NamedTuple):
    """The figure that a file is of."""

    title: str
    file_name: Callable[[FigureFormat], str]
    about: Sequence[str]
    """What a caption says: study, trial."""
    answer: Callable[[], dict[str, Any]]
    """As JSON: figure, summary, waiting."""
    over: bool
    """Whether nothing will come any more."""
    table: Callable[[], Table | str]
    """Every row, or what the figure waits for."""


def etag_of(*parts: object) -> str:
    """An ETag; nothing that is answered depends on more than the parts and our version."""
    text = "/".join(map(str, (__version__, *parts)))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def formats_now(container: Container, waiting: bool) -> list[FigureFormat]:
    """The formats that can be had: no picture without a browser, no file while it waits."""
    if waiting:
        return ["json"]
    drawn: list[FigureFormat] = [] if container.pictures.missing() else ["png", "svg"]
    return ["json", "csv", "html", *drawn]


def answer_file(
    container: Container, subject: Subject, wanted: Wanted, etag: str, headers: dict[str, str]
) -> Response:
    """The answer for any format but JSON. Raises Conflict while the figure waits."""
    form = wanted.form
    if form == "csv":
        content = _as_csv(subject)
    elif form == "html":
        content = _as_html(subject, wanted.looks)
    else:
        content = _as_picture(container, subject, wanted, etag)
    disposition = f'attachment; filename="{subject.file_name(form)}"'
    return Response(
        content,
        media_type=MEDIA_TYPES[form],
        headers={**headers, "Content-Disposition": disposition, "Content-Security-Policy": CSP},
    )


def _as_csv(subject: Subject) -> bytes:
    table = subject.table()
    if isinstance(table, str):
        raise _waits(subject, table)
    return table_as_csv(table.columns, table.rows)


def _as_html(subject: Subject, looks: Looks) -> bytes:
    answer = _drawn(subject)
    figure = answer["figure"]
    figure["layout"].pop("title", None)  # the heading says it
    dressed = dress(figure, looks.theme, looks.width or DEFAULT_WIDTH, looks.height)
    now = f"made {datetime.now(UTC):%Y-%m-%d %H:%M} UTC by HiFiTune {__version__}"
    caption = Caption(subject.title, answer["summary"], [*subject.about, now])
    return standalone_page(dressed, caption, looks.theme, _plotly_js()).encode()


def _as_picture(container: Container, subject: Subject, wanted: Wanted, key: str) -> bytes:
    kept = container.pictures.kept(key)
    if kept is not None:
        return kept
    missing = container.pictures.missing()
    if missing is not None:
        raise missing
    looks = wanted.looks
    figure = _drawn(subject)["figure"]
    width = looks.width or DEFAULT_WIDTH
    dressed = dress(figure, looks.theme, width, looks.height, moves=False)
    # A tall figure has a limit that the query alone does not show.
    height = min(int(dressed["layout"]["height"]), 2 * HEIGHT[1])
    scale = looks.scale if wanted.form == "png" else 1.0
    if width * height * scale**2 > MAX_PIXELS:
        raise InvalidRequest(
            f"a picture of {width} x {height} at scale {scale:g} has more than "
            f"{MAX_PIXELS:,} pixels",
            "ask for a smaller ?scale=, ?width= or ?height=, or for ?format=svg",
            "/query/scale",
        )
    order = {
        "figure": dressed, "format": wanted.form, "width": width, "height": height, "scale": scale
    }  # fmt: skip
    return container.pictures.draw(key, PLOTLY_FILE, order)


def _drawn(subject: Subject) -> dict[str, Any]:
    answer = subject.answer()
    if answer["waiting"]:
        raise _waits(subject, answer["summary"])
    return answer


def _waits(subject: Subject, sentence: str) -> Conflict:
    return Conflict(
        f"there is nothing to draw: {sentence}",
        "take another figure: this one has nothing to show of what is over"
        if subject.over
        else "ask again when there is more data; ?format=json answers what the figure waits for",
    )


@cache
def _plotly_js() -> str:
    return PLOTLY_FILE.read_text(encoding="utf-8")
