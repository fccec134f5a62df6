"""Objective against objective, objective against its bounds, and distortion against rate."""

from itertools import combinations

from dashboards.figures.aims import DISTORTIONS
from dashboards.figures.figure import Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import plural
from dashboards.figures.trade_offs import TradeOffs, prepare_panels, say_beyond, say_front
from service.domain.aims import RATE
from service.domain.catalog import Catalog
from service.domain.spec import ResolvedSpec

ONE_OBJECTIVE = "This study has one objective and no bound: there is nothing to trade."
NOTHING_YET = "Waiting for the first trial to end."
NOTHING_EVER = "No trial ended with a value for each objective."


def has_trade_off(resolved: ResolvedSpec, catalog: Catalog) -> bool:
    """Whether a study has several objectives, or bounds."""
    return resolved.aims.is_pareto or bool(resolved.aims.constraints)


def has_rate(resolved: ResolvedSpec, catalog: Catalog) -> bool:
    """Whether a family of the study reports a rate, and the figure above does not show it."""
    names = resolved.aims.metrics
    if any(len(names) == 2 and set(names) == {distortion, RATE} for distortion in DISTORTIONS):
        return False
    families = [catalog.families.get(name) for name in resolved.families]
    return any(family is not None and RATE in family.metrics for family in families)


def has_size(resolved: ResolvedSpec, catalog: Catalog) -> bool:
    """Whether models of different sizes are compared."""
    sized = ("optimisation", "capacity")
    return any(
        (family := catalog.families.get(name)) is not None
        and any(
            entry in family.parameters and family.parameters[entry].role in sized
            for entry in resolved.space
        )
        for name in resolved.families
    )


def prepare_pareto(frame: StudyFrame) -> TradeOffs | Waiting:
    """Every pair of objectives; of one objective, against each metric that has a bound."""
    aims = frame.study.aims
    first = aims.objectives[0]
    if aims.is_pareto:
        pairs = [(other, one) for one, other in combinations(aims.objectives, 2)]
    else:
        known = {cost.name: cost for cost in (*aims.costs, *aims.distortions)}
        bounded = dict.fromkeys(bound.metric for bound in aims.constraints)
        pairs = [
            (known.get(name, first._replace(name=name, unit="")), first)
            for name in bounded
            if name != first.name
        ]
    if not pairs:
        return Waiting(ONE_OBJECTIVE)
    front = aims.front if len(aims.objectives) > 2 else None
    found = prepare_panels(frame, pairs, front)
    return found if found is not None else Waiting(NOTHING_YET, NOTHING_EVER)


def summarise_pareto(data: TradeOffs) -> str:
    """How large the front is, where it goes, its knee, and what the bounds rule out."""
    return f"{plural(data.trials, 'trial')}: {say_front(data.panels[0])}{say_beyond(data)}."


def prepare_rate_distortion(frame: StudyFrame) -> TradeOffs | Waiting:
    """Validation MSE of the posterior mean (of texts: cross-entropy) against the KL in nats."""
    aims = frame.study.aims
    found = prepare_panels(frame, [(aims.costs[0], aims.distortion(frame.scores))])
    if found is not None:
        return found
    if any(frame.scores.values()):
        return Waiting("These models have no rate: nothing limits what their code may say.")
    return Waiting(NOTHING_YET, "No trial ended with a rate and a distortion.")


def summarise_rate_distortion(data: TradeOffs) -> str:
    """What a nat buys along the front."""
    return f"{plural(data.trials, 'trial')}: {say_front(data.panels[0])}{say_beyond(data)}."


def prepare_complexity(frame: StudyFrame) -> TradeOffs | Waiting:
    """The first objective against parameters, MACs and latency; distortion if it is one of them."""
    aims = frame.study.aims
    costs = aims.costs[1:]
    distortion = aims.distortion(frame.scores)
    quality = next((o for o in aims.objectives if o not in aims.costs), distortion)
    found = prepare_panels(frame, [(cost, quality) for cost in costs])
    return found if found is not None else Waiting(NOTHING_YET, "No trial was measured.")


def summarise_complexity(data: TradeOffs) -> str:
    """The front of the first panel; how far the costs spread."""
    return f"{plural(data.trials, 'trial')}: {say_front(data.panels[0])}."
