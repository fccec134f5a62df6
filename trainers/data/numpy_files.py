"""NumPy's .npy and .npz formats; headers first, pickled objects never."""

import os
import re
import struct
import zipfile
from typing import IO, BinaryIO

import numpy as np

from trainers.data.errors import UnreadableData
from trainers.data.layout import ArrayFile, Layout, check_layout, check_ratio, named_failures

MAX_MEMBERS = 256
_MAX_DIRECTORY_BYTES = 1 << 20
_MAX_HEADER_BYTES = 10_000
_NPY, _ZIP, _EMPTY_ZIP = b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06"
_SAVE = "save it with numpy.save or numpy.savez"


def open_numpy(file: BinaryIO, path: str, key: str | None, pointer: str) -> ArrayFile:
    """Read and check the header of an open .npy or .npz file. Raises UnreadableData.

    Without a key an .npz file must hold one array.
    """
    magic = file.read(6)
    file.seek(0)
    stored = os.fstat(file.fileno()).st_size
    if magic == _NPY:
        if key is not None:
            raise UnreadableData(
                path, "it is a .npy file, which has no keys", "leave out `key`", pointer
            )
        return _open_npy(file, stored, path, pointer)
    if magic[:4] in (_ZIP, _EMPTY_ZIP):
        with named_failures(path, pointer):
            return _open_npz(file, stored, path, key, pointer)
    reason = "it is neither a .npy nor a .npz file"
    if not magic:
        reason = "it is empty"
    elif magic[:1] == b"\x80":
        reason = "it is a pickle, which could run code when it is loaded"
    raise UnreadableData(path, reason, _SAVE, pointer)


def _open_npz(file: BinaryIO, stored: int, path: str, key: str | None, pointer: str) -> ArrayFile:
    def refuse(reason: str, remedy: str = _SAVE) -> UnreadableData:
        return UnreadableData(path, reason, remedy, pointer)

    entries, directory_bytes = directory_size(file, stored)
    if entries > MAX_MEMBERS or directory_bytes > _MAX_DIRECTORY_BYTES:
        raise refuse(f"it holds {entries:,} members; {MAX_MEMBERS} are allowed")
    archive = zipfile.ZipFile(file)
    names = [info.filename for info in archive.infolist()]
    if len(set(names)) != len(names):
        raise refuse("two members have the same name")
    keys = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
    listed = ", ".join(repr(name)[:40] for name in keys[:8]) or "none"
    if key is None and len(keys) != 1:
        raise refuse(f"it holds {len(keys)} arrays: {listed}", "name one of them as `key`")
    wanted = keys[0] if key is None else key
    if wanted not in keys:
        raise refuse(f"it has no array {wanted[:40]!r}; there are {listed}", "name one as `key`")
    info = archive.getinfo(f"{wanted}.npy")
    if info.flag_bits & 0x1:
        raise refuse("it is encrypted", "save it without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refuse("it is compressed with an unusual method")
    if info.compress_size > stored:
        raise refuse("its directory names more bytes than the file has")
    check_ratio(info.file_size, info.compress_size, path, pointer)
    return _open_npy(archive.open(info), info.file_size, path, pointer)


def directory_size(file: BinaryIO, stored: int) -> tuple[int, int]:
    """(members, bytes) of a zip's directory, before anything of that size is read.

    Looks at the end record and, where there is one, at its zip64 form (APPNOTE 4.3.14-16).
    """
    tail_bytes = min(stored, 22 + 0xFFFF + 20 + 56)
    file.seek(stored - tail_bytes)
    tail = file.read(tail_bytes)
    file.seek(0)
    end = tail.rfind(_EMPTY_ZIP)
    if end < 0 or end + 22 > len(tail):
        raise zipfile.BadZipFile("no end record")
    entries, size = struct.unpack("<10xHL", tail[end : end + 16])
    wide = tail.rfind(b"PK\x06\x06", 0, end)
    if tail[end - 20 : end - 16] == b"PK\x06\x07" and 0 <= wide <= end - 20 - 56:
        wide_entries, wide_size = struct.unpack("<32xQQ", tail[wide : wide + 48])
        entries, size = max(entries, wide_entries), max(size, wide_size)
    return entries, size


def _open_npy(stream: IO[bytes], stored: int, path: str, pointer: str) -> ArrayFile:
    header, header_bytes = _read_npy_header(stream, path, pointer)
    layout = _parse_npy_header(header, path, pointer)
    check_layout(layout, path, pointer)
    if stored != header_bytes + layout.bytes:
        raise UnreadableData(
            path,
            f"its header promises {layout.bytes:,} bytes of numbers, but "
            f"{max(0, stored - header_bytes):,} follow",
            "write the file again, or copy it again; it is not whole",
            pointer,
        )
    return ArrayFile(path, pointer, layout, stream)


def _read_npy_header(stream: IO[bytes], path: str, pointer: str) -> tuple[str, int]:
    """The header's text, and the offset of the first number."""

    def refuse(reason: str) -> UnreadableData:
        return UnreadableData(path, reason, _SAVE, pointer)

    fixed = stream.read(8)
    if len(fixed) < 8 or fixed[:6] != _NPY:
        raise refuse("it does not start with a .npy header")
    if fixed[6:] not in (b"\x01\x00", b"\x02\x00"):
        raise refuse(f"its .npy format version {fixed[6]}.{fixed[7]} is not known")
    width, form = (2, "<H") if fixed[6] == 1 else (4, "<I")
    length = stream.read(width)
    if len(length) < width:
        raise refuse("it ends inside its header")
    header_bytes = struct.unpack(form, length)[0]
    if header_bytes > _MAX_HEADER_BYTES:
        raise refuse(f"its header claims {header_bytes:,} bytes")
    header = stream.read(header_bytes)
    if len(header) < header_bytes:
        raise refuse("it ends inside its header")
    return header.decode("latin-1"), 8 + width + header_bytes


def _parse_npy_header(header: str, path: str, pointer: str) -> Layout:
    # By pattern, not by evaluating the literal: deep nesting in one can exhaust the parser.
    def refuse(reason: str) -> UnreadableData:
        return UnreadableData(path, reason, _SAVE, pointer)

    if re.search(r"""['"]descr['"]\s*:\s*[\[(]""", header):
        raise refuse("it holds records with named columns, not plain numbers")
    descr = re.search(r"""['"]descr['"]\s*:\s*['"]([^'"]{1,32})['"]""", header)
    fortran = re.search(r"""['"]fortran_order['"]\s*:\s*(True|False)""", header)
    shape = re.search(r"""['"]shape['"]\s*:\s*\(([^()]*)\)""", header)
    if descr is None or fortran is None or shape is None:
        raise refuse("its header does not name type, order and shape")
    if not re.fullmatch(r"[<>|=][A-Za-z]\d{0,3}(\[\w+\])?", descr[1]):
        raise refuse("its header names an unknown number type")
    sides = [side.strip() for side in shape[1].split(",") if side.strip()]
    if not all(re.fullmatch(r"-?[0-9]{1,18}", side) for side in sides) or len(sides) > 32:
        raise refuse("its header names an impossible shape")
    try:
        dtype = np.dtype(descr[1])
    except TypeError as error:
        raise refuse("its header names an unknown number type") from error
    samples, *rest = (int(side) for side in sides) if sides else (0,)
    return Layout(
        samples,
        tuple(rest),
        dtype,
        fortran=fortran[1] == "True" and len(rest) > 0,
        full_scale=255.0 if dtype == np.uint8 else None,
    )
