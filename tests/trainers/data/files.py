"""Small data files for the tests, well-formed or broken on purpose."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np

from trainers.data.headers import read_header
from trainers.data.sources import Header, Source, Split
from trainers.data.store import ingest
from trainers.data.stored import Stored


def idx_bytes(array: np.ndarray, code: int = 0x08, shape: tuple[int, ...] | None = None) -> bytes:
    shape = array.shape if shape is None else shape
    sizes = struct.pack(f">{len(shape)}I", *shape)
    return bytes([0, 0, code, len(shape)]) + sizes + array.tobytes()


def npy_bytes(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npy_header(header: str, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + body


def npz_bytes(compressed: bool = False, **arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(out, **arrays)
    return out.getvalue()


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def samples(count: int = 40, *shape: int, seed: int = 0) -> np.ndarray:
    shape = shape or (3, 4)
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def read(source: Source, root: Path, split: Split | None = None) -> Header:
    return read_header(source, split or Split(), [root])


def store(
    source: Source,
    root: Path,
    split: Split | None = None,
    scaling: str = "unit",
    latent_dims: tuple[int, ...] = (2,),
    below: str = "store",
) -> tuple[Stored, Path]:
    """Ingest into root/below; the record and the data set's folder."""
    target = root / below
    stored = ingest(source, split or Split(), scaling, [root], target, latent_dims)
    return stored, target / stored.folder
