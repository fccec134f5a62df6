"""Texts written from the prior."""

import dataclasses

import numpy as np

from dashboards.figures import FIGURES
from dashboards.figures.figure import as_json
from dashboards.figures.frame import Evidence
from tests.dashboards.synthetic import make_study
from tests.dashboards.test_text_reconstructions import LETTERS, ids


def test_draws_of_a_text_model_are_shown_as_texts() -> None:
    evidence = Evidence(
        "text", (12,), 0.0, 30.0, (), {"prior/best": ids("emma", "<b", "emma")}, LETTERS, "char"
    )
    frame = make_study(count=1).frame(trial=0)
    assert frame.trial is not None
    trial = dataclasses.replace(frame.trial, evidence=evidence)
    entry = FIGURES["prior_samples"]
    answer = as_json("prior_samples", entry, entry.render(dataclasses.replace(frame, trial=trial)))
    (table,) = answer["figure"]["data"]
    assert table["cells"]["values"][1] == ["emma", "&lt;b", "emma"]
    assert (
        "3 texts written from the prior of trial 0: 2 differ, with 3.333 tokens"
        in (answer["summary"])
    )
    assert answer["table"]["rows"][1] == [2, "<b", None]


def test_an_empty_array_of_draws_is_no_reason_to_fail() -> None:
    evidence = Evidence("text", (12,), 0.0, 1.0, (), {"prior/best": np.zeros((2, 12))}, LETTERS)
    frame = make_study(count=1).frame(trial=0)
    assert frame.trial is not None
    trial = dataclasses.replace(frame.trial, evidence=evidence)
    entry = FIGURES["prior_samples"]
    plot = entry.render(dataclasses.replace(frame, trial=trial))
    assert "1 differ, with 0 tokens" in plot.summary
