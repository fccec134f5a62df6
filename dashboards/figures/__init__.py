"""The registry of figures: a new figure is one function of each kind and one entry in its part."""

from typing import Any

from dashboards.figures.convergence_figures import CONVERGENCE
from dashboards.figures.figure import Figure
from dashboards.figures.overfitting_figures import OVERFITTING
from dashboards.figures.trade_off_figures import TRADE_OFFS
from dashboards.figures.trial_figures import OF_TRIAL
from dashboards.figures.why_figures import WHY

FIGURES: dict[str, Figure[Any]] = {**CONVERGENCE, **OVERFITTING, **TRADE_OFFS, **WHY, **OF_TRIAL}
"""By name, in the order in which the pages show them."""
