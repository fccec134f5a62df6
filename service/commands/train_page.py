"""The curves of one training as a page that needs nothing else: figures and plotly inside it."""

from html import escape
from pathlib import Path
from typing import Any

import dashboards
from dashboards.figures import FIGURES
from dashboards.figures.frame import (
    CurveColumns,
    StudyFrame,
    build_baselines,
    build_study_facts,
    build_trial_columns,
    build_trial_facts,
)
from service.commands.training import NAME, Training
from service.domain.model import content_hash
from service.domain.records import BestSoFar, Progress, Study, Trial
from service.domain.states import Intent, StudyState
from service.domain.summaries import summarise
from trainers.registry import catalog

PLOTLY = "static/vendor/plotly/plotly-strict-*.min.js"
OF_ONE = ("trial_curves", "loss_terms", "training_signals")
OF_ALL = "learning_curves"
SPREAD_TITLE = "Learning curves of all seeds: how far does luck carry them apart?"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b2330; background: #fff; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; }}
section {{ margin: 2rem 0; }} p {{ margin: .3rem 0; }}
</style>
<script>{plotly}</script>
<h1>{title}</h1>
<p>{summary}</p>
{sections}
</html>
"""


def curves_page(training: Training, result: dict[str, Any]) -> str:
    """HTML with the learning curves; of several seeds all of them, then the median one's."""
    frame = _frame(training)
    several = len(training.trials) > 1
    names = (OF_ALL, *OF_ONE) if several else OF_ONE
    sections = []
    for name in names:
        plot = FIGURES[name].render(frame)
        if plot.waiting:
            continue
        title = SPREAD_TITLE if name == OF_ALL else FIGURES[name].title
        plot.figure.layout.title = None  # it stands above, where the legend does not reach
        drawn = plot.figure.to_html(
            full_html=False, include_plotlyjs=False, div_id=name, config={"displaylogo": False}
        )
        head = f"<section><h2>{escape(title)}</h2>{drawn}"
        sections.append(f"{head}<p>{escape(plot.summary)}</p></section>")
    return _PAGE.format(
        title=escape(training.plan.resolved.name),
        plotly=_plotly(),
        summary=escape(_summary(training, result)),
        sections="\n".join(sections),
    )


def _plotly() -> str:
    """The drawing library, without which the page would need a network."""
    (path,) = Path(dashboards.__file__).parent.glob(PLOTLY)
    return path.read_text().replace("</script", "<\\/script")


def _summary(training: Training, result: dict[str, Any]) -> str:
    chosen, metric = training.chosen, training.plan.resolved.aims.objectives[0].metric
    if chosen is None:
        return "No epoch that counts was finished with finite numbers."
    text = f"{metric} {chosen.value:.6g} on validation at epoch {chosen.best_epoch}, seed "
    text += f"{chosen.seed}."
    if result["spread"]["sd"] is not None:
        mean, deviation = result["spread"]["mean"], result["spread"]["sd"]
        text += f" Mean {mean:.6g}, sd {deviation:.2g} over {len(training.trials)} seeds; trials "
        text += "are numbered in their order."
    if chosen.verdict is not None:
        text += f" {chosen.verdict.sentence}"
    return text


def _frame(training: Training) -> StudyFrame:
    units = {name: entry.unit for name, entry in catalog().metrics.items()}
    study, metric = _study(training), training.plan.resolved.aims.ranking.metric
    shown = training.chosen or training.trials[0]
    curves = {
        number: CurveColumns(
            [report.epoch for report in reports],
            [report.train.get(metric) for report in reports],
            [report.validation.get(metric) for report in reports],
        )
        for number, reports in training.reports.items()
    }
    columns = [summarise(trial, metric) for trial in training.trials]
    return StudyFrame(
        study=build_study_facts(study, units),
        trials=build_trial_columns(study, columns),
        curves=curves,
        baselines=build_baselines(training.dataset),
        trial=build_trial_facts(shown, training.reports.get(shown.number, []), None),
    )


def _study(training: Training) -> Study:
    """The record that the figures read; nothing stores it."""
    plan, chosen = training.plan, training.chosen
    return Study(
        id=NAME,
        name=plan.resolved.name,
        state=StudyState.STOPPED if training.interrupted else StudyState.COMPLETE,
        intent=Intent.RUN,
        spec=plan.spec,
        resolved=plan.resolved,
        spec_hash=content_hash(plan.resolved.model_dump(mode="json")),
        warnings=[],
        progress=Progress(trials=len(training.trials), complete=len(training.trials)),
        best=_best(chosen),
        data_hash=training.dataset.data_hash,
        failure=None,
        summary=None,
        versions=dict(training.versions),
        created_at=training.started_at,
        started_at=training.started_at,
        finished_at=None,
        event=0,
    )


def _best(chosen: Trial | None) -> BestSoFar | None:
    if chosen is None or chosen.value is None:
        return None
    return BestSoFar(trial=chosen.number, value=chosen.value, params=chosen.params)
