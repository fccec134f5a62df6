"""The built-in `photos`: patches of 16 x 16 pixels from the two photographs of scikit-learn.

`china.jpg` by danielbuechele and `flower.jpg` by vultilion, CC BY 2.0. Two photographs make no
benchmark: good for trying what works on colour. Patches do not overlap; all patches of a strip 32
pixels wide stay in one part of the split, so that what is left and right of a cut is seen once.
"""

import numpy as np

from trainers.data.grouping import key_of
from trainers.data.layout import Block, Layout
from trainers.data.shipped import POINTER, MemoryFile, other_version, shipped_file

SIDE = 16
STRIP = 32
_NAMES = ("china.jpg", "flower.jpg")
_HEIGHT, _WIDTH = 427, 640
_ROWS, _COLUMNS = _HEIGHT // SIDE, _WIDTH // SIDE

PHOTOS_LAYOUT = Layout(
    len(_NAMES) * _ROWS * _COLUMNS, (SIDE, SIDE, 3), np.dtype("u1"), full_scale=255.0
)


def open_photos(name: str) -> MemoryFile:
    """The patches, photograph by photograph, row by row."""
    from trainers.data.image_decoding import decode_image
    from trainers.data.image_files import cut_patches

    rows, groups = [], []
    for photo in _NAMES:
        with shipped_file(f"images/{photo}", name).open("rb") as file:
            pixels = decode_image(file, "rgb", None, photo, name, POINTER)
        if pixels.shape != (_HEIGHT, _WIDTH, 3):
            raise other_version(name)
        rows.append(cut_patches(pixels, SIDE, SIDE))
        strips = [key_of(f"{photo} {left // STRIP}".encode()) for left in range(0, _WIDTH, SIDE)]
        groups.append(np.tile(np.array(strips, np.uint64), _ROWS))
    return MemoryFile(name, PHOTOS_LAYOUT, Block(np.concatenate(rows), np.concatenate(groups)))
