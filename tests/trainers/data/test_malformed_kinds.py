"""Ninety ways in which images, tables and texts can be wrong: each refused by name, and fast."""

import io
import re
import resource
import stat
import struct
import time
import zipfile
import zlib

import numpy as np
import pyarrow
import pytest
from PIL import Image

from tests.trainers.data.files import read, store
from tests.trainers.data.kinds import (
    encoded_image,
    parquet_bytes,
    people,
    picture_zip,
    pictures,
    png,
    png_chunk,
    zip_of,
)
from trainers.data.errors import UnreadableData
from trainers.data.sources import Images, Table, Text

GOOD = encoded_image(pictures(1)[0])
CSV = people()
PARQUET = parquet_bytes({"a": list(range(40)), "b": [float(i) for i in range(40)]})


def with_one(data, name="zzz.png", **options):
    """A zip of good images and one other file."""
    good = [(f"{i}.png", encoded_image(p)) for i, p in enumerate(pictures())]
    return zip_of([*good, (name, data)], **options)


def saved(mode, form, size=(5, 6), **options):
    out = io.BytesIO()
    Image.new(mode, size).save(out, form, **options)
    return out.getvalue()


def linked():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def encrypted():
    data = bytearray(with_one(GOOD))
    directory = data.rfind(b"PK\x01\x02")
    data[directory + 8] |= 1
    return bytes(data)


def bomb():
    """A zip of little but zeros that says that it is images."""
    return zip_of([(f"{i}.bmp", bytes(20 << 20)) for i in range(2)], compression=8)


def claiming(members):
    end = struct.pack("<HHHHLLH", 0, 0, members, members, 46 * members, 0, 0)
    return b"PK\x03\x04" + bytes(26) + b"PK\x05\x06" + end


def wrong_sum():
    data = bytearray(with_one(GOOD))
    data[data.rfind(b"IDAT") + 8] ^= 0xFF
    return bytes(data)


def animation():
    frames = [Image.fromarray(p) for p in pictures(3)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return out.getvalue()


def huge_png():
    return png(40_000, 40_000, data=zlib.compress(bytes(1 << 16)))


def deep(colour, channels):
    """A whole PNG of 16 bits a channel."""
    rows = (b"\0" + bytes(range(5 * channels * 2))) * 6
    return png(5, 6, 16, colour, zlib.compress(rows))


def text_chunk_bomb():
    return png(5, 6, data=b"", more=png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(80 << 20))))


