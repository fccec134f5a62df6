"""What the sentence on a latent space says of where unusual samples lie."""

import pytest

from dashboards.figures.latent_scatter import LatentScatter, summarise_latent_scatter


@pytest.mark.parametrize(
    ("correlation", "points", "expected"),
    [
        (0.5, 269, "samples far from the mean sample lie further out"),
        (0.18, 269, "samples far from the mean sample lie only slightly further out"),
        (-0.18, 269, "samples far from the mean sample lie only slightly further in"),
        (0.05, 269, "lie neither further out nor further in beyond chance"),
        (0.5, 10, "lie neither further out nor further in beyond chance"),
    ],
)
def test_where_unusual_samples_lie_is_clear_slight_or_chance(
    correlation: float, points: int, expected: str
) -> None:
    column = [float(i) for i in range(points)]
    data = LatentScatter(
        trial=3, samples=list(range(points)), x=column, y=column, shares=(0.4, 0.2), hardest=[],
        trait="distance", traits=column, correlation=correlation, texts=[], sprite=None,
        thumbnail=(0, 0),
    )  # fmt: skip
    sentence = summarise_latent_scatter(data)
    assert "; on these two axes samples" in sentence
    assert f"{expected} (rank correlation {correlation:g})" in sentence
