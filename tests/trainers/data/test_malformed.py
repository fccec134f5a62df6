"""Forty-odd ways in which a data file can be wrong: each refused by name, and quickly."""

import io
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest

from tests.trainers.data.files import (
    gzipped,
    idx_bytes,
    npy_bytes,
    npy_header,
    npz_bytes,
    read,
    samples,
    store,
)
from trainers.data.errors import UnreadableData
from trainers.data.sources import Idx, Npz, Split

IDX = idx_bytes(samples(40))
NPY = npy_bytes(samples(40))
FLOATS = samples(40).astype("f4")


def with_value(value, at=(3, 1, 2)):
    array = FLOATS.copy()
    array[at] = value
    return npy_bytes(array)


def objects():
    array = np.empty((3, 2), object)
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def zipped(members, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def encrypted():
    data = bytearray(npz_bytes(x=samples(40)))
    directory = data.rfind(b"PK\x01\x02")
    data[directory + 8] |= 1
    data[6] |= 1
    return bytes(data)


def wrong_checksum():
    data = bytearray(npz_bytes(x=samples(40)))
    data[data.index(b"\x93NUMPY") + 300] ^= 0xFF
    return bytes(data)


def repeated_names():
    data = zipped([("x.npy", NPY), ("y.npy", NPY)])
    return data.replace(b"y.npy", b"x.npy")


def zip64_bomb():
    """A small file whose zip64 end record claims a directory of 2^40 entries."""
    wide = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 2**40, 2**40, 2**45, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, 4, 1)
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    return b"PK\x03\x04" + wide + locator + end


def shape_header(shape, descr="'|u1'", order="False", body=b""):
    return npy_header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}", body)


def gzip_bomb():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(idx_bytes(np.zeros(0, "u1"), shape=(2_000_000, 28, 28)))
    return head + packer.compress(bytes(1 << 20)) + packer.flush()


