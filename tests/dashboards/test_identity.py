"""By what a browser knows a trace and an axis again when a figure is updated."""

from typing import Any

from dashboards.figures import FIGURES
from dashboards.figures.figure import as_json
from dashboards.figures.identity import identify
from service.domain.states import TrialState
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study


def drawn(study: SyntheticStudy, name: str) -> dict[str, Any]:
    """The figure as it is served."""
    entry = FIGURES[name]
    figure = as_json(name, entry, entry.render(study.frame()))["figure"]
    assert isinstance(figure, dict)
    return figure


def ids_of(study: SyntheticStudy, name: str) -> dict[str, int]:
    """Where each trace stands."""
    return {trace["uid"]: place for place, trace in enumerate(drawn(study, name)["data"])}


def test_a_trace_is_the_same_when_others_come_before_it() -> None:
    study = make_study(count=24, running=3, spec=make_spec(trials=30))
    some = make_study(count=24, running=3, spec=make_spec(trials=30))
    some.trials = [trial for trial in some.trials if trial.state is not TrialState.PRUNED]
    before, after = ids_of(some, "best_so_far"), ids_of(study, "best_so_far")
    assert set(before) < set(after)
    assert any(before[uid] != after[uid] for uid in before), "nothing moved: the test shows nothing"


def test_a_count_in_a_name_does_not_make_it_another_trace() -> None:
    few, many = (make_study(count=count, spec=make_spec(trials=30), seed=4) for count in (18, 30))
    for name in ("timeline", "edf", "learning_curves", "slice"):
        assert set(ids_of(few, name)) <= set(ids_of(many, name)), name
    names = [trace["name"] for trace in drawn(many, "timeline")["data"]]
    assert names != [trace["name"] for trace in drawn(few, "timeline")["data"]]


def test_every_trace_of_every_figure_has_an_identity_of_its_own() -> None:
    study = make_study(count=24, spec=make_spec(trials=24))
    for name, entry in FIGURES.items():
        if entry.of_trial:
            continue
        ids = [trace["uid"] for trace in drawn(study, name)["data"]]
        assert len(set(ids)) == len(ids), name


def test_a_zoom_of_seconds_is_none_of_minutes() -> None:
    early, later, latest = (
        drawn(make_study(count=count, spec=make_spec(trials=30), seed=2), "best_so_far_time")
        for count in (8, 16, 24)
    )
    axes = [figure["layout"]["xaxis"] for figure in (early, later, latest)]
    assert ["(s)" in axis["title"]["text"] for axis in axes] == [True, False, False]
    assert axes[0]["uirevision"] != axes[1]["uirevision"] == axes[2]["uirevision"]


def test_a_zoom_of_a_linear_axis_is_none_of_a_logarithmic_one() -> None:
    figure: dict[str, Any] = {
        "data": [],
        "layout": {
            "xaxis": {"type": "linear", "title": {"text": "MSE"}},
            "xaxis2": {"type": "log", "title": {"text": "MSE"}},
        },
    }
    identify(figure)
    assert figure["layout"]["xaxis"]["uirevision"] != figure["layout"]["xaxis2"]["uirevision"]