IMAGES = {
    "zip-empty": (zip_of([]), "holds no images"),
    "zip-of-texts": (zip_of([("a.txt", b"hello"), ("b.csv", b"1,2")]), "holds no images"),
    "zip-only-hidden": (zip_of([("__MACOSX/._a.png", GOOD)]), "holds no images"),
    "zip-cut": (picture_zip()[:-30], "damaged"),
    "zip-garbage": (b"PK\x03\x04" + bytes(200), "damaged"),
    "not-a-zip": (GOOD, "neither a folder nor a zip"),
    "empty-file": (b"", "neither a folder nor a zip"),
    "zip-traversal": (with_one(GOOD, "../../evil.png"), "points outside"),
    "zip-absolute": (with_one(GOOD, "/etc/evil.png"), "points outside"),
    "zip-backslash": (with_one(GOOD, "..\\evil.png"), "points outside"),
    "zip-link": (linked(), "symbolic link"),
    "zip-encrypted": (encrypted(), "encrypted"),
    "zip-lzma": (picture_zip(compression=14), "unusual method"),
    "zip-same-names": (
        with_one(GOOD, "1.jpg").replace(b"1.jpg", b"1.png"),
        "two members have the name",
    ),
    "zip-bomb": (bomb(), "claim to decode to"),
    "zip-claims-members": (claiming(65_535), "damaged|claims"),
    "zip-wrong-checksum": (wrong_sum(), "damaged"),
    "image-empty": (with_one(b""), "no PNG, JPEG, WebP or BMP"),
    "image-text": (with_one(b"hello world" * 20), "no PNG, JPEG, WebP or BMP"),
    "image-html": (with_one(b"<!doctype html><title>404</title>", "a.jpg"), "no PNG, JPEG"),
    "image-gif": (with_one(saved("P", "GIF"), "a.png"), "no PNG, JPEG, WebP or BMP"),
    "image-tiff": (with_one(saved("RGB", "TIFF"), "a.png"), "no PNG, JPEG, WebP or BMP"),
    "image-eps": (
        with_one(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 6\n", "a.png"),
        "no PNG",
    ),
    "image-cut": (with_one(GOOD[:-40]), "damaged"),
    "image-header-only": (with_one(GOOD[:33]), "no PNG"),
    "image-wrong-checksum": (with_one(GOOD[:20] + b"\xff" + GOOD[21:]), "damaged|no PNG"),
    "image-jpeg-cut": (with_one(saved("RGB", "JPEG", (5, 6))[:300], "a.jpg"), "damaged|no PNG"),
    "image-huge": (with_one(huge_png()), "pixels"),
    "image-no-pixels": (with_one(png(0, 6)), "damaged|no pixels|no PNG"),
    "image-lying-size": (with_one(png(5, 6, data=zlib.compress(b"\0" * 3))), "damaged"),
    "image-text-bomb": (with_one(text_chunk_bomb()), "damaged"),
    "image-cmyk": (with_one(saved("CMYK", "JPEG"), "a.jpg"), "CMYK"),
    "image-16-bit": (with_one(saved("I;16", "PNG")), "not 8 bits deep"),
    **{
        f"image-16-bit-{name}": (with_one(deep(colour, channels)), "not 8 bits deep")
        for name, colour, channels in (("rgb", 2, 3), ("grey-alpha", 4, 2), ("rgba", 6, 4))
    },
    "image-animated": (with_one(animation(), "a.webp"), "animation"),
    "image-other-size": (
        with_one(encoded_image(pictures(1, 7, 5)[0])),
        "'zzz.png' has 7 x 5 pixels (height x width), the first image 6 x 5",
    ),
    "image-too-large-a-sample": (
        zip_of([("a.png", saved("RGB", "PNG", (600, 600)))]),
        "one sample",
    ),
}

TABLES = {
    "empty": (b"", "empty"),
    "only-a-header": (b"a,b\n", "no rows"),
    "ragged": (CSV + b"1,2\n", "no regular CSV"),
    "too-many-values": (CSV + b"1,Graz,3,4\n", "no regular CSV"),
    "latin-1": (CSV + "1,Kärnten,3\n".encode("latin-1"), "not UTF-8"),
    "latin-1-header": ("größe,b\n1,2\n".encode("latin-1"), "not UTF-8"),
    "utf-16": (CSV.decode().encode("utf-16"), "not UTF-8|no regular CSV|zero bytes"),
    "binary": (bytes(range(256)) * 4, "not UTF-8|no regular CSV|no rows|named|empty"),
    "gap": (CSV + b"1,,3\n", "row 41 has no value in column 'city'"),
    "gap-by-name": (CSV + b"1,Graz,NaN\n", "row 41 has no value in column 'height'"),
    **{
        f"gap-{cell!r}": (
            CSV + f"1,Graz,{cell}\n".encode(),
            "row 41 has no value in column 'height'",
        )
        for cell in (" nan", "NA ", " ", "NAN", "-nan", "nan(1)", '" "')
    },
    "gap-of-spaces-in-words": (CSV + b"1, ,3\n", "row 41 has no value in column 'city'"),
    "only-nan": (b"a,b\n" + b"1,NAN\n" * 9, "no value in column 'b'"),
    "infinite": (CSV + b"1,Graz,inf\n", "row 41 is infinite in column 'height'"),
    "empty-column": (b"a,b\n" + b"1,\n" * 9, "no value in column 'b'"),
    "same-names": (b"a,a\n1,2\n", "two columns are named 'a'"),
    "endless-quote": (b'a,b\n1,"' + b"x" * (3 << 20), "more than|no regular CSV|no rows"),
    "endless-row": (b"a,b\n1," + b"x" * (3 << 20) + b"\n", "more than"),
    "many-columns": (b",".join(b"c%d" % i for i in range(5000)) + b"\n", "columns; 4,096"),
    "free-text": (
        b"a,b\n" + b"".join(b"%d,text %d\n" % (i, i) for i in range(1500)),
        "more than 1,000 different values",
    ),
    "too-many-categories": (
        b",".join(b"c%d" % i for i in range(2000))
        + b"".join(b"\n" + b",".join([b"v%d" % row] * 2000) for row in range(150)),
        "more than 262,144 different values together",
    ),
    "parquet": (PARQUET, "not UTF-8|no regular CSV|no rows"),
}

PARQUETS = {
    "empty": (b"", "is empty"),
    "csv": (CSV, "does not start like Parquet"),
    "cut": (PARQUET[:-20], "does not end like Parquet"),
    "magic-only": (b"PAR1", "not whole"),
    "footer-huge": (PARQUET[:-8] + b"\xff\xff\xff\x7fPAR1", "footer claims"),
    "footer-garbage": (b"PAR1" + b"\xff" * 80 + struct.pack("<I", 60) + b"PAR1", "damaged"),
    "pages-garbage": (PARQUET[:4] + b"\xa5" * 300 + PARQUET[304:], "damaged|value"),
    "nested": (parquet_bytes({"a": [[1, 2]] * 9}), "is of type list"),
    "dates": (
        parquet_bytes({"a": pyarrow.array(range(9), pyarrow.date32())}),
        "is of type date32",
    ),
    "bytes": (parquet_bytes({"a": [b"x"] * 9}), "is of type binary"),
    "gap": (parquet_bytes({"a": [1.0, None, 3.0] * 5}), "row 2 has no value in column 'a'"),
    "nan": (parquet_bytes({"a": [1.0, float("nan")] * 5}), "row 2 has no value in column 'a'"),
    "nan-as-text": (parquet_bytes({"a": ["1", " nan", "3"] * 5}), "row 2 has no value"),
    "infinite": (parquet_bytes({"a": [1.0, float("inf")] * 5}), "row 2 is infinite"),
    "no-rows": (parquet_bytes({"a": pyarrow.array([], pyarrow.float64())}), "no rows"),
    "text-bomb": (
        parquet_bytes(
            {"a": pyarrow.DictionaryArray.from_arrays(np.zeros(8192, "i4"), ["x" * 65_536])},
            compression="zstd",
        ),
        "its column 'a' holds a text of 65,536 bytes",
    ),
    "bomb": (
        parquet_bytes({"a": np.zeros(4_000_000)}, use_dictionary=False, compression="zstd"),
        "claim to hold",
    ),
}

TEXTS = {
    "empty": (b"", "holds no text"),
    "blank-lines": (b"\n \n\t\n", "holds no text"),
    "latin-1": ("Grüße\n".encode("latin-1") * 20, "not UTF-8"),
    "latin-1-late": (
        b"twenty-seven characters it is.\n"[4:] * 100_000 + b"\xe4\n",
        "not UTF-8: .* near byte 2,700,000",
    ),
    "utf-16": (("abc\n" * 20).encode("utf-16"), "not UTF-8"),
    "utf-16-without-mark": (("abc\n" * 20).encode("utf-16-le"), "zero bytes"),
    "zeros": (bytes(1 << 16), "zero bytes"),
    "zip": (picture_zip(), "not UTF-8|zero bytes"),
    "surrogates": (b"\xed\xa0\x80\n" * 9, "not UTF-8"),
    "overlong": (b"\xc0\xaf\n" * 9, "not UTF-8"),
    "cut-in-a-letter": ("abc\nä".encode()[:-1], "not UTF-8"),
    "endless-line": (b"x" * (2 << 20), "line 1 has more than 1,048,576"),
}

OBJECT = b'{"text": "hello", "n": 1}\n'
JSONS = {
    "empty": (b"", "holds no text"),
    "no-json": (OBJECT * 3 + b"hello\n", "line 4: it is no JSON"),
    "python": (b"{'text': 'hello'}\n", "line 1: it is no JSON"),
    "one-array": (b'["text"]\n', "there is an array where an object should be"),
    "a-number": (b"3\n", "there is no object where an object should be"),
    "no-field": (b'{"body": "x"}\n', "no field 'text'; there are 'body'"),
    "a-number-as-text": (b'{"text": 3}\n', "its field 'text' is a int, not text"),
    "nested-field": (b'{"text": {"en": "x"}}\n', "its field 'text' is a dict, not text"),
    "half-a-character": (
        OBJECT * 3 + b'{"text": "a\\ud83d"}\n',
        "line 4: its field 'text' holds half of a character, '\\\\ud83d'",
    ),
    "nested-deeply": (b'{"text":' + b"[" * 100_000 + b"\n", "nested too deeply"),
    "endless-number": (b'{"text":' + b"9" * 100_000 + b"}\n", "no JSON|not text"),
    "cut": (OBJECT * 3 + OBJECT[:12], "line 4: it is no JSON"),
    "latin-1": ('{"text": "ä"}\n'.encode("latin-1"), "not UTF-8"),
    "endless-line": (b'{"text": "' + b"x" * (2 << 20) + b'"}\n', "line 1 has more than"),
}

KINDS = {
    "images": (Images("x"), IMAGES),
    "csv": (Table("x"), TABLES),
    "parquet": (Table("x", form="parquet"), PARQUETS),
    "text": (Text("x"), TEXTS),
    "jsonl": (Text("x", field="text"), JSONS),
}
CASES = [(kind, name) for kind, (_, cases) in KINDS.items() for name in cases]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_malformed_file_is_refused_by_name_and_leaves_nothing(tmp_path, kind, name):
    source, cases = KINDS[kind]
    data, reason = cases[name]
    (tmp_path / "x").write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(UnreadableData) as refusal:
        read(source, tmp_path)
        store(source, tmp_path)
    assert time.process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10
    assert re.search(reason.replace("(", "\\(").replace(")", "\\)"), refusal.value.reason)
    assert refusal.value.remedy
    assert refusal.value.path == "x"
    assert refusal.value.pointer.startswith("/dataset/")
    left = {path.name for path in (tmp_path / "store").glob("*")} - {".lock"}
    assert not left
