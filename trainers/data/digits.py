"""The built-in `digits` (1,797 images of 8 x 8, values 0 to 16) that scikit-learn ships.

Its file is found and parsed without importing scikit-learn, which takes seconds.
Source: UCI, Optical Recognition of Handwritten Digits (Alpaydin & Kaynak 1998), test part.
"""

import gzip

import numpy as np

from trainers.data.layout import Block, Layout
from trainers.data.shipped import MemoryFile, other_version, shipped_file

DIGITS_LAYOUT = Layout(1797, (8, 8), np.dtype("u1"), full_scale=16.0)


def open_digits(name: str) -> MemoryFile:
    """The digits as a file of bytes, labels left out."""
    with gzip.open(shipped_file("data/digits.csv.gz", name), "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.float64)
    if table.shape != (1797, 65):
        raise other_version(name)
    return MemoryFile(name, DIGITS_LAYOUT, Block(table[:, :64].astype(np.uint8)))
