"""The IDX format of MNIST (LeCun et al., yann.lecun.com/exdb/mnist), raw or gzip."""

import gzip
import os
from typing import BinaryIO, Final, cast

import numpy as np

from trainers.data.errors import UnreadableData
from trainers.data.layout import ArrayFile, Layout, check_layout, check_ratio, named_failures

_TYPES: Final = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_REMEDY = "give an IDX file: two zero bytes, a type byte, a count of axes, the sizes, the numbers"


def open_idx(file: BinaryIO, path: str, pointer: str) -> ArrayFile:
    """Read and check the header of an open IDX file. Raises UnreadableData."""

    def refuse(reason: str, remedy: str = _REMEDY) -> UnreadableData:
        return UnreadableData(path, reason, remedy, pointer)

    stored = os.fstat(file.fileno()).st_size
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream = cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb")) if zipped else file
    with named_failures(path, pointer):
        magic = stream.read(4)
        if len(magic) < 4:
            raise refuse("it is too short for an IDX header")
        if magic[:2] != b"\x00\x00":
            raise refuse(f"it does not start like an IDX file (first bytes {magic.hex(' ')})")
        if magic[2] not in _TYPES:
            raise refuse(f"its header names the unknown number type 0x{magic[2]:02x}")
        axes = magic[3]
        sizes = stream.read(4 * axes)
        if len(sizes) < 4 * axes:
            raise refuse("it is too short for an IDX header")
    samples, *shape = (int(size) for size in np.frombuffer(sizes, ">u4")) if axes else (0,)
    full_scale = 255.0 if magic[2] == 0x08 else None
    layout = Layout(samples, tuple(shape), np.dtype(_TYPES[magic[2]]), full_scale=full_scale)
    check_layout(layout, path, pointer)
    if zipped:
        check_ratio(layout.bytes, stored, path, pointer)
    elif stored != len(magic) + len(sizes) + layout.bytes:
        raise refuse(
            f"its header promises {layout.bytes:,} bytes of numbers, but "
            f"{max(0, stored - len(magic) - len(sizes)):,} follow",
            "write the file again, or copy it again; it is not whole",
        )
    return ArrayFile(path, pointer, layout, stream)
