"""Validation samples as small pictures and short texts, for a glance beside a point."""

from collections.abc import Sequence

import numpy as np

from dashboards.figures.frame import Evidence, Picture
from dashboards.figures.leavings import Floats
from dashboards.figures.paper import number
from dashboards.figures.pictures import Pixels, is_image, paint_grey
from dashboards.figures.written import join, read_tokens
from service.domain.data import Column

SIDE = 28
"""The most pixels a side of a thumbnail."""
CURVE = (28, 18)
"""Width and height of the thumbnail of a sample that is a curve."""
PER_ROW = 25
TEXT_LENGTH = 80
UNUSUAL = 3
"""Columns named of a row."""
INK = (59, 130, 208, 255)


def thumbnails(samples: Floats, shape: tuple[int, ...], low: float, high: float) -> Pixels:
    """[n, F] -> [n, h, w, 4], at most SIDE pixels a side; curves where samples are no pictures."""
    if not is_image(shape):
        return _curves(np.asarray(samples, np.float64))
    images = samples.reshape(len(samples), *shape)
    if len(shape) == 2:
        images = images[..., None]
    elif shape[2] not in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    block = -(-max(images.shape[1:3]) // SIDE)
    height, width = (max(1, side // block) for side in images.shape[1:3])
    if block > 1:
        rows, columns = min(height * block, images.shape[1]), min(width * block, images.shape[2])
        images = _means(_means(images[:, :rows, :columns], 1, height), 2, width)
    return paint_grey(np.asarray(images, np.float64), low, high)


def _means(images: Floats, axis: int, parts: int) -> Floats:
    """Means along an axis of equally long parts (the last may be shorter)."""
    starts = np.arange(parts) * (images.shape[axis] // parts)
    counts = np.diff([*starts, images.shape[axis]])
    sums = np.add.reduceat(images, starts, axis=axis)
    shape = [1] * images.ndim
    shape[axis] = parts
    means: Floats = sums / counts.reshape(shape).astype(images.dtype)
    return means


def _curves(samples: Picture) -> Pixels:
    width, height = CURVE
    places = np.round(np.linspace(0, samples.shape[1] - 1, width)).astype(np.int64)
    values = samples[:, places]
    low, high = float(values.min()), float(values.max())
    rows = (height - 1) * (1 - (values - low) / max(high - low, 1e-12))
    pixels = np.zeros((len(samples), height, width, 4), np.uint8)
    level = np.round(rows).astype(np.int64)
    before = np.concatenate([level[:, :1], level[:, :-1]], axis=1)
    steps = np.arange(height)[None, :, None]
    inside = (steps >= np.minimum(level, before)[:, None]) & (
        steps <= np.maximum(level, before)[:, None]
    )
    pixels[inside] = INK
    return pixels


def sprite_of(pictures: Pixels) -> Pixels:
    """[n, h, w, 4] -> one sheet, PER_ROW pictures in a row."""
    count, height, width, _ = pictures.shape
    rows = -(-count // PER_ROW)
    sheet = np.zeros((rows * PER_ROW, height, width, 4), np.uint8)
    sheet[:count] = pictures
    grid = sheet.reshape(rows, PER_ROW, height, width, 4).transpose(0, 2, 1, 3, 4)
    return grid.reshape(rows * height, PER_ROW * width, 4)


def texts_of(samples: Floats, evidence: Evidence) -> list[str]:
    """What each sample is in a few words; of a picture nothing."""
    if evidence.tokens:
        found = (join(read_tokens(evidence.tokens, row), evidence.tokenizer) for row in samples)
        return [
            text if len(text) <= TEXT_LENGTH else f"{text[: TEXT_LENGTH - 1]}…" for text in found
        ]
    if evidence.table:
        return _unusual_columns(samples, evidence)
    return []


def oddness(samples: Floats, evidence: Evidence) -> tuple[str, list[float]]:
    """What tells samples apart, and how much of it each has: the length of a text, or the
    distance from the mean sample (root mean square over its numbers)."""
    if evidence.tokens:
        lengths = [float(len(read_tokens(evidence.tokens, row))) for row in samples]
        return "tokens", lengths
    values = np.asarray(samples, np.float64)
    gaps = np.sqrt(((values - values.mean(0)) ** 2).mean(1))
    return "distance from the mean sample", [float(gap) for gap in gaps]


def _unusual_columns(samples: Floats, evidence: Evidence) -> list[str]:
    """The most surprising columns of each row: nats under the column's own distribution."""
    values = np.asarray(samples, np.float64)
    surprise = np.stack([_surprise(values, column) for column in evidence.table], axis=1)
    found = []
    for row, nats in zip(values, surprise, strict=True):
        order = np.argsort(-nats, kind="stable")[:UNUSUAL]
        found.append("; ".join(say_value(row, evidence.table[i], evidence) for i in order))
    return found


def _surprise(values: Picture, column: Column) -> Picture:
    span = values[:, column.start : column.start + column.width]
    if column.kind == "categorical":
        shares = np.maximum(span.mean(0), 1e-9)
        nats: Picture = -np.log(np.where(span.max(1) > 0.5, shares[span.argmax(1)], 1e-9))
        return nats
    gaps: Picture = (span[:, 0] - span[:, 0].mean()) ** 2
    return gaps / max(2 * float(span[:, 0].var()), 1e-12)


def say_value(row: Picture, column: Column, evidence: Evidence) -> str:
    """`age 63`: a column of a row [F] in raw units where they are known."""
    span = row[column.start : column.start + column.width]
    if column.kind == "categorical":
        names: Sequence[str] = [*column.categories, *["?"] * column.width]
        return f"{column.name} {names[int(span.argmax())]}"
    value = float(span[0])
    if evidence.raw is not None:
        value = evidence.raw.number(column.start, value)
    return f"{column.name} {number(value)}"
