"""An objective that nobody gave is the first metric that the families report."""

from dataclasses import replace
from typing import Any

from service.domain.catalog import MetricEntry
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec, StudySpec
from tests.domain.catalog import CATALOG, DIGITS, spec

MATCH = MetricEntry(
    name="match", direction="maximize", unit="share", reconstruction=True, description="A match."
)
WITHOUT_MSE = replace(
    CATALOG,
    families={
        "autoencoder": CATALOG.families["autoencoder"],
        "vae": CATALOG.families["vae"].model_copy(update={"metrics": ["match", "mae", "elbo"]}),
    },
    metrics={**CATALOG.metrics, "match": MATCH},
)


def objective(**fields: Any) -> dict[str, Any]:
    resolved = resolve(spec(**fields), WITHOUT_MSE, DIGITS)
    found: dict[str, Any] = resolved.model_dump(mode="json")["objective"]
    return found


def test_it_is_mse_for_families_that_report_it_first() -> None:
    assert objective(family="autoencoder") == {"metric": "mse", "direction": "minimize"}


def test_it_is_the_familys_first_metric_in_its_own_direction() -> None:
    assert objective() == {"metric": "match", "direction": "maximize"}


def test_several_families_are_ranked_by_what_all_of_them_report() -> None:
    both = {"choices": ["vae", "autoencoder"]}
    assert objective(family=both) == {"metric": "mae", "direction": "minimize"}


def test_bounds_alone_leave_the_metric_to_the_family() -> None:
    bounds = [{"metric": "mae", "at_most": 0.2}]
    found = objective(objective={"subject_to": bounds})
    assert found == {"metric": "match", "direction": "maximize", "subject_to": bounds}


def test_a_metric_that_was_given_stays() -> None:
    assert objective(objective={"metric": "mae"})["metric"] == "mae"


def test_an_objective_left_out_stays_left_out_on_its_way_through_json() -> None:
    wish = spec(family="vae")
    again = StudySpec.model_validate_json(wish.model_dump_json())
    assert "objective" not in wish.model_dump(mode="json")
    assert resolve(again, WITHOUT_MSE, DIGITS) == resolve(wish, WITHOUT_MSE, DIGITS)


def test_resolving_twice_changes_nothing() -> None:
    once = resolve(spec(), WITHOUT_MSE, DIGITS)
    read = ResolvedSpec.model_validate_json(once.model_dump_json())
    assert resolve(read, WITHOUT_MSE, DIGITS) == once
