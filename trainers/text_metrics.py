"""Metrics of K text models: teacher-forced cross-entropy, and what they write on their own."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.intervals import SampleFigures
from trainers.metrics import ACTIVE_VARIANCE
from trainers.plain.edits import edit_distances, lengths
from trainers.plain.recurrent import PAD
from trainers.spread import STANDARD_ERROR

WRITTEN = 512
"""Texts of each part that are written freely (and judged by exact match and edit distance): the
first ones, the same at every epoch. Writing goes token by token, so it is what costs."""


@dataclass(frozen=True)
class TextOutputs:
    """What models say of n texts, eval mode; K leads everywhere."""

    nats: Tensor
    """[K, n] summed over real tokens, teacher-forced; a VAE decodes the posterior mean."""
    prediction: Tensor
    """[K, m, T] ids written freely of the first m texts, m <= n."""
    sampled: Tensor | None = None
    """[K, n] as `nats`, decoded from frozen samples of z."""
    mean: Tensor | None = None
    """[K, n, L] of the posterior."""
    log_variance: Tensor | None = None


class TextMeter:
    """Sums of one part of the data, and the metrics they give.

    token_cross_entropy: nats per real token, the end of the text among them, teacher-forced;
    perplexity: its exponential. exact_match: share of texts that are written without a fault;
    edit_distance: edits per token of the text, edit_distance_raw: edits per text; the last three
    on the first WRITTEN texts. With `beta` and `free_bits` ([K]): kl, elbo, active_units.
    `loss` and `reconstruction` are nats per text. Standard errors over texts; that of a ratio of
    means is linearised.
    """

    def __init__(
        self, slots: int, beta: Tensor | None = None, free_bits: Tensor | None = None
    ) -> None:
        self._slots = slots
        self._beta = beta
        self._free_bits = free_bits
        self._parts: dict[str, list[Tensor]] = {}
        self._sums: dict[str, Tensor] = {}
        self._figures: SampleFigures | None = None

    def keep(self, figures: SampleFigures) -> None:
        """Tell `figures` what every text gives, from now on; K = 1."""
        self._figures = figures

    def add(self, samples: Tensor, outputs: TextOutputs) -> None:
        """Take in a chunk: ids [n, T] and what the models made of them."""
        ids = samples.long()
        tokens = (ids != PAD).sum(1).expand(self._slots, -1)
        self._keep("nats", outputs.nats)
        self._keep("tokens", tokens)
        count = outputs.prediction.shape[1]
        if count:
            wanted = ids[:count].expand(self._slots, -1, -1).flatten(0, 1)
            distances = edit_distances(wanted, outputs.prediction.flatten(0, 1))
            distances = distances.view(self._slots, -1)
            letters = lengths(ids[:count]).expand(self._slots, -1)
            self._keep("edits", distances)
            self._keep("letters", letters)
            if self._figures is not None:
                self._figures.add("exact_match", distances == 0)
                self._figures.add("edit_distance", distances, letters)
                self._figures.add("edit_distance_raw", distances)
        if self._figures is not None:
            self._figures.add("token_cross_entropy", outputs.nats, tokens)
            self._figures.add("perplexity", outputs.nats, tokens, np.exp)
        if outputs.mean is None or outputs.log_variance is None or outputs.sampled is None:
            if self._figures is not None:
                self._figures.add("loss", outputs.nats)
                self._figures.add("reconstruction", outputs.nats)
            return
        mean, log_variance = outputs.mean.double(), outputs.log_variance.double()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)  # [K, n, L]
        self._keep("sampled", outputs.sampled)
        self._keep("rate", kl.sum(2))
        if self._figures is not None:
            self._figures.add("reconstruction", outputs.sampled)
            self._figures.add("kl", kl.sum(2))
            self._figures.add("elbo", -(outputs.sampled.double() + kl.sum(2)))
        for name, value in (("kl", kl), ("means", mean), ("mean_squares", mean.square())):
            total = value.sum(1)
            self._sums[name] = self._sums[name] + total if name in self._sums else total

    def results(self) -> dict[str, Tensor]:
        """Metric -> [K] in float64."""
        columns = {name: torch.cat(parts, dim=1) for name, parts in self._parts.items()}
        nats, tokens = columns["nats"], columns["tokens"]
        entropy = nats.sum(1) / tokens.sum(1)
        entropy_error = _ratio_error(nats, tokens)
        found = {
            "loss": nats.mean(1),
            "reconstruction": nats.mean(1),
            "token_cross_entropy": entropy,
            "perplexity": entropy.exp(),
        }
        errors = {
            "token_cross_entropy": entropy_error,
            "perplexity": None if entropy_error is None else entropy.exp() * entropy_error,
        }
        if "edits" in columns:
            edits, letters = columns["edits"], columns["letters"]
            exact = (edits == 0).double()
            found["exact_match"] = exact.mean(1)
            found["edit_distance"] = edits.sum(1) / letters.sum(1).clamp(min=1)
            found["edit_distance_raw"] = edits.mean(1)
            errors["exact_match"] = _mean_error(exact)
            errors["edit_distance"] = _ratio_error(edits, letters)
        if self._beta is not None and self._free_bits is not None and "sampled" in columns:
            found |= self._variational(columns, self._beta, self._free_bits)
            errors["elbo"] = _mean_error(columns["sampled"] + columns["rate"])
            errors["kl"] = _mean_error(columns["rate"])
        named = {
            f"{name}{STANDARD_ERROR}": error for name, error in errors.items() if error is not None
        }
        return found | named

    def _variational(
        self, columns: dict[str, Tensor], beta: Tensor, free_bits: Tensor
    ) -> dict[str, Tensor]:
        sampled = columns["sampled"].mean(1)
        count = columns["sampled"].shape[1]
        kl = self._sums["kl"] / count  # [K, L]
        charged = torch.maximum(kl, free_bits.double()[:, None]).sum(1)
        variance = self._sums["mean_squares"] / count - (self._sums["means"] / count).square()
        rate = kl.sum(1)
        return {
            "loss": sampled + beta.double() * charged,
            "reconstruction": sampled,
            "kl": rate,
            "elbo": -(sampled + rate),
            "active_units": (variance > ACTIVE_VARIANCE).sum(1).double(),
        }

    def equivalent_variance(self) -> Tensor:
        """[K] of ones: nats of tokens are a likelihood, so beta is what it says."""
        return torch.ones(self._slots, dtype=torch.float64)

    def _keep(self, name: str, values: Tensor) -> None:
        self._parts.setdefault(name, []).append(values.double())


def _mean_error(values: Tensor) -> Tensor | None:
    """Standard error of a mean over texts, [K, n] -> [K]; a single text has none."""
    count = values.shape[1]
    if count < 2:
        return None
    # Not values.std(): the way that it adds up depends on how many slots there are.
    squares = (values - values.sum(1, keepdim=True) / count).square().sum(1)
    return (squares / (count * (count - 1))).sqrt()


def _ratio_error(above: Tensor, below: Tensor) -> Tensor | None:
    """Standard error of sum(above) / sum(below) over texts, [K, n] twice -> [K] (linearised)."""
    ratio = above.sum(1) / below.sum(1).clamp(min=1)
    error = _mean_error(above - ratio[:, None] * below)
    return None if error is None else error / below.mean(1).clamp(min=1e-12)
