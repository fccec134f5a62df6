"""Rules of the linter about tasks and augmentation."""

from collections.abc import Iterator

from service.domain.catalog import Catalog
from service.domain.configuration import extremes
from service.domain.records import DataHeader, Notice
from service.domain.search_rules import SpecRule
from service.domain.spec import ResolvedSpec
from service.domain.tasks import DenoiseTask, InpaintTask

BYTES_RANGE = 255
LOUD = {"unit": 0.5, "standard": 2.0}
"""Gaussian noise from which on little of a sample is left, by scaling."""
DIRECTED = ("digits",)
"""Built-in data whose mirror image is something else."""
MOVES = ("augment_flip", "augment_shift", "augment_crop")


def warn_of_loud_noise(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A level that was meant for bytes, or that drowns the data."""
    task = resolved.task
    loud = LOUD.get(resolved.scaling)
    if not isinstance(task, DenoiseTask) or task.noise != "gaussian" or loud is None:
        return
    if task.level <= loud:
        return
    in_bytes = resolved.scaling == "unit" and header.dtype == "uint8"
    meant = f" (sigma {task.level * BYTES_RANGE:.0f} of 8 bits)" if in_bytes else ""
    yield Notice(
        code="loud-noise",
        pointer="/task/level",
        message=f"level {task.level:g} is a standard deviation on the scaled data{meant}: little "
        "of a sample is left",
        remedy="sigma 25 of 8 bits is 25/255 = 0.098 with scaling: unit",
    )


def warn_of_unscaled_noise(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """Without scaling a level is in the units of the data, and 0.1 is nothing to bytes."""
    task = resolved.task
    if not isinstance(task, DenoiseTask) or task.noise != "gaussian":
        return
    if resolved.scaling == "none" and header.dtype == "uint8" and task.level < 1:
        yield Notice(
            code="quiet-noise",
            pointer="/task/level",
            message=f"scaling: none leaves bytes from 0 to 255, to which noise of {task.level:g} "
            "is nothing",
            remedy=f"write scaling: unit, or level: {task.level * BYTES_RANGE:.3g}",
        )


def warn_of_other_noise(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A model that never sees the noise that it is judged by."""
    task = resolved.task
    if not isinstance(task, DenoiseTask):
        return
    for family in resolved.families:
        for name, parameter in catalog.families[family].parameters.items():
            if parameter.follows != "noise":
                continue
            trained = extremes(resolved, family, name)
            if task.noise not in trained:
                kinds = " or ".join(str(kind) for kind in dict.fromkeys(trained))
                yield Notice(
                    code="other-noise",
                    pointer=f"/space/{name}",
                    message=f"{family} trains on {kinds} noise and is judged by {task.noise} "
                    "noise, which it never sees",
                    remedy=f"leave {name} out: then it is the task's, {task.noise}",
                )


def warn_of_hole_in_mean(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A mean over the whole sample mixes filling the hole with copying what is known."""
    if not isinstance(resolved.task, InpaintTask):
        return
    metrics = {objective.metric for objective in resolved.aims.objectives}
    if "hole_mse" in metrics or not metrics & {"mse", "mae", "psnr"}:
        return
    named = ", ".join(sorted(metrics & {"mse", "mae", "psnr"}))
    yield Notice(
        code="hole-in-mean",
        pointer="/objective",
        message=f"{named} is taken over whole samples: {1 - resolved.task.share:.0%} of it asks "
        "how well the known values are copied",
        remedy="rank by what inpainting is about: objective: {metric: hole_mse}",
    )


def warn_of_mirrored_digits(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """A mirrored digit is no digit."""
    name = getattr(resolved.dataset, "name", None)
    if name in DIRECTED and any(
        True in extremes(resolved, family, "augment_flip") for family in resolved.families
    ):
        yield Notice(
            code="mirrored-digits",
            pointer="/space/augment_flip",
            message=f"a mirrored 2 is no digit: augment_flip trains on images that the validation "
            f"split of {name} never shows",
            remedy="use augment_shift, which leaves a digit what it is",
        )


def warn_of_augmented_numbers(
    resolved: ResolvedSpec, catalog: Catalog, header: DataHeader
) -> Iterator[Notice]:
    """Only images can be mirrored, moved and cropped."""
    if header.kind == "image":
        return
    for name in MOVES:
        if any(any(extremes(resolved, family, name)) for family in resolved.families):
            yield Notice(
                code="ignored-parameter",
                pointer=f"/space/{name}",
                message=f"{name} changes nothing here: the samples are no images",
                remedy="leave it out; augment_noise works on any numbers",
            )


TASK_RULES: tuple[SpecRule, ...] = (
    warn_of_loud_noise,
    warn_of_unscaled_noise,
    warn_of_other_noise,
    warn_of_hole_in_mean,
    warn_of_mirrored_digits,
    warn_of_augmented_numbers,
)
