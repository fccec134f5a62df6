"""Whether the architecture of a study's networks fits its data."""

from service.domain.catalog import Catalog
from service.domain.configuration import extremes
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
