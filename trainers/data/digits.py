"""The built-in `digits` (1,797 images of 8 x 8, values 0 to 16) that scikit-learn ships.

Its file is found and parsed without importing scikit-learn, which takes seconds.
Source: UCI, Optical Recognition of Handwritten Digits (Alpaydin & Kaynak 1998), test part.
"""

import gzip
import importlib.util
import io
from pathlib import Path

import numpy as np

from trainers.data.errors import UnreadableData
from trainers.data.layout import ArrayFile, Layout

DIGITS_LAYOUT = Layout(1797, (8, 8), np.dtype("u1"), full_scale=16.0)


def open_digits(name: str, pointer: str) -> ArrayFile:
    """The digits as an array file of bytes, labels left out."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise UnreadableData(name, "scikit-learn is not installed", "install scikit-learn", pointer)
    file = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(file, "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.float64)
    if table.shape != (1797, 65):
        raise UnreadableData(
            name, "scikit-learn's digits have another shape", "install scikit-learn 1.x", pointer
        )
    pixels = table[:, :64].astype(np.uint8)
    return ArrayFile(name, pointer, DIGITS_LAYOUT, io.BytesIO(pixels.tobytes()))
