"""Principal component analysis of the train part: the baseline of every bottleneck."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from trainers.data.layout import CHUNK_BYTES

Doubles: TypeAlias = npt.NDArray[np.float64]
Samples: TypeAlias = npt.NDArray[np.float32]

MAX_AXES = 512
EXACT_FEATURES = 2048
"""Up to so many features the covariance is decomposed directly."""
GRAM_SAMPLES = 1024
"""Up to so many samples of more features, the matrix of their products is decomposed instead."""
_OVERSAMPLING = 16
_ITERATIONS = 12


@dataclass(frozen=True)
class PrincipalAxes:
    """Mean, leading eigenvalues (descending) and axes of the train covariance (1/N)."""

    mean: Doubles
    """[F]"""
    eigenvalues: Doubles
    """[m]"""
    axes: npt.NDArray[np.float32]
    """[F, m], orthonormal columns; zeros beyond the rank of few samples."""
    variance: float
    """The trace of the covariance."""

    def unclipped_errors(self, samples: Samples) -> Doubles:
        """MSE of the reconstruction from 0, 1, ... m axes; [m + 1]. Entry 0: the mean."""
        captured = np.zeros(self.axes.shape[1])
        total = 0.0
        axes = self.axes.astype(np.float64)
        for centred in self._centred(samples):
            total += float(np.square(centred).sum())
            captured += np.square(centred @ axes).sum(axis=0)
        left = total - np.concatenate([[0.0], np.cumsum(captured)])
        return np.maximum(left, 0.0) / samples.size

    def clipped_error(self, samples: Samples, axes: int, low: float, high: float) -> float:
        """MSE of the reconstruction from so many axes, clipped to [low, high]."""
        kept = self.axes[:, :axes].astype(np.float64)
        total = 0.0
        for centred in self._centred(samples):
            error = centred @ kept @ kept.T
            # In place: these blocks are most of the memory that ingestion needs.
            error += self.mean
            np.clip(error, low, high, out=error)
            error -= self.mean
            error -= centred
            total += float(np.square(error, out=error).sum())
        return total / samples.size

    def _centred(self, samples: Samples) -> Iterator[Doubles]:
        for chunk in chunks(samples):
            yield chunk - self.mean


def chunks(samples: Samples) -> Iterator[Doubles]:
    """The samples in order as float64, in chunks of about CHUNK_BYTES."""
    step = max(1, CHUNK_BYTES // (8 * samples.shape[1]))
    for start in range(0, len(samples), step):
        yield samples[start : start + step].astype(np.float64)


def fit_axes(
    train: Samples, count: int = MAX_AXES, exact_features: int = EXACT_FEATURES
) -> PrincipalAxes:
    """The leading `count` axes (at most F) of the covariance of train [N, F].

    Up to `exact_features` by eigh of the covariance; above, where that matrix would not fit, by
    eigh of the Gram matrix of at most GRAM_SAMPLES samples (Sirovich 1987), and of more samples
    by orthogonal iteration from a fixed start (Halko, Martinsson & Tropp 2011, algorithm 4.4)
    with a Rayleigh-Ritz step at the end, which needs one pass over train per iteration.
    """
    count = min(count, train.shape[1])
    total: Doubles = np.zeros(train.shape[1])
    for chunk in chunks(train):
        total += chunk.sum(axis=0)
    mean = total / len(train)
    if train.shape[1] <= exact_features:
        covariance = _covariance(train, mean)
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
        variance = float(np.trace(covariance))
    elif len(train) <= GRAM_SAMPLES:
        values, vectors, variance = _from_products(train, mean, count)
    else:
        values, vectors, variance = _iterate(train, mean, count)
    return PrincipalAxes(
        mean, np.maximum(values, 0.0), np.ascontiguousarray(vectors, np.float32), variance
    )


def _covariance(train: Samples, mean: Doubles) -> Doubles:
    total = np.zeros((train.shape[1], train.shape[1]))
    for chunk in chunks(train):
        centred = chunk - mean
        total += centred.T @ centred
    return total / len(train)


def _from_products(train: Samples, mean: Doubles, count: int) -> tuple[Doubles, Doubles, float]:
    """With X v = s u: the eigenvectors v of X'X / N are X'u / s, those u of XX' are few."""
    samples, features = train.shape
    blocks = [slice(start, start + EXACT_FEATURES) for start in range(0, features, EXACT_FEATURES)]
    products = np.zeros((samples, samples))
    for block in blocks:
        centred = train[:, block].astype(np.float64) - mean[block]
        products += centred @ centred.T
    squares, left = np.linalg.eigh(products)
    squares, left = squares[::-1][:count], left[:, ::-1][:, :count]
    # Rounding leaves small numbers where the rank has ended.
    kept = squares > squares[0] * samples * np.finfo(np.float64).eps
    turn = np.divide(left, np.sqrt(squares, where=kept, out=np.ones_like(squares)))
    turn[:, ~kept] = 0.0
    vectors = np.zeros((features, count))
    for block in blocks:
        centred = train[:, block].astype(np.float64) - mean[block]
        vectors[block, : turn.shape[1]] = centred.T @ turn
    values = np.zeros(count)
    values[: len(squares)] = np.where(kept, squares, 0.0) / samples
    return values, vectors, float(np.trace(products)) / samples


def _iterate(train: Samples, mean: Doubles, count: int) -> tuple[Doubles, Doubles, float]:
    width = min(count + _OVERSAMPLING, train.shape[1])
    stream: npt.NDArray[Any] = np.random.PCG64(0).random_raw(train.shape[1] * width)
    basis = np.linalg.qr((stream / 2.0**64 - 0.5).reshape(train.shape[1], width))[0]
    image, variance = _apply_covariance(train, mean, basis)
    for _ in range(_ITERATIONS):
        basis = np.linalg.qr(image)[0]
        image, variance = _apply_covariance(train, mean, basis)
    values, turn = np.linalg.eigh(basis.T @ image)
    order = np.argsort(values)[::-1][:count]
    return values[order], basis @ turn[:, order], variance


def _apply_covariance(train: Samples, mean: Doubles, basis: Doubles) -> tuple[Doubles, float]:
    image: Doubles = np.zeros_like(basis)
    variance = 0.0
    for chunk in chunks(train):
        centred = chunk - mean
        variance += float(np.square(centred).sum())
        image += centred.T @ (centred @ basis)
    return image / len(train), variance / len(train)
