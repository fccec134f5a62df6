"""Two to six trials side by side: parameters, curves, what they make of the same samples."""

from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient

from dashboards.figures.curves_side_by_side import prepare_curves, summarise_curves
from dashboards.figures.figure import Waiting
from dashboards.figures.frame import Pictures, TrialFacts
from dashboards.figures.pictures_side_by_side import (
    draw_pictures,
    prepare_pictures,
    summarise_pictures,
    tabulate_pictures,
)
from dashboards.figures.side_by_side import LOOKS, MOST, SideBySide
from dashboards.figures.trial_comparison_figures import COMPARED, render_compared
from dashboards.trial_comparison import compare_trials
from service.domain.records import EpochReport
from service.storage.database import Database
from tests.dashboards.seeding import seed_study
from tests.dashboards.synthetic import SyntheticStudy, make_pictures, make_spec, make_study
from tests.dashboards.test_routes import own as own
from tests.dashboards.test_text_reconstructions import pictures as text_pictures


@pytest.fixture(scope="module")
def study() -> SyntheticStudy:
    made = make_study(count=8, planned=8, study_id="sides1")
    made.pictures = make_pictures(np.random.default_rng(0), (8, 8))
    return made


def facts_of(study: SyntheticStudy, number: int) -> TrialFacts:
    facts = study.frame(number).trial
    assert facts is not None
    return facts


def sides(study: SyntheticStudy, *numbers: int) -> SideBySide:
    return SideBySide(study.frame().study, [facts_of(study, number) for number in numbers])


def test_curves_hold_every_epoch_of_every_trial_and_mark_the_best(study: SyntheticStudy) -> None:
    data = prepare_curves(sides(study, 5, 2))
    assert not isinstance(data, Waiting)
    assert [line.trial for line in data.lines] == [5, 2]
    for line in data.lines:
        reports = study.reports[line.trial]
        assert line.validation == [report.validation["mse"] for report in reports]
        best = study.trials[line.trial].best_epoch
        assert line.best == (best, reports[(best or 0) - 1].validation["mse"])


def test_the_sentence_names_who_is_ahead_and_by_how_much(study: SyntheticStudy) -> None:
    data = prepare_curves(sides(study, 5, 2))
    assert not isinstance(data, Waiting)
    values = {line.trial: line.best[1] for line in data.lines if line.best}
    first, second = sorted(values, key=lambda trial: values[trial])
    behind = 100 * (values[second] / values[first] - 1)
    said = summarise_curves(data)
    assert said.startswith(f"Trial {first} is ahead with mse {values[first]:.4g} at epoch")
    assert f"; trial {second} is {behind:.1f} % worse" in said


def test_of_a_maximised_metric_the_highest_is_ahead(study: SyntheticStudy) -> None:
    given = sides(study, 5, 2)
    data = prepare_curves(SideBySide(replace(given.study, minimize=False), given.trials))
    assert not isinstance(data, Waiting)
    values = {line.trial: line.best[1] for line in data.lines if line.best}
    assert summarise_curves(data).startswith(f"Trial {max(values, key=lambda t: values[t])} is")


def test_a_trial_beyond_a_bound_is_never_ahead(study: SyntheticStudy) -> None:
    data = prepare_curves(sides(study, 5, 2))
    assert not isinstance(data, Waiting)
    values = {line.trial: line.best[1] for line in data.lines if line.best}
    best, other = sorted(values, key=lambda trial: values[trial])
    broken = [line._replace(feasible=line.trial != best) for line in data.lines]
    said = summarise_curves(data._replace(lines=broken))
    assert said.startswith(f"Trial {other} is ahead") and f"trial {best} is" in said
    assert "% better" in said and f"cannot win: trial {best}." in said


def test_equal_trials_are_level(study: SyntheticStudy) -> None:
    data = prepare_curves(sides(study, 5, 2))
    assert not isinstance(data, Waiting)
    same = [line._replace(best=(1, 0.02)) for line in data.lines]
    assert "trial 5 is level" in summarise_curves(data._replace(lines=same))


