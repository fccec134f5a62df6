"""What a study says of fronts, bounds, luck, extensions and its state."""

import pytest

from dashboards.figures import FIGURES
from dashboards.summary import summarise
from service.domain.records import Analysis, Failure, Revision, TrialMetrics
from service.domain.states import Intent, StudyState
from tests.dashboards.synthetic import make_spec, make_study
from tests.dashboards.tellings import OFF, PAIR, change, check, facts_of, plain, said, step
from tests.dashboards.test_selection_view import summary_of


def test_a_pareto_study_speaks_of_its_front() -> None:
    made = make_study(count=24, spec=make_spec("pair", objective=PAIR), seed=7)
    found = said(made)
    best = made.study.best
    assert best is not None
    assert found["front"].numbers["front"] == len(best.front)
    assert found["front"].numbers["trial"] == best.trial
    assert found["best"].text.startswith("The knee")
    assert found["best"].tone == "plain"


def test_constraints_that_nothing_keeps_are_bad_news_with_a_way_out() -> None:
    bound = {"metric": "mse", "subject_to": [{"metric": "parameters", "at_most": 10}]}
    made = make_study(count=12, spec=make_spec("bound", 12, objective=bound))
    results = sum(trial.state == "COMPLETE" for trial in made.trials)
    found = said(made)["constraints"]
    assert found.text == f"0 of {results} results keep parameters <= 10."
    assert found.tone == "bad"
    assert step(made) == (
        f"Loosen parameters <= 10, or widen the space: no trial of {results} keeps every bound."
    )


def test_only_the_bound_that_is_broken_is_to_be_loosened() -> None:
    bounds = [{"metric": "parameters", "at_most": 10}, {"metric": "kl", "at_most": 1e6}]
    spec = make_spec("bound", 12, objective={"metric": "mse", "subject_to": bounds})
    assert step(make_study(count=12, spec=spec)).startswith("Loosen parameters <= 10, or")


def test_what_was_not_confirmed_is_partly_luck() -> None:
    spec = make_spec(trials=5, selection=OFF)
    made = plain([0.01, 0.011, 0.012, 0.013, None], spec=spec)
    found = said(made)["luck"]
    assert found.text == (
        "Not confirmed (selection was off): trial 0 is the best of 4 results with one seed each, "
        "so part of it is luck."
    )
    assert found.next_step is not None and "--trial 0 --seeds 3" in found.next_step


def test_a_confirmed_study_says_how_lucky_its_search_was() -> None:
    made = make_study(count=12)
    summary = summary_of(made)
    found = said(change(made, summary=summary))["luck"]
    selection = summary["selection"]
    assert found.numbers["mean"] == pytest.approx(0.0201)
    assert found.numbers["trial"] == selection["winner"]
    optimism = selection["seed_optimism"] / 0.0201
    assert found.numbers["optimism"] == pytest.approx(optimism)
    assert f"was {100 * optimism:.0f} % too good" in found.text
    assert found.anchor == "#selection" and found.tone == "warn"


def test_no_test_value_is_said_before_the_study_is_complete() -> None:
    made = make_study(count=12)
    change(made, summary=summary_of(made))
    by_state = {
        state: {each.topic for each in summarise(facts_of(change(made, state=state))).sentences}
        for state in StudyState
    }
    assert [state for state, topics in by_state.items() if "test" in topics] in (
        [], [StudyState.COMPLETE],
    )  # fmt: skip
    assert "luck" not in by_state[StudyState.RUNNING] and "luck" in by_state[StudyState.STOPPED]


def test_an_extension_says_what_it_brought() -> None:
    made = change(plain([0.01, 0.009]), revision=2)
    before = Revision(
        number=1, trials=1, best_trial=0, best_value=0.01, summary=None, finished_at=None
    )
    assert said(made, revisions=[before])["revision"].text == (
        "Extended: revision 2 with 2 trials has mse 0.009, the one before it 0.01."
    )


def test_repetitions_of_another_study_are_called_so() -> None:
    made = change(plain([0.01, 0.011, 0.012], planned=9), parent="other", state=StudyState.RUNNING)
    assert said(made)["progress"].text.startswith("3 of 9 repetitions ended")
    assert "luck" not in said(change(made, state=StudyState.COMPLETE))


@pytest.mark.parametrize(
    ("state", "text", "asked"),
    [
        (StudyState.PAUSED, "Paused after 2 of 9 trials: nothing is lost.",
         "Resume it: 7 trials to go."),
        (StudyState.STOPPED, "Stopped after 2 of 9 trials.", None),
        (StudyState.FAILED, "Failed after 2 of 9 trials: data.",
         "Mend what failed (data), then submit the spec again."),
    ],
)  # fmt: skip
def test_each_state_has_its_words(state: StudyState, text: str, asked: str | None) -> None:
    failure = Failure(kind="data", message="x") if state is StudyState.FAILED else None
    made = change(plain([0.01, 0.011], planned=9), state=state, failure=failure)
    assert said(made)["progress"].text == text
    assert asked is None or step(made) == asked


def test_one_trial_is_one_and_a_failure_without_a_record_is_no_reason_in_brackets() -> None:
    made = change(plain([0.01]), state=StudyState.COMPLETE)
    assert said(made)["progress"].text.startswith("Complete: 1 trial in ")
    made = change(plain([0.01]), state=StudyState.FAILED, failure=None)
    assert said(made)["progress"].text == "Failed after 1 of 1 trial."
    assert step(made) == "Read the engine's log, then submit the spec again: no reason is recorded."


def test_a_repetition_that_is_held_up_comes_first() -> None:
    made = change(plain([0.01, 0.011]), state=StudyState.SELECTING, intent=Intent.RUN)
    data = {"done": 4, "planned": 9, "parts": [], "failure": {"kind": "storage", "message": "x"}}
    repeats = Analysis(study_id="x", kind="selection", cohort=1, data=data)
    found = said(made, repeats=repeats)["progress"]
    assert "4 of 9 repetitions with fresh seeds are done" in found.text
    assert step(made, repeats=repeats) == "Mend what holds a repetition up (storage), then resume."


def test_values_that_are_no_numbers_are_no_reason_to_fail() -> None:
    made = make_study(count=12)
    made.trials = [
        t.model_copy(
            update={"metrics": TrialMetrics(train={"mse": None}, validation={"mse": None})}
        )
        for t in made.trials
    ]
    check(made, summarise(facts_of(made)))


def test_names_of_figures_are_short() -> None:
    for name in ("importance", "slice", "best_so_far", "gap_against_parameters"):
        assert len(FIGURES[name].title.partition(":")[0]) < 32
