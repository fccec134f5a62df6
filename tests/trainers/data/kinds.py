"""Small images, tables and texts for the tests, well-formed or broken on purpose."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image


def encoded_image(pixels, form="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **options)
    return out.getvalue()


def pictures(count=12, height=6, width=5, channels=3, seed=0):
    shape = (count, height, width) + ((channels,) if channels > 1 else ())
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def png_chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, depth=8, colour=2, data=b"", more=b""):
    """A PNG file of any header, true or not."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + more
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def zip_of(members, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def picture_zip(pixels=None, **options):
    pixels = pictures() if pixels is None else pixels
    return zip_of([(f"{i:03}.png", encoded_image(p)) for i, p in enumerate(pixels)], **options)


def parquet_bytes(columns, **options):
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), out, **options)
    return out.getvalue()


def people(count=40, seed=0):
    """Rows of age, city and height as CSV; the ages are whole and all different."""
    random = np.random.default_rng(seed)
    cities = np.array(["Graz", "Linz", "Wien"])
    rows = [
        f"{age},{cities[random.integers(3)]},{random.normal(170, 10):.2f}"
        for age in random.permutation(count)
    ]
    return ("age,city,height\n" + "\n".join(rows) + "\n").encode()
