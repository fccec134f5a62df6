"""Text is readable on its ground, in both schemes (WCAG 2.2 AA), and so are marks in figures."""

import re

import pytest

from dashboards.assets import ROOT
from dashboards.figures import paper

SHEET = (ROOT / "style.css").read_text()
TEXT_PAIRS = [
    ("--text", "--ground"), ("--text", "--surface"), ("--text", "--sunken"),
    ("--muted", "--ground"), ("--muted", "--surface"), ("--muted", "--sunken"),
    ("--muted", "--best-ground"), ("--text", "--best-ground"), ("--text", "--bad-ground"),
    ("--accent", "--ground"), ("--accent", "--surface"), ("--accent", "--sunken"),
    ("--accent", "--best-ground"), ("--accent-text", "--accent"),
    ("--good", "--surface"), ("--good", "--good-ground"), ("--busy", "--busy-ground"),
    ("--warn", "--surface"), ("--warn", "--warn-ground"), ("--bad", "--surface"),
    ("--bad", "--bad-ground"), ("--bad", "--best-ground"), ("--idle", "--idle-ground"),
    ("--best", "--surface"), ("--best", "--best-ground"),
]  # fmt: skip


def variables(dark: bool) -> dict[str, str]:
    light_block, dark_block = SHEET.split("@media screen and (prefers-color-scheme: dark)")[:2]
    found = dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6});", light_block))
    if dark:
        found |= dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6});", dark_block))
    return found


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_has_aa_contrast(text: str, ground: str, dark: bool) -> None:
    colors = variables(dark)
    assert contrast(colors[text], colors[ground]) >= 4.5


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_marks_in_figures_stand_out_from_the_page(dark: bool) -> None:
    surface = variables(dark)["--surface"]
    marks = [*paper.STATE_MARKS.values(), *paper.VERDICT_MARKS.values()]
    weak = {mark.color for mark in marks if contrast(mark.color, surface) < 3}
    assert weak == set()


def test_states_and_verdicts_differ_by_shape_and_not_by_colour_alone() -> None:
    for marks in (paper.STATE_MARKS, paper.VERDICT_MARKS):
        symbols = [mark.symbol for mark in marks.values()]
        assert len(set(symbols)) == len(symbols)