def test_among_compromises_nobody_is_ahead() -> None:
    pair = [{"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 8.5}]}, {"metric": "kl"}]
    pareto = make_study(
        count=6, planned=6, study_id="pair1", spec=make_spec("pair", 6, objective=pair)
    )
    data = prepare_curves(sides(pareto, 0, 2))
    assert not isinstance(data, Waiting)
    said = summarise_curves(data)
    assert "is no objective: it ranks nothing here" in said
    assert "ahead" not in said and "%" not in said and "lowest" not in said
    found = compare_trials(pareto.study, [pareto.trials[0], pareto.trials[2]])
    assert [name for name, _ in found.objectives][:2] == ["mse", "kl"]
    assert "kl" in found.bounds


def test_a_difference_of_decibels_is_no_share(study: SyntheticStudy) -> None:
    data = prepare_curves(sides(study, 0, 2))
    assert not isinstance(data, Waiting)
    lines = [
        line._replace(best=(3, best)) for line, best in zip(data.lines, (11.5, 12.25), strict=True)
    ]
    said = summarise_curves(data._replace(lines=lines, metric="psnr", minimize=False))
    assert "Trial 2 is ahead with psnr 12.25" in said and "trial 0 is 0.75 dB worse" in said
    assert "%" not in said


def test_a_trial_without_an_epoch_is_named_and_keeps_no_line(study: SyntheticStudy) -> None:
    empty = replace(facts_of(study, 1), reports=[])
    given = SideBySide(study.frame().study, [empty, facts_of(study, 2)])
    data = prepare_curves(given)
    assert not isinstance(data, Waiting)
    assert [line.place for line in data.lines] == [1], "the colour is that of its place"
    assert "Without an epoch that counts: trial 1." in summarise_curves(data)
    nothing = prepare_curves(SideBySide(given.study, [empty, empty]))
    assert isinstance(nothing, Waiting)


def test_values_that_are_not_finite_are_drawn_as_gaps(study: SyntheticStudy) -> None:
    report: EpochReport = study.reports[2][0]
    broken = report.model_copy(update={"validation": {"mse": None}, "train": {"mse": None}})
    facts = replace(facts_of(study, 2), reports=[broken, *study.reports[2][1:]])
    plot = render_compared(
        COMPARED["curves"], SideBySide(study.frame().study, [facts, facts_of(study, 3)])
    )
    assert not plot.waiting
    assert plot.table.rows[0][2:] == [None, None]


def test_pictures_share_the_target_and_one_scale_of_errors(study: SyntheticStudy) -> None:
    one, two = facts_of(study, 0), facts_of(study, 1)
    assert one.pictures is not None
    worse = replace(one.pictures, best=one.pictures.input + 0.5)
    data = prepare_pictures(SideBySide(study.frame().study, [one, replace(two, pictures=worse)]))
    assert not isinstance(data, Waiting)
    titles = [strip.title for strip in data.strips]
    assert titles[0] == "Target"
    assert [title.split(":")[0] for title in titles[1:]] == ["Trial 0"] * 2 + ["Trial 1"] * 2
    assert all("brightest 0.5" in title for title in titles if "|error|" in title)
    assert summarise_pictures(data).endswith("and trial 1 has 0.25.")
    rows = tabulate_pictures(data).rows
    assert [row[2] for row in rows] == pytest.approx([0.25] * len(rows))


def test_trials_that_left_no_pictures_are_named(study: SyntheticStudy) -> None:
    bare = replace(facts_of(study, 3), pictures=None)
    data = prepare_pictures(SideBySide(study.frame().study, [facts_of(study, 0), bare]))
    assert not isinstance(data, Waiting)
    assert "Trial 3 left nothing to compare." in summarise_pictures(data)
    assert isinstance(prepare_pictures(SideBySide(study.frame().study, [bare, bare])), Waiting)


def test_texts_stand_in_columns_with_their_edits(study: SyntheticStudy) -> None:
    pictures: Pictures = text_pictures()
    given = [replace(facts_of(study, n), pictures=pictures) for n in (0, 1)]
    data = prepare_pictures(SideBySide(study.frame().study, given))
    assert not isinstance(data, Waiting)
    [table] = draw_pictures(data).data
    assert list(table.header["values"][2:]) == ["<b>trial 0</b>", "<b>trial 1</b>"]
    assert table.cells["values"][2] == table.cells["values"][3]
    assert "edits a text" in summarise_pictures(data)


def test_lines_of_a_table_are_drawn_for_the_target_and_every_trial(study: SyntheticStudy) -> None:
    pictures = make_pictures(np.random.default_rng(1), (12,))
    given = [replace(facts_of(study, n), pictures=pictures) for n in (0, 1, 2)]
    plot = render_compared(COMPARED["pictures"], SideBySide(study.frame().study, given))
    assert {trace.name for trace in plot.figure.data} == {"target", "trial 0", "trial 1", "trial 2"}


def test_trials_differ_by_shape_and_not_by_colour_alone() -> None:
    assert len(LOOKS) == MOST
    assert len({symbol for _, symbol in LOOKS}) == len({color for color, _ in LOOKS}) == MOST


def test_parameters_are_told_apart_by_whether_they_differ(study: SyntheticStudy) -> None:
    trials = [study.trials[5], study.trials[2]]
    found = compare_trials(study.study, trials)
    rows = {row.name: row for row in [*found.differing, *found.same]}
    assert rows["learning_rate"].values == [trial.params["learning_rate"] for trial in trials]
    assert rows["learning_rate"] in found.differing and rows["latent_dim"] in found.same
    assert found.metrics[0].name == "mse"
    assert compare_trials(study.study, [trials[0], trials[0]]).differing == []


def test_the_page_and_its_figures_over_http(
    own: TestClient, sqlite_database: Database, study: SyntheticStudy
) -> None:
    seed_study(sqlite_database, study)
    page = own.get("/studies/sides1/compare?trials=5&trials=2").text
    assert "2 trials side by side" in page and "parameters differ" in page
    url = "/v1/studies/sides1/trials:compare/figures/curves?trials=5&trials=2"
    answer = own.get(url)
    assert {trace["legendgroup"] for trace in answer.json()["figure"]["data"]} == {
        "trial 5",
        "trial 2",
    }
    again = own.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert {"csv", "html"} <= set(answer.json()["formats"])
    data = own.get(f"{url}&format=csv")
    epochs = sum(len(study.reports[number]) for number in (2, 5))
    assert len(data.text.splitlines()) - 1 == epochs
    assert "trials-5-2.csv" in data.headers["content-disposition"]
    file = own.get(f"{url}&format=html")
    assert "trials 5, 2" in file.text and "study digits-vae" in file.text
    assert own.get(url.replace("curves", "pictures") + "&format=csv").status_code == 409
    assert own.get(url.replace("curves", "wood")).status_code == 404
    assert own.get(url.replace("trials=2", "trials=77")).status_code == 404


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 400, "2 to 6 different ones"),
        ("?trials=3", 400, "not 1"),
        ("?trials=3&trials=3", 400, "not 1"),
        ("?" + "&".join(f"trials={n}" for n in range(7)), 400, "not 7"),
        ("?trials=1&trials=77", 404, "no trial 77"),
        ("?trials=1&trials=x", 400, "not valid"),
    ],
)
def test_what_cannot_be_compared_is_said_with_the_next_step(
    own: TestClient,
    sqlite_database: Database,
    study: SyntheticStudy,
    query: str,
    status: int,
    said: str,
) -> None:
    seed_study(sqlite_database, study)
    answer = own.get(f"/studies/sides1/compare{query}")
    assert answer.status_code == status, answer.text
    assert said in answer.text
