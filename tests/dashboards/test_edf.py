"""What the distribution of results says of a search that prunes."""

import random
import statistics

from tests.dashboards.test_evolution import columns, said


def test_what_pruning_leaves_is_no_search_that_moves() -> None:
    moved = 0
    for seed in range(30):
        draw, seen = random.Random(seed), list[float]()
        values, states = list[float | None](), list[str]()
        for _ in range(80):
            value = 0.02 + 0.002 * draw.gauss(0, 1)
            early = value + 0.0006 * draw.gauss(0, 1)
            pruned = len(seen) >= 5 and early > statistics.median(seen)
            seen.append(early)
            values.append(value)
            states.append("PRUNED" if pruned else "COMPLETE")
        moved += "the search moves" in said("edf", columns(values, states))
    assert moved <= 3
    survivors = ["COMPLETE"] * 24 + ["PRUNED", "COMPLETE"] * 24
    falling = [0.1 - 0.001 * i for i in range(72)]
    assert "were pruned in both" in said("edf", columns(falling, survivors))
    assert "moves to better" in said("edf", columns(falling, ["PRUNED", "COMPLETE"] * 36))
