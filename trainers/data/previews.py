"""A few samples of a stored data set as people look at them: pictures, texts, rows."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.mapped import MappedData
from trainers.data.stored import Stored
from trainers.data.vocabulary import END, PAD, SPECIAL

SAMPLES = 16
VALUES = 32
"""Numbers or columns that are shown of one sample."""
TEXT_LENGTH = 400
SIDES = (192, 128, 96, 64)
"""Pictures larger than the first are made smaller, down to the last while they are too many."""
MAX_BYTES = 256 << 10
"""Of all pictures together, as PNG."""
DIM = 64
"""Bytes that stay below are no shades of 0 to 255."""
CHUNK = 4096
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

Doubles = npt.NDArray[np.float64]


def preview(folder: Path) -> dict[str, Any]:
    """The first samples of the train part in raw units; keys as records.DatasetPreview.

    The sealed test part stays closed. Imports Pillow for pictures.
    """
    data = MappedData.open(folder)
    first = np.asarray(data.train[:SAMPLES], np.float64) * data.scale + data.offset
    if data.kind == "text":
        return {"kind": "text", "texts": [_text(row, data) for row in first]}
    low, high = _range(data)
    shown: dict[str, Any] = {"kind": data.kind, "low": low, "high": high}
    if data.kind == "image":
        full = _full_scale(Stored.read(folder), high) or (low, high)
        return shown | {"images": _pictures(first, data.shape, *full)}
    if data.kind == "table":
        columns = data.columns[:VALUES]
        rows = [[_cell(row, column) for column in columns] for row in first]
        return shown | {"columns": [column.name for column in columns], "rows": rows}
    width = min(VALUES, first.shape[1])
    names = [str(index) for index in range(width)]
    return shown | {"columns": names, "rows": [list(row[:width]) for row in first.tolist()]}


def _full_scale(stored: Stored, high: float) -> tuple[float, float] | None:
    """Black and white of bytes: as `scaling: unit` knows them (digits hold 0 to 16), else 0 to 255
    where the values go that far; None: they are what the train part spans."""
    scaling = stored.scaling
    if stored.dtype != "uint8":
        return None
    if scaling["kind"] == "unit" and "scale" in scaling:
        return scaling["offset"], scaling["offset"] + scaling["scale"]
    return (0.0, 255.0) if high > DIM else None


def _range(data: MappedData) -> tuple[float, float]:
    if data.scale.size == 1 and data.offset.size == 1:
        scale, offset = float(data.scale[0]), float(data.offset[0])
        return data.low * scale + offset, data.high * scale + offset
    low, high = np.inf, -np.inf
    for start in range(0, len(data.train), CHUNK):
        raw = data.train[start : start + CHUNK] * data.scale + data.offset
        low, high = min(low, float(raw.min())), max(high, float(raw.max()))
    return low, high


def _cell(row: Doubles, column: Any) -> float | str | None:
    values = row[column.start : column.start + column.width]
    if column.kind == "numeric":
        return float(values[0])
    if not column.width:  # train has no value of it
        return None
    chosen = int(values.argmax())
    return str(column.categories[chosen]) if values[chosen] > 0.5 else None


def _text(row: Doubles, data: MappedData) -> str:
    ids = [int(number) for number in np.rint(row)]
    ends = [place for place, token in enumerate(ids) if token in (END, PAD)]
    known = [*[REPLACEMENT] * len(SPECIAL), *data.tokens[len(SPECIAL) :]]
    tokens = [known[token] for token in ids[: ends[0] if ends else None]]
    joined = (" " if data.tokenizer == "word" else "").join(tokens)
    if data.tokenizer == "byte":
        # A byte's token is the character of its number; text of another part may be cut in two.
        raw = joined.replace(REPLACEMENT, "?").encode("latin-1")
        joined = raw.decode("utf-8", "replace")
    return joined if len(joined) <= TEXT_LENGTH else f"{joined[:TEXT_LENGTH]}…"


def _pictures(samples: Doubles, shape: tuple[int, ...], low: float, high: float) -> list[str]:
    height, width = shape[:2]
    channels = shape[2] if len(shape) > 2 else 1
    span = (high - low) or 1.0
    grey = np.clip((samples - low) / span * 255, 0, 255).round().astype(np.uint8)
    pixels = grey.reshape(len(samples), height, width, -1)
    if channels not in (1, 3, 4):
        pixels = pixels[..., :1]  # what the channels mean is not known: the first one
    for side in SIDES:
        pictures = [_png(picture, side) for picture in pixels]
        if sum(len(picture) for picture in pictures) <= MAX_BYTES:
            break
    return [base64.b64encode(picture).decode() for picture in pictures]


def _png(pixels: npt.NDArray[np.uint8], side: int) -> bytes:
    from PIL import Image

    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    if max(picture.size) > side:
        picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
