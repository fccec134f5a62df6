"""The files that a figure can be had as."""

from typing import Literal, NamedTuple, TypeAlias

FigureFormat: TypeAlias = Literal["json", "html", "png", "svg", "csv"]
Theme: TypeAlias = Literal["light", "dark"]

MEDIA_TYPES: dict[FigureFormat, str] = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv; charset=utf-8; header=present",
}
WIDTH = (300, 4000)
HEIGHT = (200, 4000)
SCALE = (0.5, 4.0)
MAX_PIXELS = 36_000_000
"""Of a PNG: its memory is four bytes for each."""
DEFAULT_WIDTH = 900
DEFAULT_SCALE = 2.0


class Looks(NamedTuple):
    """How a drawn file looks."""

    theme: Theme = "light"
    width: int | None = None
    """In CSS pixels; None: as fits."""
    height: int | None = None
    scale: float = DEFAULT_SCALE
    """Pixels of a PNG for each CSS pixel."""


def figure_file_name(study: str, figure: str, trial: int | None, form: FigureFormat) -> str:
    """`digits-vae-best_so_far.png`, `digits-vae-trial-7-curves.csv`: harmless anywhere."""
    parts = [study, *([] if trial is None else [f"trial-{trial}"]), figure]
    name = "-".join(parts).replace(" ", "-")
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._+-") else "_" for c in name)
    return f"{kept.lstrip('.') or 'figure'}.{form}"
