"""A folder or zip of images as samples: whole ones of one size, or patches cut from large ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trainers.data.errors import UnreadableData
from trainers.data.grouping import GroupPattern, key_of
from trainers.data.image_decoding import Pixels, decode_image, image_size
from trainers.data.image_members import Members
from trainers.data.layout import CHUNK_BYTES, Block, Keys, Layout, check_layout
from trainers.data.sources import Images

LOOKED_AT = 64
"""Images whose headers are read for the header of the data set."""


@dataclass
class ImageFile:
    """Images below a path; each gives one sample, or as many as patches fit into it."""

    path: str
    pointer: str
    members: Members
    source: Images
    limit: int | None
    layout: Layout

    def blocks(self) -> Iterator[Block]:
        """Every sample once, images by name, patches row by row."""
        by_pattern = self.source.group_by and GroupPattern(self.source.group_by, self.path)
        step = max(1, CHUNK_BYTES // self.layout.features)
        rows: list[Pixels] = []
        groups: list[int] = []
        done = 0
        grouped = bool(by_pattern) or self.source.patch is not None
        for name in self.members.names:
            if self.limit is not None and done >= self.limit:
                break
            key = 0
            if grouped:
                # What a name holds that is no UTF-8 comes as surrogates.
                plain = name.encode("utf-8", "surrogateescape")
                key = int(by_pattern.keys([name])[0]) if by_pattern else key_of(plain)
            most = None if self.limit is None else self.limit - done
            for found in self._samples(name, step, most):
                rows.append(found)
                done += len(found)
                groups += [key] * len(found)
                if sum(map(len, rows)) >= step:
                    yield self._block(rows, groups, grouped)
                    rows, groups = [], []
        if rows:
            yield self._block(rows, groups, grouped)

    def _block(self, rows: list[Pixels], groups: list[int], grouped: bool) -> Block:
        keys: Keys | None = np.array(groups, np.uint64) if grouped else None
        return Block(np.concatenate(rows), keys)

    def _samples(self, name: str, step: int, most: int | None) -> Iterator[Pixels]:
        """[n, F] the first samples of one image, at most `most`, in pieces of at most `step`."""
        source = self.source
        with self.members.open(name) as file:
            pixels = decode_image(file, source.mode, source.size, name, self.path, self.pointer)
        if source.patch is not None:
            stride = source.stride or source.patch
            high, wide = (_fits(side, source.patch, stride) for side in pixels.shape[:2])
            count = high * wide if most is None else min(most, high * wide)
            for start in range(0, count, step):
                stop = min(start + step, count)
                yield cut_patches(pixels, source.patch, stride, start, stop)
            return
        if pixels.shape != self.layout.shape:
            raise _other_size(self, name, pixels.shape)
        yield pixels.reshape(1, -1)

    def close(self) -> None:
        """Close folder or zip."""
        self.members.close()


def cut_patches(
    pixels: Pixels, size: int, stride: int, start: int = 0, stop: int | None = None
) -> Pixels:
    """[n, size * size * C] whole patches `start` to `stop` (None: all), counted row by row.

    None where the image is smaller.
    """
    if min(pixels.shape[:2]) < size:
        channels = pixels.shape[2] if pixels.ndim > 2 else 1
        return np.empty((0, size * size * channels), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (size, size), axis=(0, 1))
    kept = windows[::stride, ::stride]  # [rows, columns, (C,) size, size]
    across = kept.shape[1]
    places = np.arange(start, kept.shape[0] * across if stop is None else stop)
    chosen = kept[places // across, places % across]
    if pixels.ndim > 2:
        chosen = np.moveaxis(chosen, 1, -1)
    return np.ascontiguousarray(chosen).reshape(len(places), -1)


def open_images(members: Members, source: Images, limit: int | None, bounded: bool) -> ImageFile:
    """The images of an open folder or zip, after a look at their headers. Raises UnreadableData.

    `bounded`: only LOOKED_AT headers are read, evenly spread, and the layout is an estimate where
    that leaves something open.
    """
    path, pointer, names = members.path, members.pointer, members.names
    if source.group_by:
        GroupPattern(source.group_by, path)
    every = max(1, -(-len(names) // LOOKED_AT)) if bounded else 1
    # The headers of all images matter only where patches must be counted.
    looked = names[::every] if bounded or source.patch is not None else names[:1]
    sizes = []
    for name in looked:
        with members.open(name) as file:
            sizes.append(image_size(file, name, path, pointer))
    channels = () if source.mode == "grey" else (3,)
    side = source.patch
    shape = (side, side) if side else source.size or sizes[0]
    samples, exact = len(names), True
    if side is not None:
        stride = source.stride or side
        counts = [_fits(high, side, stride) * _fits(wide, side, stride) for high, wide in sizes]
        samples = sum(counts) * len(names) // len(looked)
        exact = len(looked) == len(names)
        if samples == 0:
            raise UnreadableData(
                path,
                f"none of its images is as large as a patch of {side} x {side}",
                "give a smaller patches.size",
                "/dataset/patches/size",
            )
    if limit is not None:
        samples = min(samples, limit)
    layout = Layout(
        samples,
        (*shape, *channels),
        np.dtype("u1"),
        full_scale=255.0,
        given_kind="image",
        exact=exact,
    )
    check_layout(layout, path, pointer)
    found = ImageFile(path, pointer, members, source, limit, layout)
    if side is None and source.size is None:
        for name, size in zip(looked, sizes, strict=True):
            if size != shape:
                raise _other_size(found, name, (*size, *channels))
    return found


def _fits(length: int, side: int, stride: int) -> int:
    return max(0, (length - side) // stride + 1)


def _other_size(file: ImageFile, name: str, shape: tuple[int, ...]) -> UnreadableData:
    mine, theirs = file.layout.shape, shape
    return UnreadableData(
        file.path,
        f"{name[-120:]!r} has {theirs[0]} x {theirs[1]} pixels (height x width), the first image "
        f"{mine[0]} x {mine[1]}",
        f"give size: [{mine[0]}, {mine[1]}] to resize them all, or patches: {{size: 32}}",
        file.pointer,
    )
