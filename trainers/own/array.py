"""OwnArray: modules of one's own behind the protocol of an array."""

from functools import cache
from typing import Any, ClassVar

from torch import nn

from trainers.base import Config
from trainers.family import Family
from trainers.own.inspection import load_class
from trainers.plain.own import OwnModel
from trainers.problem import Problem
from trainers.solo import SoloArray


class OwnArray(SoloArray):
    """Every slot a module of the user's class."""

    module_class: ClassVar[type[nn.Module]]

    @classmethod
    def make_plain(cls, config: Config, problem: Problem) -> OwnModel:
        """An untrained module of one config."""
        return OwnModel(cls.module_class, problem.to_json(), config)


def own_array(family: Family) -> type[OwnArray]:
    """The array class of a family of one's own; imports its module."""
    assert family.own is not None
    return _array_class(family.own.source, family.params)


@cache
def _array_class(source: str, params: Any) -> type[OwnArray]:
    module_class = load_class(source)
    return type(
        f"{module_class.__name__}Array",
        (OwnArray,),
        {"module_class": module_class, "params_class": params, "__doc__": OwnArray.__doc__},
    )
