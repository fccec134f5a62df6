"""The client over a real server."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.client import Client, NotReachable, ProblemError, StudyFailed, WaitTimeout
from service.domain.records import Failure, Study
from service.domain.spec import StudySpec
from service.domain.states import Intent, StudyState
from tests.api.house import MINIMAL, House, Seed
from tests.api.test_results import leave_checkpoint
from tests.dashboards.synthetic import make_spec

PAIR = [{"metric": "mse"}, {"metric": "parameters"}]


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with Client(house.url) as opened:
        yield opened


def test_the_client_loads_neither_torch_nor_the_server() -> None:
    script = "import sys, service.client; print(' '.join(sorted(sys.modules)))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded & {"torch", "optuna", "fastapi", "sqlalchemy", "numpy"} == set()


@pytest.mark.parametrize("form", ["dict", "spec", "json", "yaml"])
def test_a_study_is_submitted_in_any_form(client: Client, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"spec.{form}"
    file.write_text(
        json.dumps(MINIMAL) if form == "json" else "name: x\ndataset: {name: digits}\nfamily: vae"
    )
    spec = {"dict": MINIMAL, "spec": StudySpec.model_validate(MINIMAL)}.get(form, file)

    handle = client.submit(spec)  # type: ignore[arg-type]

    assert handle.refresh().state is StudyState.QUEUED
    assert handle.id in handle.url
    assert handle.submitted.spec == StudySpec.model_validate(MINIMAL)


def test_a_key_makes_submitting_safe_to_repeat(client: Client) -> None:
    first = client.submit(MINIMAL, idempotency_key="client-1")
    assert client.submit(MINIMAL, idempotency_key="client-1").id == first.id
    assert client.submit(MINIMAL).id != first.id


def test_a_refusal_carries_the_problem(client: Client) -> None:
    with pytest.raises(ProblemError) as caught:
        client.submit({**MINIMAL, "seed": "x"})

    problem = caught.value
    assert (problem.status, problem.kind) == (422, "invalid-spec")
    assert problem.errors[0].pointer == "/seed"
    assert "/seed" in str(problem)
    assert problem.errors[0].remedy in str(problem)


def test_an_unknown_study_is_a_problem_too(client: Client) -> None:
    with pytest.raises(ProblemError) as caught:
        client.study("unknown")
    assert caught.value.kind == "not-found"
    assert caught.value.remedy


def test_a_silent_address_is_not_reachable() -> None:
    with (
        Client("http://127.0.0.1:9") as nowhere,
        pytest.raises(NotReachable, match="hifitune serve"),
    ):
        nowhere.study("x")


def test_all_trials_come_whatever_the_page_size(client: Client, seed: Seed) -> None:
    handle = client.handle(seed(count=30).study_id)
    assert [trial.number for trial in handle.trials()] == list(range(30))
    complete = list(handle.trials(states=["COMPLETE"], order_by="value"))
    assert complete[0].number == handle.best().trial
    assert client.trial(handle.id, 3).number == 3
    assert [report.epoch for report in client.epochs(handle.id, 0)] == list(range(1, 21))
    config = client.trial_config(handle.id, 3)
    assert config.trial_seed == client.trial(handle.id, 3).seed


def test_studies_are_found_by_filter(client: Client) -> None:
    names = {f"findable-{number}" for number in range(3)}
    for name in names:
        client.submit({**MINIMAL, "name": name})
    assert {study.name for study in client.studies(name="findable-")} == names


def test_the_answer_and_everything_with_it(
    client: Client, seed: Seed, house: House, tmp_path: Path
) -> None:
    seeded = seed(count=10, running=1, planned=12)
    leave_checkpoint(house, seeded)
    handle = client.handle(seeded.study_id)

    best = handle.best()
    folder = handle.download_model(tmp_path / "model")

    assert handle.best_config().trial_seed == best.seed
    assert f"trial_seed: {best.seed}" in client.best_config_yaml(handle.id)
    assert {"model.py", "weights.safetensors", "config.json", "train.py", "README.md"} <= {
        path.name for path in folder.iterdir()
    }
    file = client.download_checkpoint(handle.id, tmp_path / "weights.safetensors")
    assert file.read_bytes() == (folder / "weights.safetensors").read_bytes()
    assert client.list_figures(handle.id)
    assert "families" in client.catalog()
    assert client.validate(MINIMAL)["estimate"]["trials"] == 40


def test_the_answer_is_that_of_the_trial_that_was_asked_for(
    client: Client, seed: Seed, house: House, tmp_path: Path
) -> None:
    seeded = seed(count=14, planned=14, spec=make_spec(trials=14, objective=PAIR))
    knee = client.best(seeded.study_id)
    assert knee.front is not None
    other = next(m.trial for m in knee.front.members if m.trial != knee.trial)
    leave_checkpoint(house, seeded, other)

    asked = client.best(seeded.study_id, other)
    config = client.best_config(seeded.study_id, other)
    yaml = client.best_config_yaml(seeded.study_id, other)
    client.download_model(seeded.study_id, tmp_path / "model", other)

    assert asked.trial == other
    assert config.trial_seed == asked.seed != knee.seed
    assert f"trial_seed: {asked.seed}" in yaml
    assert (tmp_path / "model" / "weights.safetensors").exists()
    with pytest.raises(ProblemError) as refused:
        client.best(seeded.study_id, 99)
    assert refused.value.status == 404


def test_a_study_is_steered(client: Client) -> None:
    handle = client.submit(MINIMAL)
    assert [handle.pause().intent, handle.resume().intent, handle.stop().intent] == [
        Intent.PAUSE, Intent.RUN, Intent.STOP,
    ]  # fmt: skip
    with pytest.raises(ProblemError, match="409"):
        handle.delete()


def test_waiting_shows_progress_and_ends_with_the_study(client: Client, seed: Seed) -> None:
    seeded = seed(count=2, running=1, planned=4)
    looks: list[Study] = []

    def note(study: Study) -> None:
        looks.append(study)
        if len(looks) == 2:
            seeded.transition(StudyState.STOPPED)

    study = client.handle(seeded.study_id).wait(timeout=20, on_progress=note, poll_seconds=0.01)

    assert study.state is StudyState.STOPPED
    assert len(looks) >= 3
    assert looks[0].progress.done == 2


def test_waiting_ends_with_the_reason_of_a_failure(client: Client, seed: Seed) -> None:
    seeded = seed(count=1, planned=2)
    seeded.transition(StudyState.FAILED, failure=Failure(kind="data", message="the file is gone"))
    with pytest.raises(StudyFailed, match="the file is gone"):
        client.handle(seeded.study_id).wait(timeout=5)


def test_waiting_has_an_end_of_its_own(client: Client, seed: Seed) -> None:
    handle = client.handle(seed(count=1, planned=2).study_id)
    with pytest.raises(WaitTimeout):
        handle.wait(timeout=0.05, poll_seconds=0.01)


def test_events_are_told_in_order_until_the_end(client: Client, seed: Seed) -> None:
    seeded = seed(count=6, planned=7)
    newest = client.study(seeded.study_id).event
    timer = threading.Timer(0.2, seeded.transition, (StudyState.STOPPED,))
    timer.start()

    events = list(client.handle(seeded.study_id).events(after=2))

    timer.join()
    assert [event.sequence for event in events] == list(range(3, newest + 2))
    assert events[-1].data["state"] == "STOPPED"


def test_events_survive_a_connection_that_breaks(
    client: Client, seed: Seed, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded = seed(count=9)
    handle = client.handle(seeded.study_id)
    monkeypatch.setattr("service.client.handle.RECONNECT_SECONDS", 0.01)
    whole = client.messages

    def broken(study_id: str, after: int = 0):  # type: ignore[no-untyped-def]
        for count, message in enumerate(whole(study_id, after)):
            if count == 3:
                raise NotReachable("broken")
            yield message

    monkeypatch.setattr(client, "messages", broken)

    newest = client.study(seeded.study_id).event
    assert [event.sequence for event in handle.events()] == list(range(1, newest + 1))