CASES = {
    "idx-empty": ("idx", b"", "too short"),
    "idx-three-bytes": ("idx", b"\x00\x00\x08", "too short"),
    "idx-header-cut": ("idx", IDX[:10], "too short"),
    "idx-not-idx": ("idx", b"\x89PNG\r\n\x1a\n" + bytes(50), "does not start like an IDX"),
    "idx-unknown-type": ("idx", b"\x00\x00\x0a\x02" + IDX[4:], "unknown number type 0x0a"),
    "idx-no-axes": ("idx", b"\x00\x00\x08\x00\x01", "one axis only"),
    "idx-labels": ("idx", idx_bytes(np.zeros(40, "u1")), "one axis only"),
    "idx-no-samples": ("idx", idx_bytes(samples(0)), "empty"),
    "idx-no-pixels": ("idx", idx_bytes(np.zeros((40, 0, 3), "u1")), "empty"),
    "idx-cut": ("idx", IDX[:-7], "promises 480 bytes of numbers, but 473 follow"),
    "idx-too-long": ("idx", IDX + b"more", "but 484 follow"),
    "idx-huge-sample": ("idx", idx_bytes(samples(1), shape=(1, 65536, 65536)), "one sample has"),
    "idx-lying-count": ("idx", idx_bytes(samples(1), shape=(2**32 - 1, 28, 28)), "are allowed"),
    "idx-lying-bytes": ("idx", idx_bytes(samples(1), shape=(90_000_000, 28, 28)), "are allowed"),
    "idx-255-axes": ("idx", b"\x00\x00\x08\xff" + b"\xff" * 1020, "one sample has"),
    "gz-cut": ("idx", gzipped(IDX)[:-12], "ends early"),
    "gz-header-only": ("idx", b"\x1f\x8b", "ends early"),
    "gz-garbage": ("idx", b"\x1f\x8b\x08\x00" + b"\xff" * 60, "damaged"),
    "gz-wrong-checksum": ("idx", gzipped(IDX)[:-8] + bytes(8), "CRC"),
    "gz-short-content": ("idx", gzipped(IDX[:-7]), "ends early: the header promises"),
    "gz-long-content": ("idx", gzipped(IDX + b"more"), "goes on after the last sample"),
    "gz-bomb": ("idx", gzip_bomb(), "claim to decode to"),
    "gz-of-npy": ("idx", gzipped(NPY), "does not start like an IDX"),
    "idx-nan": ("idx", idx_bytes(np.full((9, 2, 2), np.nan, ">f4"), 0x0D), "36 of its numbers"),
    "npy-empty": ("npz", b"", "it is empty"),
    "npy-text": ("npz", b"a,b,c\n1,2,3\n", "neither a .npy nor a .npz"),
    "npy-pickle": ("npz", b"\x80\x04\x95" + bytes(20), "it is a pickle"),
    "npy-idx": ("npz", IDX, "neither a .npy nor a .npz"),
    "npy-magic-only": ("npz", b"\x93NUMPY", "does not start with a .npy header"),
    "npy-version": ("npz", b"\x93NUMPY\x09\x00" + NPY[8:], "version 9.0 is not known"),
    "npy-header-cut": ("npz", NPY[:40], "ends inside its header"),
    "npy-header-length-cut": ("npz", NPY[:9], "ends inside its header"),
    "npy-header-huge": (
        "npz",
        b"\x93NUMPY\x02\x00" + b"\xff\xff\xff\x7f" + NPY[10:],
        "header claims 2,147,483,647 bytes",
    ),
    "npy-header-garbage": ("npz", npy_header("{'shape': (3"), "does not name type"),
    "npy-header-nested": ("npz", npy_header("(" * 9000), "does not name type"),
    "npy-header-code": (
        "npz",
        shape_header("__import__('os').system('true')"),
        "does not name type",
    ),
    "npy-shape-text": ("npz", shape_header("('a', 'b')"), "impossible shape"),
    "npy-shape-endless": ("npz", shape_header(f"({'9' * 5000}, 2)"), "impossible shape"),
    "npy-shape-negative": ("npz", shape_header("(40, -3)"), "negative size"),
    "npy-shape-huge": ("npz", shape_header("(99999999999999999, 3)"), "are allowed"),
    "npy-shape-empty": ("npz", shape_header("()", body=b"1"), "one axis only"),
    "npy-one-axis": ("npz", npy_bytes(np.arange(40)), "one axis only"),
    "npy-no-samples": ("npz", npy_bytes(np.zeros((0, 3))), "empty"),
    "npy-cut": ("npz", NPY[:-7], "but 473 follow"),
    "npy-too-long": ("npz", NPY + b"more", "but 484 follow"),
    "npy-objects": ("npz", objects(), "Python objects"),
    "npy-objects-by-name": ("npz", shape_header("(3, 2)", "'|O'"), "Python objects"),
    "npy-records": ("npz", npy_bytes(np.zeros((9, 2), "f4,f4")), "named columns"),
    "npy-complex": ("npz", npy_bytes(np.zeros((9, 2), complex)), "complex128, not bool"),
    "npy-strings": ("npz", npy_bytes(np.full((9, 2), "ab")), "not bool, integer or real"),
    "npy-dates": ("npz", npy_bytes(np.zeros((9, 2), "M8[s]")), "not bool, integer or real"),
    "npy-long-double": ("npz", npy_bytes(np.zeros((9, 2), np.longdouble)), "not bool, integer"),
    "npy-unknown-type": ("npz", shape_header("(3, 2)", "'<q9'"), "unknown number type"),
    "npy-column-major-huge": (
        "npz",
        shape_header("(9999999, 99)", order="True"),
        "column-major order",
    ),
    "npy-nan": ("npz", with_value(np.nan), "1 of its numbers are NaN or infinite, the first at [3"),
    "npy-infinite": ("npz", with_value(np.inf, 7), "12 of its numbers"),
    "npz-cut": ("npz", npz_bytes(x=samples(40))[:-30], "damaged"),
    "npz-empty": ("npz", zipped([]), "holds 0 arrays: none"),
    "npz-no-arrays": ("npz", zipped([("a.txt", b"hello")]), "holds 0 arrays"),
    "npz-two-arrays": ("npz", npz_bytes(x=samples(9), y=samples(9)), "holds 2 arrays: 'x', 'y'"),
    "npz-member-not-npy": ("npz", zipped([("x.npy", b"hello")]), "not start with a .npy header"),
    "npz-member-cut": ("npz", zipped([("x.npy", NPY[:-7])]), "but 473 follow"),
    "npz-objects": ("npz", zipped([("x.npy", objects())]), "Python objects"),
    "npz-encrypted": ("npz", encrypted(), "encrypted"),
    "npz-lzma": ("npz", zipped([("x.npy", NPY)], compression=14), "unusual method"),
    "npz-same-names": ("npz", repeated_names(), "two members have the same name"),
    "npz-many-members": (
        "npz",
        zipped([(f"{i}.npy", b"") for i in range(300)]),
        "holds 300 members",
    ),
    "npz-bomb": (
        "npz",
        zipped([("x.npy", shape_header("(99999, 999)", body=bytes(99999 * 999)))], compression=8),
        "claim to decode to",
    ),
    "npz-zip64-bomb": ("npz", zip64_bomb(), "members"),
    "npz-wrong-checksum": ("npz", wrong_checksum(), "damaged"),
}


