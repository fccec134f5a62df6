"""`hifitune compare` over a real server."""

import json
import subprocess
import sys

import pytest

from tests.api.house import House, Seed
from tests.dashboards.synthetic import make_spec


def hifitune(house: House, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "service.cli", "compare", *words, "--url", house.url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_studies_stand_side_by_side_and_whole_in_a_pipe(house: House, seed: Seed) -> None:
    names = [f"a-rather-long-name-of-a-study-{number}" for number in range(8)]
    ids = [
        seed(count=4, seed=number, spec=make_spec(name, trials=4)).study_id
        for number, name in enumerate(names)
    ]
    done = hifitune(house, *ids)
    assert done.returncode == 0, done.stderr
    head, first, *rest = done.stdout.splitlines()
    assert head.split() == names
    assert first.split() == ["id", *ids]
    rows = {line.split("  ")[0]: line for line in rest}
    assert rows["trials"].split()[1:] == ["4/4"] * 8
    assert rows["best in search"].count("*") == 1
    assert rows["training"].count(" s") == 8 and "sampler" in rows
    assert f"/compare?ids={','.join(ids)}" in done.stderr


def test_json_is_the_answer_of_the_server(house: House, seed: Seed) -> None:
    one = seed(count=4).study_id
    upward = {"metric": "elbo", "direction": "maximize"}
    other = seed(count=4, spec=make_spec(trials=4, objective=upward)).study_id
    done = hifitune(house, one, other, "--json")
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    found = json.loads(line)
    assert [study["id"] for study in found["studies"]] == [one, other]
    assert not found["comparable"]
    people = hifitune(house, one, other)
    assert "different-objective: " in people.stdout and "cannot be compared" in people.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [((), 2, "STUDY"), (("{id}",), 4, "2 to 8 studies"), (("{id}", "nobody"), 5, "study nobody")],
)
def test_what_goes_wrong_has_its_exit_code(
    house: House, seed: Seed, words: tuple[str, ...], code: int, said: str
) -> None:
    study_id = seed(count=4).study_id
    done = hifitune(house, *(word.format(id=study_id) for word in words))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
