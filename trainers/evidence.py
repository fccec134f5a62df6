"""What a trained model says beside its metrics: latent space, prior, codes, where it errs."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from trainers.evaluation import Samples, load_twin
from trainers.plain.base import PlainModel
from trainers.plain.recurrent import PAD

SCATTERED = 500
"""Validation samples in the latent scatter."""
DRAWN = 16
"""Samples from the prior."""
TRAVERSED = 6
"""Latent units that are moved at most."""
STOPS = 7
"""Places on the way of a unit."""
REACH = (0.02, 0.98)
"""Shares of the codes between which a unit is moved: where the decoder has been, not outliers."""
ROOM = 48 * 2**20
"""Bytes of evidence in which a traversal must fit; what people look at is read up to 64 MiB."""
_SEED = 0
"""Of the prior's draws: the same for every trial and epoch, so that pictures compare."""


@torch.no_grad()
def gather_evidence(
    twin: PlainModel, epochs: Mapping[str, dict[str, Tensor]], validation: Samples
) -> dict[str, Tensor]:
    """Evidence at each of `epochs` (`best`, `last`: state dicts), named `<what>/<epoch>`.

    - `error_map` [*shape]: mean error of each element over the evaluated validation samples
      (squared; for text the share of wrong tokens at a position, of the texts that reach it).
    - `latent` [n, 2]: the first two principal coordinates of up to 500 samples' codes, and
      `latent_share` [2], the variance that they hold. `best` and `last` have axes of their own.
    - `kl_per_unit` [L]: mean KL of each latent unit, nats.
    - `prior` [16, *shape]: decoded draws from the prior.
    - `codes` [codes]: how often validation uses each entry of a codebook.
    - `traversal` [U, 7, *shape], `traversal_units` [U] int64, `traversal_values` [U, 7], at `best`
      only: see `traverse`.

    What a family does not have is absent. Leaves the twin at the last of `epochs`.
    """
    found: dict[str, Tensor] = {}
    scattered = validation.first(SCATTERED)
    for epoch, state in epochs.items():
        load_twin(twin, state)
        found[f"error_map/{epoch}"] = _error_map(twin, validation)
        code = twin.latent(scattered.given)
        if code is not None and code.shape[0] > 1:
            points, share = _principal(code.flatten(1))
            found[f"latent/{epoch}"], found[f"latent_share/{epoch}"] = points, share
        kl = _kl_per_unit(twin, validation)
        if kl is not None:
            found[f"kl_per_unit/{epoch}"] = kl
        prior = twin.prior_samples(DRAWN, torch.Generator().manual_seed(_SEED))
        if prior is not None:
            found[f"prior/{epoch}"] = prior.reshape(-1, *twin.shape)
        if epoch == "best" and code is not None:
            moved = traverse(twin, code, kl)
            found |= {f"{name}/{epoch}": tensor for name, tensor in moved.items()}
        codes = [twin.code_use(given) for _, given in validation.chunks()]
        if codes[0] is not None:
            found[f"codes/{epoch}"] = torch.stack([c for c in codes if c is not None]).sum(0)
    return {
        name: (tensor if name.startswith("traversal_units/") else tensor.float()).contiguous()
        for name, tensor in found.items()
    }


def traverse(twin: PlainModel, code: Tensor, kl: Tensor | None) -> dict[str, Tensor]:
    """What single latent units change; `code` [n, ...] of validation samples, `kl` [L] nats.

    - `traversal` [U, 7, *shape]: the code of the first sample decoded with one unit at each of
      `traversal_values`, all others held. The same fixed sample for every trial, so that trials
      compare; a real code and not the mean of codes, near which there may be no data.
    - `traversal_units` [U] int64: which units, at most 6, the most informative first: by KL
      where there is a posterior (what a unit says of a sample, rule of thumb of VAEs), else by
      the variance of its codes. A unit whose codes are all alike is no way to go, and left out.
    - `traversal_values` [U, 7]: evenly from the 2nd to the 98th percentile of the unit's codes.

    Empty where codes are not flat or have no decoder, where all are alike, and where samples
    are so large that the evidence would pass ROOM beside error maps and draws from the prior.
    """
    room = (ROOM // (4 * twin.features) - DRAWN * 2 - 2) // STOPS
    if code.ndim != 2 or room < 1 or twin.decode_latent(code[:1]) is None:
        return {}
    ends = _percentiles(code, REACH)  # [2, L]
    worth = code.double().var(0, correction=0) if kl is None else kl
    order = worth.argsort(descending=True, stable=True)
    units = order[(ends[1] > ends[0])[order]][: min(TRAVERSED, room)]
    if not len(units):
        return {}
    low, high = ends[:, units, None]
    values = (low + (high - low) * torch.linspace(0, 1, STOPS, dtype=torch.float64)).to(code)
    moved = code[:1].expand(len(units), STOPS, -1).clone()
    moved.scatter_(2, units[:, None, None].expand(-1, STOPS, 1), values[:, :, None])
    decoded = twin.decode_latent(moved.flatten(0, 1))
    assert decoded is not None
    return {
        "traversal": decoded.reshape(len(units), STOPS, *twin.shape),
        "traversal_units": units,
        "traversal_values": values,
    }


def _percentiles(code: Tensor, shares: Sequence[float]) -> Tensor:
    """[n, L] -> [shares, L] float64, linear between neighbours.

    torch.quantile is the same, and refuses more than 16 million numbers.
    """
    ordered = code.sort(0).values
    places = torch.tensor(shares, dtype=torch.float64) * (len(code) - 1)
    below = places.floor().long()
    above = (below + 1).clamp(max=len(code) - 1)
    share = (places - below)[:, None]
    return ordered[below].double() * (1 - share) + ordered[above].double() * share


def _error_map(twin: PlainModel, validation: Samples) -> Tensor:
    """[*shape] mean error of each element; 0 at a position that no text reaches."""
    maps = [twin.element_errors(target, given).sum(0) for target, given in validation.chunks()]
    counted: float | Tensor = len(validation)
    if twin.problem["kind"] == "text":
        # After its end a text has nothing that could be wrong: it says nothing of the position.
        counted = (validation.target != PAD).sum(0).clamp(min=1)
    return (torch.stack(maps).sum(0) / counted).reshape(twin.shape)


def _kl_per_unit(twin: PlainModel, validation: Samples) -> Tensor | None:
    """[L] mean KL to a standard normal of each unit; None where there is no posterior."""
    total = None
    for _, given in validation.chunks():
        posterior = twin.posterior(given)
        if posterior is None:
            return None
        mean, log_variance = posterior
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).double().sum(0)
        total = kl if total is None else total + kl
    assert total is not None
    return total / len(validation)


def _principal(code: Tensor) -> tuple[Tensor, Tensor]:
    """[n, L] -> coordinates on the two widest axes [n, 2], and their shares of the variance."""
    centred = code.double() - code.double().mean(0)
    _, values, axes = torch.linalg.svd(centred, full_matrices=False)
    # The sign of an axis is arbitrary: the largest loading is made positive.
    strongest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    axes = axes * torch.where(strongest < 0, -1.0, 1.0)
    points = centred @ axes[:2].T
    variance = values.square()
    share = variance[:2] / variance.sum().clamp(min=1e-30)
    missing = 2 - points.shape[1]
    if missing:
        points = torch.nn.functional.pad(points, (0, missing))
        share = torch.nn.functional.pad(share, (0, missing))
    return points, share
