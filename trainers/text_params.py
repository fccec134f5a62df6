"""The parameters of the text families: defaults, ranges, roles. Torch-free."""

from collections.abc import Mapping
from typing import Annotated

from service.domain.space import Scalar
from trainers.knobs import Knob, choices_of, reals, whole
from trainers.params import TrainingParams
from trainers.problem import Problem


class TextParams(TrainingParams):
    """What every recurrent family of texts has."""

    dropout: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.0, 0.9),
            default_range=reals(0.0, 0.3),
            per_slot=True,
            description="Share of the states that are set to 0 before the code and before each "
            "token's logits, in training.",
        ),
    ] = 0.0
    word_dropout: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.0, 1.0),
            default_range=reals(0.0, 0.6),
            per_slot=True,
            description="Share of the tokens read by the decoder that are hidden from it in "
            "training, so that it must look at the code (Bowman et al. 2016).",
        ),
    ] = 0.2
    embedding_dim: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 1024),
            default_range=choices_of(32, 64, 128, 256),
            description="Numbers in the vector of a token; encoder and decoder share it.",
        ),
    ] = 32
    hidden_width: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 2048),
            default_range=choices_of(128, 256, 512),
            description="Units of the GRU of the encoder and of the decoder.",
        ),
    ] = 128
    latent_dim: Annotated[
        int,
        Knob(
            role="capacity",
            allowed=whole(1, 1024),
            description="Numbers in the code of a text: 8 to 64 are usual.",
        ),
    ] = 32


class TextAutoencoderParams(TextParams):
    """A recurrent autoencoder of texts."""


class TextVaeParams(TextParams):
    """A recurrent VAE of texts; the weights of the KL define its objective."""

    beta: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 1000.0),
            per_slot=True,
            description="Weight of the KL term, against nats of cross-entropy.",
        ),
    ] = 1.0
    warm_up: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 1.0),
            per_slot=True,
            description="Share of the planned epochs over which the KL weight rises from 0 to "
            "beta; none of them is eligible for the best epoch.",
        ),
    ] = 0.0
    free_bits: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 100.0),
            per_slot=True,
            description="Nats per latent dimension that the KL does not charge for "
            "(Kingma et al. 2016); without any, the decoder soon ignores the code.",
        ),
    ] = 0.25


def count_text_autoencoder(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one text autoencoder."""
    return _count_text(config, problem, codes=1)


def count_text_vae(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one text VAE: its encoder ends in a mean and a log-variance."""
    return _count_text(config, problem, codes=2)


def _count_text(config: Mapping[str, Scalar], problem: Problem, codes: int) -> int:
    tokens, width, latent = (
        int(config[name]) for name in ("embedding_dim", "hidden_width", "latent_dim")
    )
    vocabulary = problem.vocabulary

    def gru(inputs: int) -> int:
        return 3 * width * (inputs + width + 2)

    encoder = gru(tokens) + (width + 1) * codes * latent
    decoder = (latent + 1) * width + gru(tokens + latent) + (width + 1) * vocabulary
    return vocabulary * tokens + encoder + decoder
