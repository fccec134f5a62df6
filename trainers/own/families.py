"""Makes a Family of what is known of a module of one's own. Torch-free."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import create_model

from service.domain.space import Scalar
from trainers.family import Family
from trainers.image_params import ImageAugmentation
from trainers.knobs import Knob
from trainers.own.description import OwnDescription, OwnParameter
from trainers.own.probe import Probe
from trainers.params import TrainingParams
from trainers.problem import Problem

PLAIN = "trainers.plain.own"
ARRAY = "trainers.own.array:OwnArray"


class OwnParams(ImageAugmentation, TrainingParams):
    """How any module is trained; a subclass has the parameters of its constructor."""

    @classmethod
    def structure(cls, config: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Everything: modules gain nothing side by side, so each trial has a worker to itself."""
        return dict(config)


def own_family(description: OwnDescription, probe: Probe) -> Family:
    """The family that a description is of; `probe` counts its parameters."""

    def count(config: Mapping[str, Scalar], problem: Problem) -> int:
        return probe.count(description.source, config, problem.to_json())

    tasks = ("reconstruct", "denoise", "inpaint", "super_resolve")
    return Family(
        name=description.name,
        title=description.title,
        description=description.description,
        params=own_params(description),
        array=ARRAY,
        plain=PLAIN,
        count_parameters=count,
        count_activations=_unknown,
        tasks=tasks if description.sees_given else ("reconstruct",),
        own=description,
    )


def _unknown(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Nobody counts what a module keeps; each of its trials is an array of its own."""
    return 0


def own_params(description: OwnDescription) -> type[OwnParams]:
    """The Params class of a module's constructor."""
    fields: dict[str, Any] = {
        parameter.name: (Annotated[Scalar, knob_of(parameter)], parameter.default)
        for parameter in description.parameters
    }
    made: type[OwnParams] = create_model(
        f"{description.class_name}Params",
        __base__=OwnParams,
        __doc__=f"Parameters of {description.class_name}.",
        **fields,
    )
    return made


def knob_of(parameter: OwnParameter) -> Knob:
    """What the catalog says of a constructor's argument."""
    return Knob(
        role=parameter.role,
        allowed=parameter.allowed,
        description=parameter.description,
        default_range=parameter.allowed if parameter.searched else None,
    )
