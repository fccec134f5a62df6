"""From a source to its open array files: which files there are, and which part each is."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trainers.data.digits import open_digits
from trainers.data.errors import UnreadableData, UnsuitableSplit
from trainers.data.idx import open_idx
from trainers.data.layout import ArrayFile
from trainers.data.numpy_files import open_numpy
from trainers.data.roots import open_under_roots
from trainers.data.sources import BuiltIn, Idx, Npz, Source, Split

BUILT_IN = {"digits": open_digits}


def source_paths(source: Source, split: Split) -> list[tuple[str, str]]:
    """(path, JSON pointer) of every file that is read, in the order in which they are staged."""
    if isinstance(source, BuiltIn):
        return []
    if split.paths:
        fields = ("train", "validation", "test")
        paths = [
            (part, f"/split/{field}")
            for part, field in zip((split.train, split.validation, split.test), fields, strict=True)
            if isinstance(part, str)
        ]
        if isinstance(source, Idx) and source.test_images and split.test is None:
            paths.append((source.test_images, "/dataset/test_images"))
        return paths
    if isinstance(source, Npz):
        return [(source.path, "/dataset/path")]
    paths = [(source.images, "/dataset/images")]
    if source.test_images is not None:
        paths.append((source.test_images, "/dataset/test_images"))
    return paths


@contextmanager
def open_files(source: Source, split: Split, roots: Sequence[Path]) -> Iterator[list[ArrayFile]]:
    """Every file of a source, open, with checked and agreeing headers. Raises UnreadableData.

    Without paths in the split: the samples to divide, then the test file where there is one.
    With paths: train, validation, test.
    """
    with ExitStack() as stack:
        files: list[ArrayFile] = []
        if isinstance(source, BuiltIn):
            files.append(_open_built_in(source, split))
        for path, pointer in source_paths(source, split):
            file = stack.enter_context(open_under_roots(path, roots, pointer))
            if isinstance(source, Npz):
                files.append(open_numpy(file, path, source.key, pointer))
            else:
                files.append(open_idx(file, path, pointer))
        _check_agreement(files)
        yield files


def _open_built_in(source: BuiltIn, split: Split) -> ArrayFile:
    if source.name not in BUILT_IN:
        known = ", ".join(sorted(BUILT_IN))
        raise UnreadableData(
            source.name[:64],
            "there is no built-in data set of this name",
            f"choose one of: {known}; or give {{kind: npz, path: ...}}",
            "/dataset/name",
        )
    if split.paths:
        raise UnsuitableSplit(
            source.name,
            "a built-in data set cannot be split by paths",
            "give shares or counts",
            "/split",
        )
    return BUILT_IN[source.name](source.name, "/dataset/name")


def _check_agreement(files: list[ArrayFile]) -> None:
    first = files[0]
    for other in files[1:]:
        for name, left, right in (
            ("shape", first.layout.shape, other.layout.shape),
            ("type", first.layout.dtype, other.layout.dtype),
        ):
            if left != right:
                raise UnreadableData(
                    other.path,
                    f"its samples have {name} {right}, those of {first.path} have {left}",
                    "give files whose samples have the same shape and number type",
                    other.pointer,
                )
