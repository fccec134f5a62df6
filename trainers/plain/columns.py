"""The columns of a table in a flat sample: numbers, and spans of categories."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Columns:
    """Where the numbers and the one-hot spans of a sample lie.

    A decoder says of a number its value, of a span the logits of its categories. Samples
    without columns (vectors) are all numbers.
    """

    def __init__(self, problem: Mapping[str, Any], features: int) -> None:
        columns = problem.get("columns") or []
        spans: dict[int, list[int]] = {}
        numbers = [] if columns else list(range(features))
        for column in columns:
            start, width = int(column["start"]), int(column["width"])
            if column["kind"] == "categorical":
                spans.setdefault(width, []).append(start)
            else:
                numbers += range(start, start + width)
        self.numbers = torch.tensor(numbers, dtype=torch.int64)
        self.spans = [
            torch.tensor(starts)[:, None] + torch.arange(width)
            for width, starts in sorted(spans.items())
        ]
        """[columns, width] places, one tensor for every width."""

    def numeric(self, sample: Tensor) -> Tensor:
        """[..., F] -> [..., numbers]."""
        return sample.index_select(-1, self.numbers.to(sample.device))

    def categories(self, sample: Tensor) -> list[Tensor]:
        """[..., F] -> [..., columns, width] for every width."""
        return [
            sample.index_select(-1, places.flatten().to(sample.device)).reshape(
                *sample.shape[:-1], *places.shape
            )
            for places in self.spans
        ]

    def predict(self, output: Tensor) -> Tensor:
        """Logits become probabilities, [..., F] -> [..., F]."""
        for places, logits in zip(self.spans, self.categories(output), strict=True):
            flat = places.flatten().to(output.device)
            output = output.index_copy(-1, flat, softmax(logits).flatten(-2))
        return output

    def cross_entropy(self, output: Tensor, target: Tensor) -> Tensor:
        """[..., F] twice -> [...]: nats, summed over the categorical columns.

        A category that train does not have is all zeros, and costs nothing.
        """
        total = output.new_zeros(output.shape[:-1])
        pairs = zip(self.categories(output), self.categories(target), strict=True)
        for logits, wanted in pairs:
            total = total - (log_softmax(logits) * wanted).sum((-2, -1))
        return total

    def hits(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """[..., F] twice -> [...] twice: columns whose likeliest category is right; all judged.

        Categories that train does not have are not judged.
        """
        right = prediction.new_zeros(prediction.shape[:-1])
        judged = torch.zeros_like(right)
        pairs = zip(self.categories(prediction), self.categories(target), strict=True)
        for guess, wanted in pairs:
            known = wanted.sum(-1) > 0.5
            same = guess.argmax(-1) == wanted.argmax(-1)
            right = right + (same & known).sum(-1)
            judged = judged + known.sum(-1)
        return right, judged


def log_softmax(logits: Tensor) -> Tensor:
    """Over the last dimension, by kernels that round alike wherever an element stands."""
    shifted = logits - logits.amax(-1, keepdim=True).detach()
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


def softmax(logits: Tensor) -> Tensor:
    """The same as probabilities."""
    return log_softmax(logits).exp()
