"""Rules of the linter about models: losses, the weight of the KL term, dead parameters."""

from collections.abc import Iterator

from service.domain.catalog import Catalog
from service.domain.configuration import extremes
from service.domain.records import DataHeader, Notice
from service.domain.search_rules import SpecRule
from service.domain.space import Scalar
from service.domain.spec import ResolvedSpec

LONG_WARM_UP = 0.5
WITHOUT_HIDDEN_LAYERS = ("hidden_width", "dropout", "activation", "norm")


def pointer_to(resolved: ResolvedSpec, *names: str) -> str:
    """Pointer of the first of these parameters that the spec names; else of the space."""
    return next((f"/space/{name}" for name in names if name in resolved.space), "/space")


def numbers(values: list[Scalar]) -> list[float]:
    """The numbers among some values."""
    return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]


def fixed_sigmas(resolved: ResolvedSpec, family: str) -> list[float]:
    """The sigmas that the losses of a family stand for, ascending, extremes of the space.

    mse is half the sum of squares, huber (delta 1) as well for errors below 1: sigma 1. gaussian
    with a fixed sigma divides by its square. A learned sigma follows the error down and does not
    collapse by itself; bce and l1 have no such scale: neither is in the list.
    """
    losses = extremes(resolved, family, "loss")
    found = numbers(extremes(resolved, family, "sigma")) if "gaussian" in losses else []
    if "mse" in losses or "huber" in losses:
        found.append(1.0)
    return sorted(found)


def effective_betas(resolved: ResolvedSpec, family: str) -> list[float]:
    """What the KL term may weigh against half the sum of squares: beta * sigma^2, ascending."""
    betas = numbers(extremes(resolved, family, "beta"))
    sigmas = fixed_sigmas(resolved, family)
    return sorted(beta * sigma**2 for beta in betas for sigma in sigmas)


def warn_of_fixed_sigma(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """An effective beta near 1 leaves little room for data in [0, 1] (truth 5)."""
    for name in resolved.families:
        betas = effective_betas(resolved, name)
        if not catalog.families[name].likelihood or not betas or resolved.scaling != "unit":
            continue
        if betas[-1] >= 1:
            yield Notice(
                code="fixed-sigma",
                pointer=pointer_to(resolved, "sigma", "loss", "beta"),
                message=f"{name}: the KL term weighs {betas[-1]:g} against half the sum of squares "
                "of data in [0, 1], as if every pixel carried noise of sigma 1: directions with "
                "less variance than that are given up, at worst all of them",
                remedy="loss: gaussian with sigma: learned (the default) finds the scale by itself",
            )


def warn_of_reduction(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A beta from elsewhere often belongs to a mean over features (truth 4).

    Only a sum of squares of a known weight has such a twin: beta * sigma^2 * 2/F beside its mean.
    """
    entry = resolved.space.get("beta")
    if entry is None or entry == 1.0:
        return
    for name in resolved.families:
        betas = numbers(extremes(resolved, name, "beta"))
        sigmas = fixed_sigmas(resolved, name)
        if catalog.families[name].likelihood and betas and sigmas:
            beta, sigma = max(betas), sigmas[-1]
            weight = 2 * beta * sigma**2 / header.features
            at_sigma = "" if sigma == 1 else f" at sigma {sigma:g}"
            factor = f"{header.features}/2"
            if sigma != 1:
                factor = f"{header.features}/(2 * {sigma:g}^2)"
            yield Notice(
                code="beta-and-reduction",
                pointer="/space/beta",
                message=f"losses are summed over the {header.features} features: beta "
                f"{beta:g}{at_sigma} here is a KL weight of {weight:.3g} beside a mean squared "
                "error",
                remedy="if your beta comes from code with a mean over features, multiply it by "
                f"{factor}",
            )
            return


def warn_of_cross_entropy(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """BCE is a likelihood of 0 and 1 (truth 3); data outside [0, 1] is refused (loss_checks.py)."""
    families = [name for name in resolved.families if "bce" in extremes(resolved, name, "loss")]
    if header.dtype != "bool" and any(catalog.families[name].likelihood for name in families):
        yield Notice(
            code="bce-is-no-likelihood",
            pointer=pointer_to(resolved, "loss"),
            message="bce of grey pixels is not a likelihood: its nats cannot be compared with "
            "published ones, and its floor is the entropy of the targets, not 0",
            remedy="use loss: gaussian with a learned sigma, or continuous_bernoulli, for grey "
            "data; bce for 0 and 1",
        )


def warn_of_dead_parameters(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """Parameters of the space that no model looks at."""
    linear = all(set(extremes(resolved, name, "depth")) == {0} for name in resolved.families)
    gaussian = any("gaussian" in extremes(resolved, name, "loss") for name in resolved.families)
    defaults = {
        name: parameter.default
        for family in resolved.families
        for name, parameter in catalog.families[family].parameters.items()
    }
    for name, entry in resolved.space.items():
        if entry == defaults[name]:
            continue
        if linear and name in WITHOUT_HIDDEN_LAYERS:
            reason, remedy = "depth 0 has no hidden layers", "raise depth, or leave it out"
        elif not gaussian and name == "sigma":
            reason, remedy = "only loss: gaussian looks at it", "write loss: gaussian"
        else:
            continue
        yield Notice(
            code="ignored-parameter",
            pointer=f"/space/{name}",
            message=f"{name} changes nothing here: {reason}",
            remedy=remedy,
        )


def warn_of_wide_codes(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A code as wide as the data is no bottleneck; a few numbers cannot spell out a text."""
    if header.kind == "text":
        return
    widest = max(
        (max(numbers(extremes(resolved, n, "latent_dim")), default=0) for n in resolved.families),
        default=0,
    )
    if widest >= header.features:
        yield Notice(
            code="no-bottleneck",
            pointer=pointer_to(resolved, "latent_dim"),
            message=f"latent_dim {widest:g} is as wide as the data ({header.features} features): "
            "the model can copy its input",
            remedy=f"stay well below {header.features}",
        )


def warn_of_long_warm_up(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """Epochs of the KL warm-up cannot win (truth 8)."""
    first, epochs = resolved.first_eligible_epoch, resolved.training.epochs
    if epochs > 1 and first - 1 > LONG_WARM_UP * epochs:
        yield Notice(
            code="long-warm-up",
            pointer=pointer_to(resolved, "warm_up"),
            message=f"only epochs {first} to {epochs} count: the KL warm-up may take the others, "
            "for every trial alike",
            remedy="lower warm_up, or train for more epochs",
        )


MODEL_RULES: tuple[SpecRule, ...] = (
    warn_of_fixed_sigma,
    warn_of_reduction,
    warn_of_cross_entropy,
    warn_of_dead_parameters,
    warn_of_wide_codes,
    warn_of_long_warm_up,
)
