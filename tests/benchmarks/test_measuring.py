"""Ratios, intervals and the order of arms."""

from pathlib import Path

import pytest

from benchmarks import measuring
from benchmarks.measuring import interleave, ratio, table, write_results


def test_the_ratio_is_the_median_of_pairs_inside_its_interval() -> None:
    found = ratio([2.0, 4.0, 9.0, 8.0, 10.0], [1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.median == 2.0
    assert 2.0 <= found.low <= found.median <= found.high <= 3.0
    assert str(found) == "2 [2, 3]"


def test_arms_take_turns_forwards_and_backwards() -> None:
    calls: list[str] = []

    def arm(name: str) -> measuring.Arm:
        return lambda seed: calls.append(f"{name}{seed}") or float(seed)  # type: ignore[func-returns-value]

    figures = interleave({"a": arm("a"), "b": arm("b")}, [0, 1, 2], say=lambda line: None)
    assert calls == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert figures == {"a": [0.0, 1.0, 2.0], "b": [0.0, 1.0, 2.0]}


def test_results_are_appended_with_machine_versions_and_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "RESULTS.md"
    monkeypatch.setattr(measuring, "RESULTS", page)
    for title in ("First", "Second"):
        write_results(title, table(["arm", "ms"], [["a", 1]]))
    text = page.read_text()
    assert text.startswith("# Benchmark results")
    assert text.index("## First") < text.index("## Second")
    for word in ("date: ", "machine: ", "optuna 5", "command: `python -m benchmarks.", "| a | 1 |"):
        assert word in text
