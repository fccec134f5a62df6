"""The parameters of autoencoders with a penalty on the code or its maps. Torch-free."""

from typing import Annotated, Literal, TypeAlias

from trainers.knobs import Knob, choices_of, reals, whole
from trainers.params import PenalisedAutoencoderParams

DecoderPenalty: TypeAlias = Literal["l2", "gradient"]
Sparsity: TypeAlias = Literal["l1", "kl"]


def _weight(description: str) -> Knob:
    return Knob(role="objective", allowed=reals(0.0, 1e4), per_slot=True, description=description)


class WaeMmdParams(PenalisedAutoencoderParams):
    """A Wasserstein autoencoder."""

    mmd_weight: Annotated[
        float,
        _weight(
            "Weight of the distance between the codes of a batch and a standard normal; 1 to 1000 "
            "is usual."
        ),
    ] = 10.0


class RaeParams(PenalisedAutoencoderParams):
    """A regularised autoencoder."""

    code_weight: Annotated[
        float,
        _weight("Weight of half the squared length of the code; 1e-4 to 1 is usual."),
    ] = 1e-2
    decoder_penalty: Annotated[
        DecoderPenalty,
        Knob(
            role="optimisation",
            allowed=choices_of("l2", "gradient"),
            description="What keeps the decoder smooth: half the squares of its weights, or the "
            "squared slope of its output at the codes.",
        ),
    ] = "l2"
    decoder_weight: Annotated[
        float,
        _weight("Weight of the decoder's penalty; 1e-6 to 1e-2 is usual."),
    ] = 1e-4


class SparseAutoencoderParams(PenalisedAutoencoderParams):
    """An autoencoder whose codes are mostly silent."""

    latent_dim: Annotated[
        int,
        Knob(
            role="capacity",
            allowed=whole(1, 4096),
            description="Numbers in the code; a sparse one may be wide.",
        ),
    ] = 32
    sparsity: Annotated[
        Sparsity,
        Knob(
            role="optimisation",
            allowed=choices_of("l1", "kl"),
            description="l1: rectified codes, charged for their sum. kl: codes between 0 and 1, "
            "each charged for a mean activity other than sparsity_target (Ng 2011).",
        ),
    ] = "l1"
    sparsity_weight: Annotated[
        float, _weight("Weight of the sparsity penalty; 1e-3 to 10 is usual.")
    ] = 0.01
    sparsity_target: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(1e-3, 0.5),
            per_slot=True,
            needs={"sparsity": ("kl",)},
            description="Mean activity that every number of the code should have.",
        ),
    ] = 0.05


class ContractiveAutoencoderParams(PenalisedAutoencoderParams):
    """An autoencoder whose code moves little when its input does."""

    contraction_weight: Annotated[
        float,
        _weight("Weight of the squared slope of the code by the input; 1e-4 to 1 is usual."),
    ] = 1e-2
