"""Reads a parameter's range, role and meaning from the annotation of a constructor. Torch-free.

`bool`, `Literal["relu", "gelu"]`, `Annotated[int, (8, 64)]`, `Annotated[float, (1e-3, 1, "log")]`
and `Annotated[int, [32, 64, 128]]` (one of these) are searched by default; a plain `int` or
`float` can be set, and is not searched. Texts inside `Annotated` are the role (optimisation, unless
it says capacity or objective) and a description.
"""

from typing import Annotated, Any, Literal, cast, get_args, get_origin

from service.domain.catalog import Role
from service.domain.space import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Scalar,
    contains,
)
from trainers.image_params import ImageAugmentation
from trainers.own.description import OwnFamilyError, OwnParameter
from trainers.params import TrainingParams

ROLES: dict[str, Role] = {
    "optimisation": "optimisation",
    "capacity": "capacity",
    "objective": "objective",
}
UNBOUNDED = 1_000_000
"""Of a number without a range."""
TAKEN = frozenset(
    {*TrainingParams.model_fields, *ImageAugmentation.model_fields}
    | {"family", "loss", "sigma", "warm_up", "free_bits", "ssim_weight"}
)
"""Parameters that every family has, or that mean something already."""


def parameter_of(name: str, hint: Any, default: Any, where: str) -> OwnParameter:
    """A constructor's argument as a parameter. Raises OwnFamilyError, which says where."""
    if name in TAKEN:
        raise OwnFamilyError(
            where,
            f"{name} is a parameter of every family already",
            "leave it out (how a model is trained is tuned beside it), or give it another name",
        )
    plain, notes = (get_args(hint)[0], get_args(hint)[1:]) if _is_annotated(hint) else (hint, ())
    texts = [note for note in notes if isinstance(note, str)]
    role: Role = next((ROLES[text] for text in texts if text in ROLES), "optimisation")
    ranges = [note for note in notes if isinstance(note, tuple | list)]
    kind, allowed, bounded = _allowed(name, plain, ranges[0] if ranges else None, where)
    value = float(default) if kind == "float" and type(default) is int else default
    if not _fits(kind, allowed, value):
        raise OwnFamilyError(
            where, f"the default {default!r} of {name} is not in its range", "widen the range"
        )
    return OwnParameter(
        name=name,
        kind=kind,
        default=value,
        allowed=allowed,
        searched=bounded and role == "optimisation",
        role=role,
        description=next((text for text in texts if text not in ROLES), name.replace("_", " ")),
    )


Kind = Literal["bool", "int", "float", "choice"]


def _is_annotated(hint: Any) -> bool:
    return get_origin(hint) is Annotated


def _allowed(
    name: str, plain: Any, given: tuple[Any, ...] | list[Any] | None, where: str
) -> tuple[Kind, Distribution, bool]:
    """Its kind, what it may be, and whether somebody has said so."""
    if get_origin(plain) is Literal:
        return "choice", _choices(name, list(get_args(plain)), where), True
    if isinstance(given, list):
        return "choice", _choices(name, given, where), True
    if plain is bool:
        return "bool", CategoricalDistribution(choices=[False, True]), True
    if plain in (int, float):
        return ("int" if plain is int else "float", *_numbers(name, plain, given, where))
    raise OwnFamilyError(
        where,
        f"{name} is annotated {getattr(plain, '__name__', plain)}, which cannot be tuned",
        'use int, float, bool, Literal["a", "b"], or Annotated[int, (8, 64)]',
    )


def _choices(name: str, values: list[Any], where: str) -> CategoricalDistribution:
    if not values or not all(isinstance(value, bool | int | float | str) for value in values):
        raise OwnFamilyError(
            where, f"the choices of {name} are not plain values", "list numbers or texts"
        )
    made: CategoricalDistribution = _checked(
        lambda: CategoricalDistribution(choices=values), name, where
    )
    return made


def _numbers(
    name: str, plain: type, given: tuple[Any, ...] | None, where: str
) -> tuple[Distribution, bool]:
    bounds = given if given is not None else (-UNBOUNDED, UNBOUNDED)
    log = len(bounds) == 3 and bounds[2] == "log"
    ends = bounds[:2] if log else bounds
    numbers = [end for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(ends) != 2 or len(numbers) != 2 or (plain is int and any(n % 1 for n in numbers)):
        raise OwnFamilyError(
            where,
            f"the range of {name} is {bounds!r}",
            'give (low, high), or (low, high, "log"); a list for single values',
        )
    if plain is int:
        low, high = int(numbers[0]), int(numbers[1])
        return (
            _checked(lambda: IntDistribution(low=low, high=high, log=log), name, where),
            given is not None,
        )
    return (
        _checked(
            lambda: FloatDistribution(low=float(numbers[0]), high=float(numbers[1]), log=log),
            name,
            where,
        ),
        given is not None,
    )


def _checked(make: Any, name: str, where: str) -> Any:
    """What `make` gives; a range that is none is told with its place."""
    try:
        return make()
    except ValueError as error:
        details = error.errors()[0] if hasattr(error, "errors") else {"msg": str(error)}
        raise OwnFamilyError(
            where, f"the range of {name}: {details['msg']}", "mend the annotation"
        ) from None


def _fits(kind: Kind, allowed: Distribution, value: Any) -> bool:
    types: dict[Kind, type | tuple[type, ...]] = {
        "bool": bool, "int": int, "float": float, "choice": (bool, int, float, str),
    }  # fmt: skip
    if not isinstance(value, types[kind]) or (kind == "int" and isinstance(value, bool)):
        return False
    return contains(allowed, cast(Scalar, value))
