"""Randomness keyed by (trial seed, site, epoch, step, element), never by slot (rule R3).

A counter-based generator: key and counter go through the finaliser of SplitMix64 (Steele,
Lea & Flood 2014). What a slot draws depends on nothing but its own key, so a trial is the same
alone or in company, after compaction and after a restart. Draws of several steps are made at
once, which changes nothing but the time.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_MULTIPLY_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MULTIPLY_2 = 0x94D049BB133111EB - (1 << 64)
_BLOCK_ELEMENTS = 1 << 18
"""How many draws are made at once at most: about a megabyte, so that they stay in cache."""


def mix(values: Tensor) -> Tensor:
    """The finaliser of SplitMix64, in place on int64; shifts are made logical by masks."""
    values.bitwise_xor_((values >> 30).bitwise_and_((1 << 34) - 1)).mul_(_MULTIPLY_1)
    values.bitwise_xor_((values >> 27).bitwise_and_((1 << 37) - 1)).mul_(_MULTIPLY_2)
    return values.bitwise_xor_((values >> 31).bitwise_and_((1 << 33) - 1))


@lru_cache(maxsize=4096)
def site_key(site: str) -> int:
    """A signed 64-bit number for the name of a place that draws."""
    digest = hashlib.sha256(site.encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


@dataclass(frozen=True)
class _Block:
    first: int
    values: Tensor
    """[steps, K, batch, width]."""


class Noise:
    """The draws of K slots."""

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.device = device
        self.seeds = list(seeds)
        self._seeds = mix(torch.tensor(self.seeds, dtype=torch.int64, device=device))
        self._epoch = 0
        self._full_steps = 0
        self._blocks: dict[str, _Block] = {}
        self._counters: dict[int, Tensor] = {}

    def begin_epoch(self, epoch: int, full_steps: int) -> None:
        """Start an epoch whose first `full_steps` steps have batches of one size."""
        self._epoch = epoch
        self._full_steps = full_steps
        self._blocks.clear()

    def normal(self, site: str, step: int, batch: int, width: int) -> Tensor:
        """Standard normal draws of one step of the running epoch, [K, batch, width]."""
        return self._draw(site, step, batch, width, _normals)

    def fractions(self, site: str, step: int, batch: int, width: int) -> Tensor:
        """Uniform draws from (0, 1) of one step of the running epoch, [K, batch, width]."""
        return self._draw(site, step, batch, width, _fractions)

    def keep_masks(self, site: str, step: int, batch: int, width: int, rates: Tensor) -> Tensor:
        """Dropout masks [K, batch, width]: 0 with probability rates[k], else 1 / (1 - rates[k]).

        A rate of 1 leaves nothing.
        """
        wanted = (rates * 65536 - 32768).round()[:, None]
        # 32768 is no int16: it would wrap round to the smallest one, and nothing would be dropped.
        threshold = wanted.clamp(max=32767).to(torch.int16)
        scale = torch.where(wanted > 32767, 0.0, 1 / (1 - rates[:, None]))

        def masks(words: Tensor, count: int) -> Tensor:
            lanes = words.view(torch.int16)[..., :count]
            return (lanes >= threshold).float().mul_(scale)

        return self._draw(site, step, batch, width, masks, lanes=4)

    def frozen_normal(self, site: str, chunk: int, rows: int, width: int) -> Tensor:
        """Standard normal draws that are the same at every evaluation, [K, rows, width]."""
        words = self._words(self._keys(site, 0, chunk, 1), -(-rows * width // 2))
        return _normals(words, rows * width).view(-1, rows, width)

    def frozen_fractions(self, site: str, chunk: int, rows: int, width: int) -> Tensor:
        """Uniform draws from (0, 1), the same at every evaluation, [K, rows, width]."""
        words = self._words(self._keys(site, 0, chunk, 1), -(-rows * width // 2))
        return _fractions(words, rows * width).view(-1, rows, width)

    def uniform(self, site: str, count: int) -> Tensor:
        """Uniform draws from (-1, 1) for initial weights, [K, count]."""
        words = self._words(self._keys(site, 0, 0, 1), -(-count // 2))
        return _symmetric(words, count)[0]

    def permutations(self, epoch: int, count: int) -> Tensor:
        """The order of the samples in an epoch, one for each slot, [K, count]."""
        words = self._words(self._keys("order", epoch, 0, 1), count)[0]
        return words.argsort(dim=1, stable=True)

    def _draw(
        self,
        site: str,
        step: int,
        batch: int,
        width: int,
        make: Callable[[Tensor, int], Tensor],
        lanes: int = 2,
    ) -> Tensor:
        block = self._blocks.get(site)
        if block is None or not block.first <= step < block.first + len(block.values):
            count = batch * width
            steps = max(1, _BLOCK_ELEMENTS // (len(self._seeds) * count))
            steps = max(1, min(steps, self._full_steps - step))
            words = self._words(self._keys(site, self._epoch, step, steps), -(-count // lanes))
            block = _Block(step, make(words, count).view(steps, -1, batch, width))
            self._blocks[site] = block
        return block.values[step - block.first]

    def _keys(self, site: str, epoch: int, step: int, steps: int) -> Tensor:
        """[steps, K, 1]: one key for each step and slot."""
        epoch_keys = mix((mix(self._seeds ^ site_key(site)) + epoch).mul_(_GOLDEN))
        numbers = torch.arange(step + 1, step + 1 + steps, device=self.device)
        return mix(epoch_keys + (numbers * _GOLDEN)[:, None])[..., None]

    def _words(self, keys: Tensor, count: int) -> Tensor:
        """[steps, K, count] words of 64 random bits."""
        counters = self._counters.get(count)
        if counters is None:
            counters = torch.arange(1, count + 1, device=self.device).mul_(_GOLDEN)
            self._counters[count] = counters
        return mix(keys + counters)


def _symmetric(words: Tensor, count: int) -> Tensor:
    """Two 24-bit uniforms in (-1, 1) from every word; exact in float32, never -1, 0 or 1."""
    lanes = (words.view(torch.int32)[..., :count] >> 8).float()
    return lanes.add_(0.5).mul_(2.0**-23)


def _fractions(words: Tensor, count: int) -> Tensor:
    """Two 23-bit uniforms in (0, 1) from every word; exact in float32, never 0 or 1."""
    lanes = (words.view(torch.int32)[..., :count] >> 9).float()
    return lanes.add_(0.5).mul_(2.0**-23).add_(0.5)


def _normals(words: Tensor, count: int) -> Tensor:
    """Standard normals by the inverse of the distribution function (cut at about 5.4)."""
    return _symmetric(words, count).erfinv_().mul_(math.sqrt(2))
