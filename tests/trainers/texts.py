"""Small real texts for the tests: the words that name Unicode's characters."""

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tests.trainers.conftest import ArrayData
from trainers.problem import Problem, problem_of

SPECIAL = ("<pad>", "<end>", "<unknown>", "<dropped>")
TOKENS = (*SPECIAL, *"abcdefghijklmnopqrstuvwxyz")
LENGTH = 11


@cache
def words() -> list[str]:
    """About two thousand words of 3 to 10 letters, shuffled once."""
    names = " ".join(unicodedata.name(chr(code), "") for code in range(0x20, 0x3000)).lower()
    found = sorted({word for word in names.split() if word.isascii() and word.isalpha()})
    fitting = [word for word in found if 3 <= len(word) < LENGTH]
    return [fitting[i] for i in np.random.default_rng(0).permutation(len(fitting))]


def as_ids(texts: list[str], length: int = LENGTH) -> NDArray[np.float32]:
    """Token ids, ended and padded."""
    ids = np.zeros((len(texts), length), np.float32)
    for row, text in enumerate(texts):
        numbers = [TOKENS.index(letter) for letter in text] + [1]
        ids[row, : len(numbers)] = numbers
    return ids


def text_data(train: int = 201, validation: int = 60) -> ArrayData:
    """So many words for training, so many others for validation."""
    ids = as_ids(words()[: train + validation])
    return ArrayData(
        ids[:train], ids[train:], (LENGTH,), 0.0, float(len(TOKENS) - 1), kind="text", tokens=TOKENS
    )


WORDS: Problem = problem_of(text_data(4, 4))
