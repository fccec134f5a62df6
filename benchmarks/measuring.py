"""Interleaved arms, paired ratios with intervals, and the page that results are written to."""

import gc
import importlib.metadata
import os
import platform
import random
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADER = """# Benchmark results

Written by the scripts in this folder; newest last. Ratios count, absolute times belong to the
machine they were taken on. Every arm ran in the same process as its rivals, interleaved.
"""
PACKAGES = ("optuna", "sqlalchemy", "torch", "numpy", "hifitune")
RESAMPLES = 10_000

Arm = Callable[[int], float]
"""seed -> the measured figure (smaller is better unless a script says otherwise)."""


@dataclass(frozen=True)
class Ratio:
    """The median of paired ratios with its bootstrap 95 % interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g} [{self.low:.3g}, {self.high:.3g}]"


def interleave(
    arms: Mapping[str, Arm], seeds: Sequence[int], say: Callable[[str], None] = print
) -> dict[str, list[float]]:
    """Every arm once per seed, in turns A-B-B-A: every second seed backwards."""
    figures: dict[str, list[float]] = {name: [] for name in arms}
    for turn, seed in enumerate(seeds):
        for name in list(arms) if turn % 2 == 0 else reversed(list(arms)):
            gc.collect()
            figures[name].append(arms[name](seed))
            say(f"seed {seed}  {name:<28} {figures[name][-1]:10.3f}")
    return figures


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> Ratio:
    """The median of numerator / denominator over the seeds; the interval resamples seeds."""
    pairs = [above / below for above, below in zip(numerator, denominator, strict=True)]
    generator = random.Random(0)
    medians = sorted(median(generator.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    cut = RESAMPLES // 40
    return Ratio(median(pairs), medians[cut], medians[-cut - 1])


def spread(figures: Sequence[float]) -> str:
    """Median and range of absolute figures."""
    return f"{median(figures):.3g} ({min(figures):.3g} to {max(figures):.3g})"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def write_results(title: str, body: str) -> None:
    """Append a section with machine, versions, date and command to RESULTS.md, and print it."""
    section = f"\n## {title}\n\n{_surroundings()}\n\n{body}\n"
    text = RESULTS.read_text() if RESULTS.exists() else HEADER
    RESULTS.write_text(text + section)
    print(section)


def _surroundings() -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in PACKAGES if _is_installed(name)
    )
    arguments = shlex.join(sys.argv[1:])
    module = Path(sys.argv[0]).stem
    return "\n".join(
        [
            f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            f"- machine: {_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, "
            f"{platform.system()} {platform.release()}; load average: {os.getloadavg()[0]:.1f}",
            f"- versions: Python {platform.python_version()}, {versions}",
            f"- command: `{f'python -m benchmarks.{module} {arguments}'.strip()}`",
        ]
    )


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if _has_proc() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _has_proc() -> bool:
    return Path("/proc/cpuinfo").exists()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
