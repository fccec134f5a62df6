"""The reconstruction losses that a family can train by, as the catalog shows them. Torch-free."""

from typing import Literal, TypeAlias

from service.domain.catalog import LossEntry, Role
from trainers.knobs import Knob, choices_of, reals

LossName: TypeAlias = Literal[
    "mse",
    "bce",
    "l1",
    "huber",
    "gaussian",
    "charbonnier",
    "continuous_bernoulli",
    "ssim_mix",
    "ms_ssim_mix",
]
NUMBERS = ["vector", "image", "table"]
SSIM_LOSSES = ("ssim_mix", "ms_ssim_mix")

LOSSES = (
    LossEntry(
        name="mse",
        description="Half the sum of squared errors: a Gaussian with sigma 1.",
        assumes="Errors of one size everywhere, few of them far out.",
        data_kinds=NUMBERS,
    ),
    LossEntry(
        name="gaussian",
        description="Gaussian negative log-likelihood with its constants; sigma is fixed, or "
        "learned as the optimal one (Rybkin et al. 2021).",
        assumes="As mse, and that the size of the errors is unknown: in a VAE it balances "
        "reconstruction and KL without a beta to tune.",
        data_kinds=NUMBERS,
    ),
    LossEntry(
        name="l1",
        description="Sum of absolute errors: a Laplace with scale 1.",
        assumes="Some errors are far out, or the median is wanted and not the mean: sharper "
        "edges, more exact zeros, a higher mse.",
        data_kinds=NUMBERS,
    ),
    LossEntry(
        name="huber",
        description="Half the square up to an error of 1, linear beyond (Huber 1964).",
        assumes="Rare errors above 1. Data in [0, 1] has none: there it is mse.",
        data_kinds=NUMBERS,
    ),
    LossEntry(
        name="charbonnier",
        description="sqrt(error^2 + 0.001^2), summed: l1 that is smooth at 0 (Charbonnier et al. "
        "1994, Lai et al. 2017).",
        assumes="As l1; the usual one for denoising and super-resolution.",
        data_kinds=NUMBERS,
    ),
    LossEntry(
        name="bce",
        description="Binary cross-entropy of logits, summed.",
        assumes="Every value is 0 or 1. On grey values it trains well, but it is no likelihood: "
        "its floor is the entropy of the values, not 0.",
        unit_range=True,
        logits=True,
        data_kinds=NUMBERS,
    ),
    LossEntry(
        name="continuous_bernoulli",
        description="bce with the normaliser that makes it a density on [0, 1] (Loaiza-Ganem & "
        "Cunningham 2019); the reconstruction is the mean of that density.",
        assumes="Grey values in [0, 1] that crowd at its ends, as in pictures of ink or cloth.",
        unit_range=True,
        logits=True,
        data_kinds=NUMBERS,
    ),
    LossEntry(
        name="ssim_mix",
        description="(1 - ssim_weight) half the squared errors + ssim_weight (1 - SSIM) / 2 per "
        "number (after Zhao et al. 2017).",
        assumes="Images of which structure matters more than brightness. It is no likelihood: "
        "there is no ELBO.",
        density=False,
        data_kinds=["image"],
    ),
    LossEntry(
        name="ms_ssim_mix",
        description="As ssim_mix, by multi-scale SSIM: as many of its five scales as the image "
        "has room for (one below 22 pixels, five from 176 on).",
        assumes="As ssim_mix, on images large enough for several scales.",
        density=False,
        data_kinds=["image"],
    ),
)

LOSS_CHOICES = choices_of(*(loss.name for loss in LOSSES))
LOSS_TEXT = (
    "Training loss, summed over features and averaged over the batch: "
    + ", ".join(loss.name for loss in LOSSES)
    + ". What each assumes stands in the catalog under losses."
)


def ssim_knob(role: Role) -> Knob:
    """The share of SSIM in the mixes; its role is that of the family's `loss`."""
    return Knob(
        role=role,
        allowed=reals(0.0, 1.0),
        per_slot=True,
        needs={"loss": SSIM_LOSSES},
        description="Share of the SSIM term in ssim_mix and ms_ssim_mix: 0 is mse, 1 is SSIM "
        "alone.",
    )
