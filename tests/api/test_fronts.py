"""/best of a study with several objectives, and of one whose bounds nothing keeps."""

from typing import Any

import httpx
import pytest

from service.commands.answer import front_table
from service.domain.records import Best
from service.domain.states import TrialState
from tests.api.house import Seed
from tests.dashboards.synthetic import make_spec

PAIR = [{"metric": "mse"}, {"metric": "kl"}]


def bounded(limit: float) -> dict[str, Any]:
    return {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": limit}]}


@pytest.fixture
def pareto(http: httpx.Client, seed: Seed) -> tuple[str, dict[str, Any]]:
    """The address of a Pareto study, and its record."""
    study = seed(count=24, spec=make_spec(trials=24, objective=PAIR)).study_id
    path = f"/v1/studies/{study}"
    record: dict[str, Any] = http.get(path).json()
    return path, record


def test_the_answer_is_the_pareto_set_and_its_knee(
    http: httpx.Client, pareto: tuple[str, dict[str, Any]]
) -> None:
    path, study = pareto
    best = http.get(f"{path}/best").json()
    front = best["front"]
    assert best["trial"] == front["knee"] == study["best"]["trial"]
    assert [member["trial"] for member in front["members"]] == study["best"]["front"]
    assert len(front["members"]) > 2
    assert front["hypervolume"] == study["best"]["hypervolume"]
    knee = next(member for member in front["members"] if member["trial"] == front["knee"])
    assert knee["values"] == study["best"]["values"]
    assert [each["metric"] for each in best["objectives"]] == ["mse", "kl"]
    assert best["complexity"]["parameters"] > 0
    assert best["selection"]["kind"] == "knee" and "chord" in best["selection"]["note"]


def test_every_member_leads_to_its_own_answer_and_config(
    http: httpx.Client, pareto: tuple[str, dict[str, Any]]
) -> None:
    for member in http.get(f"{pareto[0]}/best").json()["front"]["members"]:
        answer = http.get(member["links"]["self"])
        assert answer.status_code == 200, answer.text
        assert answer.json()["trial"] == member["trial"]
        assert answer.json()["params"] == member["params"]
        values = {each["metric"]: each["value"] for each in answer.json()["objectives"]}
        assert values == member["values"]
        config = http.get(member["links"]["config"]).json()
        trial = http.get(member["links"]["trial"]).json()
        assert config["trial_seed"] == trial["seed"]
        assert http.post("/v1/studies:validate", json=config).status_code == 200


def test_a_trial_outside_the_set_is_refused_with_who_is_inside(
    http: httpx.Client, pareto: tuple[str, dict[str, Any]]
) -> None:
    path, study = pareto
    other = next(n for n in range(24) if n not in study["best"]["front"])
    answer = http.get(f"{path}/best", params={"trial": other})
    assert answer.status_code == 404
    assert str(study["best"]["front"][0]) in answer.json()["remedy"]
    for part in ("config", "checkpoint", "model"):
        assert http.get(f"{path}/best/{part}", params={"trial": other}).status_code == 404


def test_of_one_objective_only_the_best_may_be_asked_for(http: httpx.Client, seed: Seed) -> None:
    path = f"/v1/studies/{seed(count=12).study_id}/best"
    best = http.get(path).json()
    assert best["front"] is None and best["constraints"] == []
    assert http.get(path, params={"trial": best["trial"]}).json()["trial"] == best["trial"]
    assert http.get(path, params={"trial": best["trial"] + 1}).status_code == 404


def test_the_answer_says_where_it_stands_within_the_bounds(http: httpx.Client, seed: Seed) -> None:
    study = seed(count=24, spec=make_spec(trials=24, objective=bounded(8.0))).study_id
    best = http.get(f"/v1/studies/{study}/best").json()
    [bound] = best["constraints"]
    assert (bound["metric"], bound["at_most"], bound["at_least"]) == ("kl", 8.0, None)
    assert bound["value"] == best["metrics"]["validation"]["kl"] <= 8.0
    assert "keep the constraints" in best["selection"]["note"]


def test_where_nothing_keeps_the_bounds_the_nearest_is_named(
    http: httpx.Client, seed: Seed
) -> None:
    spec = make_spec(trials=30, objective=bounded(0.001))
    study = seed(count=12, planned=30, spec=spec).study_id
    answer = http.get(f"/v1/studies/{study}/best")
    assert answer.status_code == 409
    trials = http.get(f"/v1/studies/{study}/trials").json()["items"]
    able = [t for t in trials if t["state"] in (TrialState.COMPLETE, TrialState.STOPPED)]
    assert all(trial["feasible"] is False for trial in able)
    nearest = min(able, key=lambda trial: (trial["metrics"]["validation"]["kl"], trial["number"]))
    assert f"the nearest is trial {nearest['number']}, where kl is" in answer.json()["detail"]


def test_the_refusal_of_a_degenerate_search_shows_what_to_write(http: httpx.Client) -> None:
    beta = {"beta": {"type": "float", "low": 0.1, "high": 4.0}}
    wish = make_spec().model_dump(mode="json", exclude_defaults=True) | {"space": beta}
    wish["dataset"] = {"name": "digits"}
    answer = http.post("/v1/studies", json=wish)
    assert answer.status_code == 422
    assert "`objective: [{metric: mse}, {metric: kl}]`" in answer.json()["errors"][0]["remedy"]


def test_a_terminal_shows_the_set_with_its_knee_marked(
    http: httpx.Client, pareto: tuple[str, dict[str, Any]]
) -> None:
    best = Best.model_validate(http.get(f"{pareto[0]}/best").json())
    assert best.front is not None
    table = front_table(best.front)
    assert table.row_count == len(best.front.members)
    trials, marks = list(table.columns[0].cells), list(table.columns[-1].cells)
    assert [t for t, mark in zip(trials, marks, strict=True) if mark] == [str(best.front.knee)]


def test_the_page_of_a_data_set_names_the_metric_of_the_value(
    http: httpx.Client, pareto: tuple[str, dict[str, Any]]
) -> None:
    path, study = pareto
    users = http.get("/v1/datasets/digits").json()["studies"]
    shown = next(user for user in users if path.endswith(user["id"]))
    assert (shown["metric"], shown["best"]) == ("mse", study["best"]["value"])
