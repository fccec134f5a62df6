"""The answer for people: nothing cut, the objective first, doing nothing beside it."""

from io import StringIO
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from service.commands.answer import beside_objectives, comparison, print_selection
from service.commands.output import Output
from service.domain.records import Best
from tests.api.house import House, Seed
from tests.cli.processes import hifitune
from tests.dashboards.synthetic import make_spec


def cells(table: Table) -> list[list[Any]]:
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


def test_a_piped_list_of_studies_is_whole(house: House, seed: Seed) -> None:
    name = "a-name-that-is-much-longer-than-a-terminal-has-room-for-beside-an-id"
    study = seed(count=4, spec=make_spec(name, trials=4))
    listed = hifitune("studies", "--url", house.url, NO_COLOR="1").stdout
    line = next(line for line in listed.splitlines() if study.study_id in line)
    assert name in line and "COMPLETE" in line and "vae" in line and "mse" in line
    assert "…" not in listed


def denoised(http: httpx.Client, seed: Seed, **changes: Any) -> Best:
    study = seed(count=9).study_id
    best: dict[str, Any] = http.get(f"/v1/studies/{study}/best").json()
    best["metrics"]["validation"]["psnr"] = 21.5
    best["metrics"]["test"] = {"mse": 0.0071, "psnr": 21.25}
    best["baselines"]["task"] = {
        "name": "the noisy input",
        "validation": {"mse": 0.01, "psnr": 20.0},
        "test": {"mse": 0.011, "psnr": 19.5},
    }
    best["objective"] = {"metric": "psnr", "value": 21.5}
    return Best.model_validate(best | {"objectives": [best["objective"]]} | changes)


def test_the_objective_stands_first_beside_doing_nothing(http: httpx.Client, seed: Seed) -> None:
    best = denoised(http, seed)
    assert cells(beside_objectives(best)) == [
        ["psnr", "this vae", "21.50000", "21.25000"],
        ["psnr", "the noisy input", "20.00000", "19.50000"],
    ]
    rows = cells(comparison(best))
    assert ["the noisy input", "0.01000", "0.01100"] in rows
    assert rows[-1][0] == "the mean sample"


def test_what_is_sealed_is_not_told(http: httpx.Client, seed: Seed) -> None:
    best = denoised(http, seed)
    sealed = best.baselines["task"] | {"test": None}
    best = best.model_copy(
        update={
            "metrics": best.metrics.model_copy(update={"test": None}),
            "baselines": best.baselines | {"task": sealed},
        }
    )
    assert [row[-1] for row in cells(beside_objectives(best))] == ["sealed", "sealed"]
    assert ["the noisy input", "0.01000", "sealed"] in cells(comparison(best))


def test_a_reconstruction_by_its_error_needs_no_second_table(
    http: httpx.Client, seed: Seed
) -> None:
    objective = {"metric": "mse", "value": 0.02}
    best = denoised(http, seed, objective=objective, objectives=[objective])
    plain = best.model_copy(update={"baselines": best.baselines | {"task": None}})
    assert beside_objectives(plain).row_count == 0
    sizes = [objective, {"metric": "parameters", "value": 900.0}]
    pair = denoised(http, seed, objective=objective, objectives=sizes)
    assert ["parameters", "this vae", "900", ""] in cells(beside_objectives(pair))


def test_what_was_luck_is_said(http: httpx.Client, seed: Seed) -> None:
    spoken = StringIO()
    output = Output(as_json=False)
    output.screen = Console(file=spoken, width=200)
    best = denoised(http, seed, selection={
        "kind": "confirmed", "note": "trial 3 has the best mean.", "metric": "psnr",
        "seed_optimism": 0.25, "split_optimism": -0.5, "interval": {"psnr": [21.0, 21.5]},
    })  # fmt: skip
    print_selection(best, output)
    assert spoken.getvalue().splitlines() == [
        "trial 3 has the best mean.",
        "seed optimism +0.25; split optimism -0.5; test value within 21 to 21.5 (95 %)",
    ]
    unconfirmed = denoised(http, seed)
    print_selection(unconfirmed, output)
    assert "not confirmed" in spoken.getvalue() or "optimistic" in spoken.getvalue()
