"""What went wrong in a worker, as data."""

import errno
import traceback
from typing import Final

import torch

from service.domain.records import Failure
from trainers.data.errors import UnreadableData

TAIL_CHARACTERS: Final = 4000
MESSAGE_CHARACTERS: Final = 1000
NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT}


def describe_failure(error: BaseException) -> Failure:
    """The failure record of an exception.

    Kinds: `out-of-memory`, `storage-full`, `data` (the data set cannot be read), `error`.
    """
    text = str(error) or type(error).__name__
    trace = "".join(traceback.format_exception(error))
    return Failure(
        kind=_kind(error),
        message=text[:MESSAGE_CHARACTERS],
        traceback_tail=trace[-TAIL_CHARACTERS:],
    )


def _kind(error: BaseException) -> str:
    if is_out_of_memory(error):
        return "out-of-memory"
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return "storage-full"
    return "data" if isinstance(error, UnreadableData) else "error"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, in Python, in numpy or in torch's allocators."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # torch's CPU allocator raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in str(error) or "not enough memory" in str(error)
    )
