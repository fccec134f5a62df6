import gzip

import numpy as np
import pytest

from tests.trainers.data.files import gzipped, idx_bytes, npy_bytes, npz_bytes, read, samples
from trainers.data.layout import CHUNK_BYTES
from trainers.data.readers import open_source
from trainers.data.sources import BuiltIn, Header, Idx, Npz, Split


def rows_of(source, root, split=None):
    with open_source(source, split or Split(), [root]) as opened:
        return [np.concatenate([block.rows for block in file.blocks()]) for file in opened.files]


def test_digits_are_scikit_learns_without_importing_it(tmp_path):
    from sklearn.datasets import load_digits

    (rows,) = rows_of(BuiltIn("digits"), tmp_path)
    np.testing.assert_array_equal(rows, load_digits().data)


def test_the_header_of_digits_agrees_with_its_file(tmp_path):
    header = read(BuiltIn("digits"), tmp_path)
    assert header == Header(1797, (8, 8), "uint8", None, 1797 * 64, kind="image")
    (rows,) = rows_of(BuiltIn("digits"), tmp_path)
    assert rows.shape == (header.samples, header.features)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("code", "dtype"),
    [(0x08, ">u1"), (0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
def test_idx_of_every_type_is_read_raw_and_zipped(tmp_path, code, dtype, zipped):
    array = (samples(10) // 2).astype(dtype)
    data = idx_bytes(array, code)
    (tmp_path / "x").write_bytes(gzipped(data) if zipped else data)
    header = read(Idx("x"), tmp_path)
    assert (header.samples, header.shape) == (10, (3, 4))
    assert header.dtype == np.dtype(dtype).newbyteorder("=").name
    np.testing.assert_array_equal(rows_of(Idx("x"), tmp_path)[0], array.reshape(10, 12))


def test_the_test_file_of_idx_is_counted_apart(tmp_path):
    (tmp_path / "a").write_bytes(idx_bytes(samples(20)))
    (tmp_path / "b").write_bytes(idx_bytes(samples(7, seed=1)))
    header = read(Idx("a", "b"), tmp_path)
    assert (header.samples, header.test_samples, header.bytes) == (20, 7, 27 * 12)


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "<u2", ">u4", "<i8", ">i2", "<f2", ">f4", "<f8", "<u8"]
)
def test_npy_of_every_number_type_is_read(tmp_path, dtype):
    array = (samples(10) % 2).astype(dtype)
    (tmp_path / "x.npy").write_bytes(npy_bytes(array))
    assert read(Npz("x.npy"), tmp_path).dtype == np.dtype(dtype).newbyteorder("=").name
    np.testing.assert_array_equal(rows_of(Npz("x.npy"), tmp_path)[0], array.reshape(10, 12))


def test_column_major_arrays_keep_their_samples(tmp_path):
    array = np.asfortranarray(samples(10, 3, 2, 2))
    (tmp_path / "x.npy").write_bytes(npy_bytes(array))
    np.testing.assert_array_equal(rows_of(Npz("x.npy"), tmp_path)[0], array.reshape(10, 12))


@pytest.mark.parametrize("compressed", [False, True])
def test_one_array_of_an_npz_is_chosen_by_key(tmp_path, compressed):
    data = npz_bytes(compressed, images=samples(9), labels=np.arange(9))
    (tmp_path / "x.npz").write_bytes(data)
    np.testing.assert_array_equal(
        rows_of(Npz("x.npz", "images"), tmp_path)[0], samples(9).reshape(9, 12)
    )


def test_the_only_array_of_an_npz_needs_no_key(tmp_path):
    (tmp_path / "x.npz").write_bytes(npz_bytes(x=samples(9)))
    assert read(Npz("x.npz"), tmp_path).samples == 9


def test_files_of_many_chunks_come_in_order(tmp_path):
    array = np.arange(3 * CHUNK_BYTES // 8, dtype="<i8").reshape(-1, 64)
    (tmp_path / "x.npy").write_bytes(npy_bytes(array))
    with open_source(Npz("x.npy"), Split(), [tmp_path]) as opened:
        (file,) = opened.files
        chunks = list(file.rows())
    assert len(chunks) == 3
    np.testing.assert_array_equal(np.concatenate(chunks), array)


def test_a_gzip_of_several_members_is_one_file(tmp_path):
    data = idx_bytes(samples(10))
    (tmp_path / "x.gz").write_bytes(gzip.compress(data[:50]) + gzip.compress(data[50:]))
    assert rows_of(Idx("x.gz"), tmp_path)[0].shape == (10, 12)


def test_parts_given_as_paths_are_read_in_their_order(tmp_path):
    for name, seed in (("a", 0), ("b", 1), ("c", 2)):
        (tmp_path / f"{name}.npy").write_bytes(npy_bytes(samples(5 + seed, seed=seed)))
    split = Split("a.npy", "b.npy", "c.npy")
    header = read(Npz("ignored.npy"), tmp_path, split)
    assert (header.samples, header.test_samples) == (11, 7)
    assert [len(rows) for rows in rows_of(Npz("ignored.npy"), tmp_path, split)] == [5, 6, 7]
