"""Whether the training losses and the metrics of a study fit its data and each other."""

from collections.abc import Iterator, Mapping

from service.domain.advice import ValuesKnown
from service.domain.catalog import Catalog, LossEntry
from service.domain.configuration import extremes
from service.domain.records import DataHeader, Dataset
from service.domain.spec import ResolvedSpec
from service.errors import FieldError

LOSS = "loss"
EXCESS = "bce_excess"
SMALLEST_IMAGE = 3
"""Pixels of the shorter side that SSIM needs."""
OF_NEIGHBOURHOODS = ("ssim", "ms_ssim", "ssim_mix", "ms_ssim_mix")
OF_COLUMNS = {"numeric_mse": "numeric", "categorical_accuracy": "categorical"}
KIND_NAMES = {"text": "text", "table": "a table", "image": "images", "vector": "vectors"}


def check_losses(resolved: ResolvedSpec, catalog: Catalog, header: DataHeader) -> list[FieldError]:
    """Losses and metrics that the data does not have, likelihoods of losses that are none."""
    named = losses_of(resolved, catalog)
    return [
        *_check_kinds(resolved, named, header),
        *_check_metrics(resolved, catalog, header),
        *_check_densities(resolved, catalog, named),
    ]


def say_impossible(resolved: ResolvedSpec, catalog: Catalog, dataset: Dataset) -> str | None:
    """Why no trial can have a result on the stored values, and what to do; None: nothing is known.

    Only where every loss of the study, or a metric that it looks at, needs values in [0, 1].
    """
    known = ValuesKnown(dataset.kind, tuple(dataset.shape), dataset.low, dataset.high)
    if dataset.kind == "text" or known.in_unit_range:
        return None
    named = losses_of(resolved, catalog)
    if named and all(loss.unit_range for loss in named.values()):
        what, way = " and ".join(named), "another loss"
    elif EXCESS in resolved.aims.metrics:
        what, way = EXCESS, "another metric, such as mse"
    else:
        return None
    needs = "needs" if what in (EXCESS, *named) else "need"
    return (
        f"{what} {needs} values in [0, 1], and the scaled data goes from {dataset.low:.4g} to "
        f"{dataset.high:.4g}: write scaling: unit, or take {way}"
    )


def losses_of(resolved: ResolvedSpec, catalog: Catalog) -> dict[str, LossEntry]:
    """Every loss that a trial of the study may be trained by, by name."""
    found = {
        str(value): catalog.losses.get(str(value))
        for family in resolved.families
        for value in extremes(resolved, family, LOSS)
    }
    return {name: entry for name, entry in found.items() if entry is not None}


def _pointer(resolved: ResolvedSpec) -> str:
    return f"/space/{LOSS}" if LOSS in resolved.space else "/family"


def _check_kinds(
    resolved: ResolvedSpec, named: Mapping[str, LossEntry], header: DataHeader
) -> Iterator[FieldError]:
    if header.kind == "text":
        return  # text families have a loss of their own
    for loss in named.values():
        if header.kind not in loss.data_kinds:
            yield FieldError(
                pointer=_pointer(resolved),
                reason=f"{loss.name} is for {_kinds(loss.data_kinds)}, and this is "
                f"{KIND_NAMES[header.kind]}",
                remedy="write loss: mse, or gaussian",
            )
        elif loss.name in OF_NEIGHBOURHOODS and _is_tiny(header):
            yield FieldError(
                pointer=_pointer(resolved),
                reason=f"{loss.name} compares neighbourhoods of 3 x 3 pixels or more, and these "
                f"images have {_sides(header)}",
                remedy="write loss: mse, or gaussian",
            )
        elif loss.unit_range and _is_centred(resolved, header):
            yield FieldError(
                pointer=_pointer(resolved),
                reason=f"{loss.name} needs data in [0, 1], and scaling: standard centres it on 0",
                remedy="write scaling: unit, or loss: gaussian",
            )


def _check_metrics(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[FieldError]:
    for pointer, name in metric_places(resolved).items():
        metric = catalog.metrics.get(name)
        if metric is None:
            continue
        if metric.data_kinds and header.kind not in metric.data_kinds:
            yield FieldError(
                pointer=pointer,
                reason=f"{name} is measured of {_kinds(metric.data_kinds)}, and this is "
                f"{KIND_NAMES[header.kind]}",
                remedy="rank by mse or mae",
            )
        elif name in OF_NEIGHBOURHOODS and _is_tiny(header):
            yield FieldError(
                pointer=pointer,
                reason=f"{name} compares neighbourhoods of 3 x 3 pixels or more, and these images "
                f"have {_sides(header)}",
                remedy="rank by mse or psnr",
            )
        elif header.columns and _lacks_columns(name, header):
            kind = OF_COLUMNS[name]
            yield FieldError(
                pointer=pointer,
                reason=f"{name} is of {kind} columns, and this table has none",
                remedy="rank by mse",
            )
        elif name == EXCESS and _is_centred(resolved, header):
            yield FieldError(
                pointer=pointer,
                reason="bce_excess reads values as probabilities, and scaling: standard centres "
                "them on 0",
                remedy="write scaling: unit, or rank by mse",
            )


def _check_densities(
    resolved: ResolvedSpec, catalog: Catalog, named: Mapping[str, LossEntry]
) -> Iterator[FieldError]:
    """No likelihood without a density."""
    none = [loss.name for loss in named.values() if not loss.density]
    if not none:
        return
    dense = [loss.name for loss in named.values() if loss.density] or ["gaussian"]
    for pointer, name in metric_places(resolved).items():
        metric = catalog.metrics.get(name)
        if metric is not None and metric.density:
            yield FieldError(
                pointer=pointer,
                reason=f"{name} needs a training loss that is a density, and "
                f"{' and '.join(none)} {'is' if len(none) == 1 else 'are'} none: no constant turns "
                "it into nats",
                remedy=f"train by loss: {' or '.join(dense)}, or rank by another metric, such as "
                "mse subject to a bound on kl",
            )


def metric_places(resolved: ResolvedSpec) -> dict[str, str]:
    """Pointer -> name of every metric that the objectives and their constraints name."""
    listed = isinstance(resolved.objective, list)
    found = {}
    for index, objective in enumerate(resolved.aims.objectives):
        pointer = f"/objective/{index}" if listed else "/objective"
        found[f"{pointer}/metric"] = objective.metric
        for place, bound in enumerate(objective.subject_to):
            found[f"{pointer}/subject_to/{place}/metric"] = bound.metric
    return found


def _kinds(kinds: list[str]) -> str:
    return " or ".join(KIND_NAMES[kind] for kind in kinds)


def _lacks_columns(name: str, header: DataHeader) -> bool:
    return name in OF_COLUMNS and all(c.kind != OF_COLUMNS[name] for c in header.columns)


def _is_centred(resolved: ResolvedSpec, header: DataHeader) -> bool:
    """Whether some scaled values are certain to lie below 0; one-hot columns are not scaled."""
    categories = header.columns and all(column.kind == "categorical" for column in header.columns)
    return resolved.scaling == "standard" and not categories


def _is_tiny(header: DataHeader) -> bool:
    return min(header.shape[:2]) < SMALLEST_IMAGE


def _sides(header: DataHeader) -> str:
    return " x ".join(str(side) for side in header.shape[:2])
