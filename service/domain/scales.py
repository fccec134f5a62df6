"""Scales of metrics: what a share of a value means, and values as errors (lower is better)."""

from math import exp, isfinite, log, log10

WITHOUT_ZERO = frozenset({"elbo", "bits_per_dimension", "loss"})
"""Metrics whose zero is arbitrary (nats of a density move with the units of the data): only
differences mean something, so they are judged by the range of their curve."""
PSNR = "psnr"
ERRORS = {PSNR: "the squared error", "ssim": "1 - ssim", "ms_ssim": "1 - ms_ssim"}
"""Metrics that grow towards a perfect score or without end, by the error that stands for them:
shares are of that error, as 1 dB is 26 % of a squared error at any level of PSNR."""
NO_SHARES = WITHOUT_ZERO | ERRORS.keys()
"""Metrics of whose own values shares say nothing."""
DECIBELS = 10 / log(10)


def error_of(metric: str, sign: float, value: float) -> float:
    """A value as one of which less is better; not finite where there is no such error.

    `sign` is -1 for a metric that is to be large. A PSNR is the squared error that it stands
    for, as a share of the squared range: 10^(-PSNR / 10).
    """
    if metric not in ERRORS or sign > 0:
        return sign * value
    if metric != PSNR:
        return 1 - value
    return exp(-value / DECIBELS) if abs(value) < 3000 else float("nan")  # a float ends at 3080 dB


def value_of(metric: str, sign: float, error: float) -> float:
    """The value of the metric that `error_of` made an error of."""
    if metric not in ERRORS or sign > 0:
        return sign * error
    return 1 - error if metric != PSNR else -10 * log10(error)


def deviation_of(metric: str, error: float, deviation: float) -> float:
    """A standard error in the metric's units as one of `error`, to first order."""
    return error * deviation / DECIBELS if metric == PSNR else deviation


def change_in_units(metric: str, level: float, change: float | None) -> float | None:
    """How much worse the metric gets, in its own units, where an error goes up from a level.

    None where a PSNR has no such change.
    """
    if metric != PSNR or change is None:
        return change
    ratio = 1 + change / level if level > 0 else 0.0
    return 10 * log10(ratio) if ratio > 0 and isfinite(ratio) else None
