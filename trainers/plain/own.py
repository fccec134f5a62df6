"""A module of one's own as a model: scaling, the task's input, and what its loss is made of."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainers.plain.base import PlainModel
from trainers.plain.given import Given


class OwnModel(PlainModel):
    """`module_class` over scaled samples in their own shape, [N, *shape].

    Its constructor gets the parameters that it names, and of `shape` (of a sample), `features`
    (their product) and `problem` (all that is known of data and task) those that it names. Then

    - `loss(batch)` gives a dictionary with the scalar `loss`, a mean over the batch; its other
      entries are recorded beside the metrics. `loss(batch, given)` also gets what the task has
      left of the samples (for `reconstruct` the samples themselves).
    - `reconstruct(given)` gives the reconstruction, in the shape of the batch.
    - optional: `encode(given)`, a code [N, L] or a pair of mean and log-variance;
      `decode_latent(code)`, the samples of codes [N, L]; `sample(count)`, decoded draws from the
      prior.
    """

    def __init__(
        self,
        module_class: type[nn.Module],
        problem: Mapping[str, Any],
        config: Mapping[str, Any],
    ) -> None:
        super().__init__(problem, config)
        known = {"shape": self.shape, "features": self.features, "problem": dict(problem)}
        names = inspect.signature(module_class).parameters
        chosen = {name: value for name, value in {**config, **known}.items() if name in names}
        self.module = module_class(**chosen)
        self.terms: dict[str, Tensor] = {}
        """Of the last loss: what it is made of, scalars."""
        self._sees_given = sees_given(module_class)

    def training_loss(self, target: Tensor, given: Given, kl_share: float = 1.0) -> Tensor:
        """The module's own; its parts are in `terms` afterwards."""
        seen = (self._shaped(given.start),) if self._sees_given else ()
        found = self.module.loss(self._shaped(target), *seen)  # type: ignore[operator]
        loss = self._checked(found)
        self.terms = {
            name: torch.as_tensor(value).detach().mean()
            for name, value in found.items()
            if name != "loss"
        }
        return loss

    def estimate(self, given: Given) -> Tensor:
        """[N, F]: what `reconstruct` gives of what the task has left."""
        found = self.module.reconstruct(self._shaped(given.start))  # type: ignore[operator]
        if not isinstance(found, Tensor) or found.numel() != given.start.numel():
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise TypeError(
                f"{self._name}.reconstruct gave {what} for samples of shape "
                f"{(len(given.start), *self.shape)}: it must return a tensor of that shape"
            )
        return found.reshape(len(given.start), self.features)

    def encode(self, given: Given) -> Tensor:
        """[N, L]: the module's code; of a normal posterior its mean."""
        return self._codes(given)[0]

    def latent(self, given: Given) -> Tensor | None:
        """[N, L]; None for a module without `encode`."""
        return self.encode(given) if hasattr(self.module, "encode") else None

    def decode_latent(self, code: Tensor) -> Tensor | None:
        """[N, F] where the module has `decode_latent`."""
        if not hasattr(self.module, "decode_latent"):
            return None
        found: Tensor = self.module.decode_latent(code)  # type: ignore[operator]
        return found.reshape(len(code), self.features)

    def posterior(self, given: Given) -> tuple[Tensor, Tensor] | None:
        """Where `encode` gives a pair: mean and log-variance."""
        if not hasattr(self.module, "encode"):
            return None
        codes = self._codes(given)
        return (codes[0], codes[1]) if len(codes) > 1 else None

    def prior_samples(self, count: int, generator: torch.Generator) -> Tensor | None:
        """[count, F] where the module has `sample`."""
        if not hasattr(self.module, "sample"):
            return None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator.initial_seed())
            found: Tensor = self.module.sample(count)  # type: ignore[operator]
        return found.reshape(count, self.features)

    @property
    def _name(self) -> str:
        return type(self.module).__name__

    def _shaped(self, flat: Tensor) -> Tensor:
        return flat.reshape(len(flat), *self.shape)

    def _codes(self, given: Given) -> list[Tensor]:
        """Each [N, L]."""
        found = self.module.encode(self._shaped(given.start))  # type: ignore[operator]
        parts = found if isinstance(found, tuple | list) else (found,)
        return [part.reshape(len(given.start), -1) for part in parts[:2]]

    def _checked(self, found: Any) -> Tensor:
        loss = found.get("loss") if isinstance(found, Mapping) else None
        if not isinstance(loss, Tensor) or loss.ndim:
            what = f"a loss of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else found
            raise TypeError(
                f"{self._name}.loss gave {str(what)[:80]}: it must return a dictionary whose "
                "`loss` is a scalar tensor, the mean over the batch"
            )
        return loss


def sees_given(module_class: type[nn.Module]) -> bool:
    """Whether `loss` takes a second argument."""
    parameters = list(inspect.signature(module_class.loss).parameters.values())  # type: ignore[attr-defined]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 2