def source_of(kind):
    return Idx("x") if kind == "idx" else Npz("x")


@pytest.mark.parametrize("name", CASES)
def test_a_malformed_file_is_refused_by_name_and_leaves_nothing(tmp_path, name):
    kind, data, reason = CASES[name]
    (tmp_path / "x").write_bytes(data)
    started = time.monotonic()
    with pytest.raises(UnreadableData) as refusal:
        read(source_of(kind), tmp_path)
        store(source_of(kind), tmp_path)
    assert time.monotonic() - started < 2
    assert reason in refusal.value.reason
    assert refusal.value.remedy
    assert refusal.value.path == "x"
    assert refusal.value.pointer.startswith("/dataset/")
    left = {path.name for path in (tmp_path / "store").glob("*")} - {".lock"}
    assert not left


def test_there_are_at_least_forty_kinds_of_malformed_files():
    assert len(CASES) >= 40


def test_a_missing_key_is_named_with_those_that_exist(tmp_path):
    (tmp_path / "x").write_bytes(npz_bytes(images=samples(9)))
    with pytest.raises(UnreadableData, match="no array 'pixels'; there are 'images'"):
        read(Npz("x", "pixels"), tmp_path)


def test_a_key_for_a_plain_npy_file_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(NPY)
    with pytest.raises(UnreadableData, match="no keys"):
        read(Npz("x", "x"), tmp_path)


def test_the_first_infinite_number_is_found_beyond_the_first_chunk(tmp_path):
    array = np.zeros((300_000, 4), "f8")
    array[270_000, 3] = -np.inf
    array[280_000, 0] = np.nan
    (tmp_path / "x").write_bytes(npy_bytes(array))
    with pytest.raises(UnreadableData, match=r"2 of its numbers .* first at \[270000, 3\]"):
        store(Npz("x"), tmp_path)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (samples(9, 4, 3), "have shape"),
        (samples(9).astype("f4"), "have type"),
    ],
)
def test_parts_that_do_not_agree_are_refused(tmp_path, other, reason):
    for name, array in (("a", samples(9)), ("b", samples(9)), ("c", other)):
        (tmp_path / name).write_bytes(npy_bytes(array))
    with pytest.raises(UnreadableData, match=reason) as refusal:
        read(Npz("a"), tmp_path, Split("a", "b", "c"))
    assert refusal.value.pointer == "/split/test"


def test_numbers_beyond_32_bit_floats_are_refused(tmp_path):
    (tmp_path / "x").write_bytes(npy_bytes(np.full((9, 2), 1e300)))
    with pytest.raises(UnreadableData, match="too large for 32-bit"):
        store(Npz("x", duplicates="keep"), tmp_path, scaling="none")


def test_a_range_beyond_64_bit_floats_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(npy_bytes(np.tile([[1.7e308], [-1.7e308]], (9, 2))))
    with pytest.raises(UnreadableData, match="too large to be scaled"):
        store(Npz("x", duplicates="keep"), tmp_path)
