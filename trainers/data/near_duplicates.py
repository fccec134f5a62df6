"""Samples that look alike without being copies: candidates, said and not acted on by default."""

import re
import unicodedata
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from trainers.data.grouping import Edges, key_of, same_key_edges
from trainers.data.layout import CHUNK_BYTES, Keys, Rows

MAX_DISTANCE = 2
"""Bits in which the hashes of near-duplicate images may differ."""
MAX_DIFFERENCE = 0.05
"""Root mean square difference of near-duplicate images, as a share of the data's range."""
FLAT = 0.01
"""Steps between neighbouring cells that count as none, as a share of the image's own range."""
_NEIGHBOURS = 4
_NO_LETTERS = re.compile(r"[\W_]+")
_BANDS = ((0, 21), (21, 21), (42, 22))


def difference_hashes(rows: Rows, shape: tuple[int, ...]) -> Keys:
    """[n] the 64-bit difference hash of images [n, F]: is each cell darker than the next?

    On the image's mean over an 8 x 9 grid of cells (Krawetz 2013, dHash); channels are averaged.
    0 says that nothing varies from left to right.
    """
    height, width = shape[0], shape[1]
    with np.errstate(all="ignore"):  # infinite numbers are refused elsewhere
        images = rows.reshape(len(rows), height, width, -1).mean(axis=3, dtype=np.float32)
        cells = _cells(height, 8) @ images @ _cells(width, 9).T  # [n, 8, 9]
        # What is flat up to noise counts as flat.
        least = FLAT * (cells.max(axis=(1, 2)) - cells.min(axis=(1, 2)))
        bits = (cells[:, :, 1:] > cells[:, :, :-1] + least[:, None, None]).reshape(len(rows), 64)
    found: Keys = np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)
    return found


def _cells(side: int, count: int) -> npt.NDArray[np.float32]:
    """[count, side] the share of each pixel in each of `count` equal cells."""
    edges = np.linspace(0, side, count + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixels = np.arange(side)
    covered = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, None)
    shares: npt.NDArray[np.float64] = covered / covered.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def alike_images(rows: Rows, hashes: Keys, first: npt.NDArray[np.bool_]) -> Edges:
    """Pairs of images whose hashes differ in few bits, and whose pixels differ little.

    `first` marks the rows that are no copies of an earlier one. Each hash is compared with its
    neighbours after sorting by each of three bands of bits, one of which agrees when at most two
    bits differ: pairs in crowds of equal bands may be missed, time stays N log N.
    """
    wanted = np.flatnonzero(first & (hashes != 0))
    known = hashes[wanted]
    pairs = [same_key_edges(known)]
    for start, width in _BANDS:
        band = (known >> np.uint64(start)) & np.uint64((1 << width) - 1)
        order = np.lexsort((known, band))
        for step in range(1, _NEIGHBOURS + 1):
            left, right = order[:-step], order[step:]
            close = (band[left] == band[right]) & (
                np.bitwise_count(known[left] ^ known[right]) <= MAX_DISTANCE
            )
            pairs.append(np.stack([left[close], right[close]], axis=1))
    edges = np.sort(np.concatenate(pairs), axis=1)
    edges = wanted[np.unique(edges, axis=0)] if len(edges) else np.empty((0, 2), np.int64)
    alike = [_differences(rows, part) for part in _parts(edges, rows.shape[1])]
    if not alike:
        return edges
    full = _range(rows)
    return edges[np.concatenate(alike) <= MAX_DIFFERENCE * full]


def _parts(edges: Edges, features: int) -> Iterator[Edges]:
    step = max(1, CHUNK_BYTES // (16 * features))
    for start in range(0, len(edges), step):
        yield edges[start : start + step]


def _differences(rows: Rows, edges: Edges) -> npt.NDArray[np.float64]:
    apart = rows[edges[:, 0]].astype(np.float32) - rows[edges[:, 1]].astype(np.float32)
    squares: npt.NDArray[np.float64] = np.square(apart).mean(axis=1, dtype=np.float64)
    return np.sqrt(squares)


def _range(rows: Rows) -> float:
    low, high = np.inf, -np.inf
    step = max(1, CHUNK_BYTES // max(1, rows.shape[1] * rows.itemsize))
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step]
        low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
    return high - low


def normal_form(text: str) -> str:
    """The text without case, accents, punctuation and spaces; itself where nothing else is."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return _NO_LETTERS.sub("", plain) or text


def normal_key(text: str) -> int:
    """A 64-bit key of a text's normal form: near-duplicates have equal keys."""
    return key_of(normal_form(text).encode("utf-8", "replace"))
