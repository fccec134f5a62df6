"""Whether the architecture of a study's networks fits its data, and their size the caps."""

from service.domain.catalog import Catalog, Unbuildable
from service.domain.configuration import extremes
from service.domain.estimates import MAX_ARRAY_BYTES, MAX_PARAMETERS, estimate
from service.domain.loss_checks import KIND_NAMES
from service.domain.records import DataHeader
from service.domain.spec import ResolvedSpec
from service.errors import FieldError

ARCHITECTURE = "architecture"
CONVOLUTIONAL = "conv"
SMALLEST_SIDE = 4
"""Pixels of the shorter side that a convolutional network can halve (trainers.plain.stages)."""


def check_architecture(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> list[FieldError]:
    """Convolutions over what is no image, or over images too small to halve."""
    wanted = any(
        CONVOLUTIONAL in extremes(resolved, family, ARCHITECTURE) for family in resolved.families
    )
    if not wanted:
        return []
    pointer = f"/space/{ARCHITECTURE}" if ARCHITECTURE in resolved.space else "/family"
    sides = " x ".join(str(side) for side in header.shape[:2])
    if header.kind != "image":
        reason = f"conv is for images, and this is {KIND_NAMES[header.kind]}"
        remedy = "write architecture: mlp"
        if header.kind == "vector":
            remedy += ", or read the data as images: kind: idx or images, or an array of 3 axes"
    elif min(header.shape[:2]) < SMALLEST_SIDE:
        reason = f"conv halves images of at least {SMALLEST_SIDE} pixels a side, these have {sides}"
        remedy = "write architecture: mlp"
    else:
        return []
    return [FieldError(pointer=pointer, reason=reason, remedy=remedy)]


def check_size(resolved: ResolvedSpec, catalog: Catalog, header: DataHeader) -> list[FieldError]:
    """Errors for models, or arrays of them, beyond the caps."""
    try:
        cost = estimate(resolved, catalog, header)
    except Unbuildable as error:
        return [FieldError(pointer="/space", reason=error.reason, remedy=error.remedy)]
    if cost.parameters_max > MAX_PARAMETERS:
        return [
            FieldError(
                pointer="/space",
                reason=f"the largest model of this space has {cost.parameters_max:,} parameters, "
                f"the cap is {MAX_PARAMETERS:,}",
                remedy="lower the upper ends of hidden_width, depth or latent_dim",
            )
        ]
    if cost.array_bytes_max > MAX_ARRAY_BYTES:
        return [
            FieldError(
                pointer="/parallel/cohort_size",
                reason=f"{resolved.cohort_size} of the largest models side by side take "
                f"{cost.array_bytes_max / 2**30:.1f} GiB, the cap is {MAX_ARRAY_BYTES >> 30} GiB",
                remedy="give a smaller cohort_size, a smaller batch_size, or smaller models",
            )
        ]
    return []
