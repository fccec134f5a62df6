"""The examples run as their readers would run them: against a real server and its engine."""

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.client import Client
from service.domain.states import StudyState

EXAMPLES = Path(__file__).parents[2] / "examples"
MODEL_FILES = {"README.md", "config.json", "model.py", "train.py", "weights.safetensors"}
SECONDS = 240


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    serving = runpy.run_path(str(EXAMPLES / "own_npz.py"))["serving"]
    with serving(tmp_path_factory.mktemp("server")) as client:
        yield client.base_url


def run_script(name: str, *arguments: object) -> str:
    process = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.mark.parametrize(
    "name", ["vae-digits-tpe.yaml", "autoencoder-grid.yaml", "family-choice-gp.yaml"]
)
def test_an_example_study_ends_with_a_model_that_beats_the_mean_image(url, name):
    with Client(url) as client:
        study = client.submit(EXAMPLES / name)
        ended = study.wait(timeout=SECONDS)
        best = study.best()
    assert ended.state is StudyState.COMPLETE
    assert ended.progress.done == ended.progress.trials
    assert ended.progress.failed == 0
    assert best.baselines["gap_closed"]["test"] > 0.7


def answer_of(url, name):
    with Client(url) as client:
        study = client.submit(EXAMPLES / name)
        ended = study.wait(timeout=SECONDS)
        assert ended.state is StudyState.COMPLETE, ended.failure
        return study.best().model_dump(mode="json")


def test_the_constrained_example_answers_within_its_bounds(url):
    best = answer_of(url, "constrained-vae-digits.yaml")
    assert best["metrics"]["validation"]["kl"] <= 10
    assert best["complexity"]["parameters"] <= 30_000


def test_the_pareto_example_answers_with_a_front_from_little_rate_to_much(url):
    best = answer_of(url, "pareto-vae-digits.yaml")
    front = sorted(
        (each["values"]["kl"], each["values"]["mse"]) for each in best["front"]["members"]
    )
    assert len(front) >= 3
    assert [mse for _, mse in front] == sorted((mse for _, mse in front), reverse=True)
    assert front[-1][0] - front[0][0] > 3


@pytest.mark.parametrize(
    ("name", "metric", "better"),
    [("denoise-digits.yaml", "psnr", 2.5), ("inpaint-digits.yaml", "hole_mse", -0.02)],
)
def test_an_example_of_a_task_is_better_than_doing_nothing(url, name, metric, better):
    best = answer_of(url, name)
    gained = best["metrics"]["test"][metric] - best["baselines"]["task"]["test"][metric]
    assert gained > better if better > 0 else gained < better


def test_the_client_example_prints_the_answer_and_fetches_the_model(url, tmp_path):
    printed = run_script("client_example.py", url, tmp_path / "model")
    assert "best trial" in printed
    assert "test {'" in printed
    assert {path.name for path in (tmp_path / "model").iterdir()} >= MODEL_FILES


def test_ones_own_npz_becomes_a_model_that_reconstructs_it(tmp_path):
    printed = run_script("own_npz.py", tmp_path)
    line = next(line for line in printed.splitlines() if "in raw units" in line)
    error, variance = (float(word.strip(")")) for word in line.split() if word[0].isdigit())
    assert error < 0.2 * variance
    assert {path.name for path in (tmp_path / "model").iterdir()} >= MODEL_FILES
