"""One image from untrusted bytes: an allowlist of formats, caps first, pixels later."""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from trainers.data.errors import UnreadableData

Pixels = npt.NDArray[np.uint8]
Mode = Literal["grey", "rgb"]

MAX_PIXELS = 32 << 20
"""Of one image: 8192 x 4096."""
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH = 24
"""Where a PNG's header says how many bits a channel has."""
_EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "La", "RGBa")
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow would warn of what _check refuses. Turning that warning into an error for a while is no
# way: the filters belong to the process, and threads that restore them leave each other's behind.
Image.MAX_IMAGE_PIXELS = None


@contextmanager
def open_image(file: BinaryIO, name: str, path: str, pointer: str) -> Iterator[Image.Image]:
    """An image whose header has been checked; nothing is decoded yet. Raises UnreadableData.

    `name` is the file's inside `path`. What decoders raise inside the block is named too.
    """

    def refuse(reason: str, remedy: str) -> UnreadableData:
        return UnreadableData(path, f"{name[-120:]!r}: {reason}", remedy, pointer)

    again = "open and save it again, or remove it"
    try:
        head = file.read(_PNG_DEPTH + 1)
        with Image.open(file, formats=_FORMATS) as image:
            _check(image, head, refuse)
            yield image
    except UnidentifiedImageError:
        raise refuse("it is no PNG, JPEG, WebP or BMP image", again) from None
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError, KeyError) as error:
        raise refuse(f"it is damaged ({str(error)[:80]})", again) from None
    except (struct.error, zlib.error, Warning, OverflowError, NotImplementedError) as error:
        raise refuse(f"it is damaged ({str(error)[:80]})", again) from None


def _check(image: Image.Image, head: bytes, refuse: Callable[[str, str], UnreadableData]) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise refuse(
            f"it has {width:,} x {height:,} pixels; {MAX_PIXELS:,} are allowed",
            "make it smaller, or remove it",
        )
    if width == 0 or height == 0:
        raise refuse("it has no pixels", "remove it")
    # The further pictures of an MPO file, as phones write it, are previews and depth maps.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise refuse("it is an animation", "save its frames as images of their own")
    if image.mode in ("CMYK", "YCCK"):
        raise refuse("its colours are CMYK, made for print", "convert it to RGB")
    if image.mode not in _EIGHT_BIT:
        raise refuse(f"its pixels are not 8 bits deep (mode {image.mode})", "convert it to 8 bits")
    # Pillow cuts these to 8 bits by itself, and its mode does not tell.
    if head.startswith(_PNG) and head[_PNG_DEPTH] > 8:
        raise refuse(
            f"its pixels are not 8 bits deep ({head[_PNG_DEPTH]} a channel)", "convert it to 8 bits"
        )


def image_size(file: BinaryIO, name: str, path: str, pointer: str) -> tuple[int, int]:
    """(height, width) of an image as it is looked at; reads its header only."""
    with open_image(file, name, path, pointer) as image:
        width, height = image.size
        return (width, height) if _turn(image) in (5, 6, 7, 8) else (height, width)


def decode_image(
    file: BinaryIO, mode: Mode, size: tuple[int, int] | None, name: str, path: str, pointer: str
) -> Pixels:
    """[H, W] or [H, W, 3] bytes; transparent pixels stand on white, cameras' turns are undone.

    `size` (height, width) resizes by antialiased bicubic interpolation.
    """
    with open_image(file, name, path, pointer) as image:
        turn = _turn(image)
        found: Image.Image = image
        if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
            layer = image.convert("RGBA")
            found = Image.new("RGBA", layer.size, "white")
            found.alpha_composite(layer)
        found = found.convert("L" if mode == "grey" else "RGB")
        if turn in _TURNS:
            found = found.transpose(_TURNS[turn])
        if size is not None and found.size != size[::-1]:
            found = found.resize(size[::-1], Image.Resampling.BICUBIC)
        return np.asarray(found, np.uint8)


def _turn(image: Image.Image) -> int:
    return int(image.getexif().get(_ORIENTATION, 1))
