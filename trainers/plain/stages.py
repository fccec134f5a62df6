"""How convolutional networks halve an image, stage by stage; needs no torch."""

SMALLEST_SIDE = 4
"""A map is halved while its shorter side has at least so many pixels."""


def stage_sides(height: int, width: int, stages: int) -> list[tuple[int, int]]:
    """Sides of the image and after each stage; fewer stages where the image is too small.

    A stage halves, rounding up. Raises ValueError for an image that cannot be halved at all.
    """
    sides = [(height, width)]
    while len(sides) <= stages and min(sides[-1]) >= SMALLEST_SIDE:
        height, width = sides[-1]
        sides.append((-(-height // 2), -(-width // 2)))
    if len(sides) == 1:
        raise ValueError(
            f"architecture conv needs images of at least {SMALLEST_SIDE} x {SMALLEST_SIDE} "
            f"pixels, and these have {height} x {width}: take architecture mlp"
        )
    return sides


def stage_channels(channels: int, count: int) -> list[int]:
    """Channels of the map after each stage: they double as the sides halve."""
    return [channels << index for index in range(count)]
