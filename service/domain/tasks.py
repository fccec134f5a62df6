"""TaskSpec: what is reconstructed from what."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, Tag, model_validator

from service.domain.model import Value, invalid
from service.domain.unions import one_of, tag_by

NoiseKind: TypeAlias = Literal["gaussian", "salt_and_pepper", "masked", "token_drop", "token_swap"]
MaskKind: TypeAlias = Literal["random", "block", "half"]

HALF = 0.5
LARGEST_DEVIATION = 1e6
"""Data that are not scaled may be anything; task_checks.py knows what scaled ones allow."""


class ReconstructTask(Value):
    """The output is the input itself."""

    kind: Literal["reconstruct"] = "reconstruct"


class DenoiseTask(Value):
    """The clean sample from a noisy one.

    `level` of gaussian is its standard deviation on the scaled data (sigma 25 of 8 bits is
    25/255 = 0.098 with scaling: unit); of the other kinds the share of elements that are hit:
    salt_and_pepper sets them to the lowest or highest value, masked to 0 (columns of a table: to
    their mean), token_drop to the mask token, token_swap exchanges neighbouring tokens.
    """

    kind: Literal["denoise"] = "denoise"
    noise: NoiseKind = "gaussian"
    level: float = Field(default=0.1, gt=0, le=LARGEST_DEVIATION)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.noise != "gaussian" and self.level >= 1:
            raise invalid(
                f"the level of {self.noise} is a share of elements, and {self.level:g} is none",
                "give a level between 0 and 1, such as 0.1",
            )
        return self


class InpaintTask(Value):
    """The whole sample from one with holes; hole and known values are scored apart.

    `share` of the elements are hidden: random ones, one rectangular block, or one half (left,
    right, upper or lower; its share is 0.5).
    """

    kind: Literal["inpaint"] = "inpaint"
    mask: MaskKind = "random"
    share: float = Field(default=0.25, gt=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _halve(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("mask") == "half" and "share" not in value:
            return {**value, "share": HALF}
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.mask == "half" and self.share != HALF:
            raise invalid(
                f"a half hides half of the sample, not {self.share:g} of it",
                "leave share out, or use mask: block",
            )
        return self


class SuperResolveTask(Value):
    """The image from one whose sides are `factor` times smaller (antialiased bicubic)."""

    kind: Literal["super_resolve"] = "super_resolve"
    factor: Literal[2, 4] = 2


TaskSpec: TypeAlias = Annotated[
    Annotated[ReconstructTask, Tag("<as reconstruct>")]
    | Annotated[DenoiseTask, Tag("<as denoise>")]
    | Annotated[InpaintTask, Tag("<as inpaint>")]
    | Annotated[SuperResolveTask, Tag("<as super_resolve>")],
    one_of(
        tag_by("kind", "reconstruct", "denoise", "inpaint", "super_resolve"),
        "there is no such task",
        "give {kind: reconstruct | denoise | inpaint | super_resolve}, such as "
        "{kind: denoise, noise: gaussian, level: 0.1}",
    ),
]
