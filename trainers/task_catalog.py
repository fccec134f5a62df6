"""What a study's task may be, as the catalog shows it. Torch-free."""

from service.domain.catalog import MetricEntry, TaskEntry, TaskField
from service.domain.space import CategoricalDistribution, FloatDistribution

EVERYTHING = ["vector", "image", "text", "table"]

TASKS = [
    TaskEntry(
        name="reconstruct",
        description="The output is the input itself.",
        data_kinds=EVERYTHING,
    ),
    TaskEntry(
        name="denoise",
        description="The clean sample from a noisy one. Noise is fresh in training and frozen in "
        "evaluation; the result stands beside the noisy input.",
        data_kinds=EVERYTHING,
        fields=[
            TaskField(
                name="noise",
                default="gaussian",
                allowed=CategoricalDistribution(
                    choices=["gaussian", "salt_and_pepper", "masked", "token_drop", "token_swap"]
                ),
                description="gaussian: added to numbers, unclipped; salt_and_pepper: numbers at "
                "the ends of the range; masked: pixels and numbers at 0, columns of a table at "
                "their mean; token_drop: the mask token in a text; token_swap: neighbouring "
                "tokens change places. Texts take the token noises, everything else the others.",
            ),
            TaskField(
                name="level",
                default=0.1,
                allowed=FloatDistribution(low=0.0, high=1e6),
                description="Of gaussian the standard deviation on the scaled data (sigma 25 of 8 "
                "bits is 25/255 = 0.098); of the others the share of elements, below 1.",
            ),
        ],
    ),
    TaskEntry(
        name="inpaint",
        description="The whole sample from one with holes, which are filled with the mean of "
        "train; models are told which values are known. The hole and the known values are scored "
        "apart (hole_mse, known_mse).",
        data_kinds=["vector", "image", "table"],
        fields=[
            TaskField(
                name="mask",
                default="random",
                allowed=CategoricalDistribution(choices=["random", "block", "half"]),
                description="random: single pixels, numbers or columns; block: one rectangle; "
                "half: the left, right, upper or lower one. The last two need images.",
            ),
            TaskField(
                name="share",
                default=0.25,
                allowed=FloatDistribution(low=0.0, high=1.0),
                description="Of the elements that are hidden; half has 0.5.",
            ),
        ],
    ),
    TaskEntry(
        name="super_resolve",
        description="The image from one with smaller sides (antialiased bicubic); the result "
        "stands beside the bicubic enlargement.",
        data_kinds=["image"],
        fields=[
            TaskField(
                name="factor",
                default=2,
                allowed=CategoricalDistribution(choices=[2, 4]),
                description="By which the sides are divided; they must be multiples of it.",
            ),
        ],
    ),
]

TASK_METRICS = (
    MetricEntry(
        name="hole_mse",
        direction="minimize",
        unit="scaled data, squared",
        reconstruction=True,
        tasks=["inpaint"],
        description="Mean squared error over what was hidden: what inpainting is about.",
    ),
    MetricEntry(
        name="known_mse",
        direction="minimize",
        unit="scaled data, squared",
        reconstruction=True,
        tasks=["inpaint"],
        description="Mean squared error over what was given: copying would make it 0.",
    ),
)
"""Metrics that only one kind of task has; every family that can do it reports them."""


def task_metrics(kinds: tuple[str, ...]) -> list[str]:
    """The metrics that come with these kinds of task."""
    return [metric.name for metric in TASK_METRICS if set(metric.tasks) & set(kinds)]
