"""Whether a task fits the data, the families and the objective of a study."""

from collections.abc import Iterator, Sequence
from math import prod, sqrt

from service.domain.catalog import Catalog, FamilyEntry
from service.domain.records import DataHeader
from service.domain.spec import StudySpec
from service.domain.tasks import DenoiseTask, InpaintTask, SuperResolveTask
from service.errors import FieldError

TOKEN_NOISES = ("token_drop", "token_swap")
NUMBER_NOISES = ("gaussian", "salt_and_pepper", "masked")
TABLE_NOISES = ("gaussian", "masked")
LARGEST_LEVEL = {"unit": 2.0, "standard": 20.0}
"""Of gaussian noise, by scaling: twice the whole range, or twenty deviations, is a mistake."""
FEWEST_VALUES = 10
"""Hidden (and known) values of a whole data set below which a part of it may have none."""


def check_task(
    spec: StudySpec, families: Sequence[FamilyEntry], catalog: Catalog, header: DataHeader
) -> list[FieldError]:
    """What a study's families, data and objective do not allow of its task."""
    return [
        *_check_families(spec, families, header),
        *_check_data(spec, header),
        *_check_noise(spec, header),
        *_check_holes(spec, header),
        *_check_metrics(spec, catalog),
    ]


def _check_families(
    spec: StudySpec, families: Sequence[FamilyEntry], header: DataHeader
) -> Iterator[FieldError]:
    for index, family in enumerate(families):
        pointer = "/family" if isinstance(spec.family, str) else f"/family/choices/{index}"
        if header.kind not in family.data_kinds:
            yield FieldError(
                pointer=pointer,
                reason=f"{family.name} takes data of the kind {' or '.join(family.data_kinds)}, "
                f"and this is {_of_kind(header)}",
                remedy="choose another family, or read the data as another kind",
            )
        if spec.task.kind not in family.tasks:
            able = [each.name for each in families if spec.task.kind in each.tasks]
            rest = f", and {', '.join(able)} can: search those" if able else ""
            yield FieldError(
                pointer="/task",
                reason=f"{family.name} cannot {spec.task.kind}",
                remedy=f"it does {' or '.join(family.tasks)}{rest}",
            )


def _check_data(spec: StudySpec, header: DataHeader) -> Iterator[FieldError]:
    task = spec.task
    images = header.kind == "image"
    if isinstance(task, InpaintTask | SuperResolveTask) and header.kind == "text":
        yield FieldError(
            pointer="/task",
            reason=f"{task.kind} is for numbers, and this is text",
            remedy="write task: {kind: denoise, noise: token_drop}",
        )
    elif isinstance(task, InpaintTask) and task.mask != "random" and not images:
        yield FieldError(
            pointer="/task/mask",
            reason=f"a {task.mask} is a part of an image, and this is {_of_kind(header)}",
            remedy="write mask: random",
        )
    elif isinstance(task, SuperResolveTask) and not images:
        yield FieldError(
            pointer="/task",
            reason=f"only images have a resolution, and this is {_of_kind(header)}",
            remedy="write task: {kind: reconstruct}, or give images",
        )
    elif isinstance(task, SuperResolveTask):
        odd = [side for side in header.shape[:2] if side % task.factor]
        if odd:
            sides = " x ".join(str(side) for side in header.shape[:2])
            yield FieldError(
                pointer="/task/factor",
                reason=f"images of {sides} have sides that {task.factor} does not divide",
                remedy="give another factor, or crop the images",
            )


def _check_noise(spec: StudySpec, header: DataHeader) -> Iterator[FieldError]:
    task = spec.task
    if not isinstance(task, DenoiseTask):
        return
    fitting = {"text": TOKEN_NOISES, "table": TABLE_NOISES}.get(header.kind, NUMBER_NOISES)
    if task.noise not in fitting:
        yield FieldError(
            pointer="/task/noise",
            reason=f"{task.noise} does not fit {_of_kind(header)}",
            remedy=f"write noise: {' or '.join(fitting)}",
        )
    largest = LARGEST_LEVEL.get(spec.scaling)
    if task.noise == "gaussian" and largest is not None and task.level > largest:
        yield FieldError(
            pointer="/task/level",
            reason=f"{task.level:g} is a standard deviation on the scaled data "
            f"(scaling: {spec.scaling}), whose whole range is far smaller",
            remedy=f"of 8-bit images divide by 255: {task.level / 255:.3g}"
            if spec.scaling == "unit"
            else f"give a level of at most {largest:g}",
        )


def _check_holes(spec: StudySpec, header: DataHeader) -> Iterator[FieldError]:
    """Masks that leave nothing to fill in, or nothing to fill it in from."""
    task = spec.task
    if not isinstance(task, InpaintTask):
        return
    if task.mask == "random":
        sites = len(header.columns or []) or prod(
            header.shape[:2] if header.kind == "image" else header.shape
        )
        values = sites * header.samples
        hidden = task.share * values
        if min(hidden, values - hidden) < FEWEST_VALUES:
            little = hidden < FEWEST_VALUES
            yield FieldError(
                pointer="/task/share",
                reason=f"a share of {task.share:g} "
                + (f"hides about {hidden:.2g}" if little else f"leaves about {values - hidden:.2g}")
                + f" of the {values:,} values of all samples: a part of the data may have none "
                f"that {'is hidden' if little else 'is known'}",
                remedy="give a share of the values of each sample, such as 0.25",
            )
    elif header.kind == "image":
        height, width = header.shape[:2]
        if task.mask == "half" and min(height, width) == 1:
            yield FieldError(
                pointer="/task/mask",
                reason=f"images of {height} x {width} have a side that cannot be halved",
                remedy="write mask: random",
            )
        elif task.mask == "block" and block_of(height, width, task.share) == (height, width):
            yield FieldError(
                pointer="/task/share",
                reason=f"a block of {task.share:g} of {height} x {width} pixels is the whole "
                "image, in whole pixels: nothing is left to fill it in from",
                remedy="give a smaller share, such as 0.25"
                if height * width > 1
                else "write task: {kind: reconstruct}",
            )


def block_of(height: int, width: int, share: float) -> tuple[int, int]:
    """The sides of the block that hides a share of an image, as trainers/plain/corruption.py."""
    tall = min(max(round(height * sqrt(share)), 1), height)
    return tall, min(max(round(share * height * width / tall), 1), width)


def _check_metrics(spec: StudySpec, catalog: Catalog) -> Iterator[FieldError]:
    """Metrics that only another task has."""
    kind = spec.task.kind
    listed = isinstance(spec.objective, list)
    for index, objective in enumerate(spec.aims.objectives):
        pointer = f"/objective/{index}" if listed else "/objective"
        places = {f"{pointer}/metric": objective.metric} | {
            f"{pointer}/subject_to/{place}/metric": bound.metric
            for place, bound in enumerate(objective.subject_to)
        }
        for place, name in places.items():
            metric = catalog.metrics.get(name)
            if metric is not None and metric.tasks and kind not in metric.tasks:
                yield FieldError(
                    pointer=place,
                    reason=f"{name} is of {' and '.join(metric.tasks)}, and the task is {kind}",
                    remedy=f"write task: {{kind: {metric.tasks[0]}}}, or take another metric",
                )


def _of_kind(header: DataHeader) -> str:
    return {"text": "text", "table": "a table", "image": "images"}.get(header.kind, "vectors")
