import errno
import hashlib
import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from safetensors.numpy import load_file
from training_jobs import complete, facts, outcome, resumed, temporaries, training_job

from service.domain.states import TrialState
from service.executors import segment
from service.executors.base import ArrayJob, ScoreJob, WorkerEvent
from service.executors.orders import ORDER, Commands, RunOrder
from service.executors.worker import run_job
from trainers.data.mapped import MappedData
from trainers.evaluation import score
from trainers.problem import problem_of

EVENT = TypeAdapter(WorkerEvent)


def train(job, commands=None, on_event=None):
    """The events of a job that runs here."""
    events = []

    def emit(event):
        events.append(event)
        if on_event is not None:
            on_event(event)

    run_job(job, emit, commands or Commands())
    return events


def of_kind(events, kind):
    return [event for event in events if event.kind == kind]


@pytest.fixture
def job(stored_data, tmp_path):
    return training_job(stored_data, tmp_path)


class AfterEpoch:
    """Gives a command as soon as an epoch has been told of."""

    def __init__(self, epoch, how):
        self.epoch, self.how, self.commands = epoch, how, Commands()

    def __call__(self, event):
        if event.kind == "epoch" and event.report.epoch == self.epoch:
            self.commands.give(self.how)


def test_a_job_tells_of_every_epoch_of_every_trial_and_then_of_its_end(job):
    events = train(job)
    told = [(event.report.epoch, event.trial) for event in of_kind(events, "epoch")]
    assert told == [(epoch, trial) for epoch in range(1, 7) for trial in range(3)]
    ends = of_kind(events, "trial_end")
    assert [(end.trial, end.state) for end in ends] == [(n, TrialState.COMPLETE) for n in range(3)]
    assert outcome(events) == "done"


def test_the_files_of_a_trial_are_what_their_event_says(job):
    for end in of_kind(train(job), "trial_end"):
        assert [file.kind for file in end.artifacts] == [
            "checkpoint",
            "reconstructions",
            "evidence",
        ]
        for file in end.artifacts:
            content = Path(job.artifact_root, file.path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file.sha256
            assert len(content) == file.bytes
            assert file.path == f"studies/s1/trials/{end.trial}/{file.kind}.safetensors"


def test_a_checkpoint_replays_to_the_value_of_its_trial(job, stored_data):
    data = MappedData.open(stored_data)
    for end in of_kind(train(job), "trial_end"):
        slot = job.slots[end.trial]
        weights = Path(job.artifact_root, end.artifacts[0].path)
        replayed = score(
            job.family, slot.config, weights, data.validation, slot.seed, problem_of(data)
        )
        assert replayed["mse"] == pytest.approx(end.value, rel=1e-5)


def test_reconstructions_hold_pictures_of_the_same_samples(job):
    pictures = [
        load_file(Path(job.artifact_root, end.artifacts[1].path))
        for end in of_kind(train(job), "trial_end")
    ]
    assert {"input", "best", "last", "worst_input", "worst_best"} <= set(pictures[0])
    assert (pictures[0]["input"] == pictures[1]["input"]).all()


def test_a_segment_to_a_rung_ends_with_its_state_and_a_value_for_every_live_trial(job):
    events = train(job.model_copy(update={"until_epoch": 3}))
    (saved,) = of_kind(events, "saved")
    assert (saved.epoch, Path(job.artifact_root, saved.path).is_file()) == (3, True)
    rungs = of_kind(events, "rung")
    assert [(rung.trial, rung.epoch) for rung in rungs] == [(0, 3), (1, 3), (2, 3)]
    assert all(rung.value > 0 for rung in rungs)
    assert events.index(saved) < events.index(rungs[0])
    assert outcome(events) == "done"


def test_segments_joined_by_saved_states_equal_one_undisturbed_run(job, tmp_path):
    whole = train(job)
    cut = job.model_copy(update={"artifact_root": str(tmp_path / "cut")})
    events = train(cut.model_copy(update={"until_epoch": 2}))
    for until in (4, 6):
        events += train(resumed(cut, events, until_epoch=until))
    assert facts(events) == facts(whole)


def test_survivors_of_a_rung_go_on_as_if_they_had_stayed_together(job, tmp_path):
    whole = train(job)
    cut = job.model_copy(update={"artifact_root": str(tmp_path / "cut")})
    events = train(cut.model_copy(update={"until_epoch": 3}))
    events += train(resumed(cut, events, slots=[job.slots[0], job.slots[2]], until_epoch=6))
    expected = {key: fact for key, fact in facts(whole).items() if key[0] != 1}
    assert {key: fact for key, fact in facts(events).items() if key[0] != 1} == expected


def test_a_job_at_its_rung_already_tells_the_rung_without_training(job):
    at_rung = job.model_copy(update={"until_epoch": 3})
    first = train(at_rung)
    second = train(resumed(at_rung, first))
    assert [event.kind for event in second] == ["rung"] * 3 + ["job_end"]
    assert [e.value for e in second[:3]] == [e.value for e in of_kind(first, "rung")]


def test_a_diverged_trial_ends_alone_and_without_numbers_that_json_lacks(stored_data, tmp_path):
    job = training_job(
        stored_data,
        tmp_path,
        family="autoencoder",
        rates=(0.001, 10.0, 0.003),
        config={"optimizer": "sgd", "activation": "elu", "loss": "mse", "depth": 2},
    )
    events = train(job)
    ends = {end.trial: end for end in of_kind(events, "trial_end")}
    assert ends[1].state is TrialState.DIVERGED
    assert (ends[1].value, ends[1].failure.kind) == (None, "diverged")
    assert {ends[0].state, ends[2].state} == {TrialState.COMPLETE}
    for event in events:
        json.loads(event.model_dump_json(), parse_constant=pytest.fail)


def test_pause_saves_after_the_running_epoch_and_resuming_changes_nothing(job, tmp_path):
    whole = train(job)
    cut = job.model_copy(update={"artifact_root": str(tmp_path / "cut")})
    pause = AfterEpoch(2, "pause")
    events = train(cut, pause.commands, pause)
    assert outcome(events) == "yielded"
    assert [saved.epoch for saved in of_kind(events, "saved")] == [2]
    assert of_kind(events, "trial_end") == []
    events += train(resumed(cut, events))
    assert facts(events) == facts(whole)


def test_a_job_that_is_paused_before_it_began_leaves_nothing(job):
    commands = Commands()
    commands.give("pause")
    events = train(job, commands)
    assert ([event.kind for event in events], outcome(events)) == (["job_end"], "yielded")


def test_stop_ends_every_trial_with_its_best_so_far(job):
    stop = AfterEpoch(3, "stop")
    events = train(job, stop.commands, stop)
    ends = of_kind(events, "trial_end")
    assert [end.state for end in ends] == [TrialState.STOPPED] * 3
    assert all(end.value is not None and end.epochs == 3 and end.artifacts for end in ends)
    assert outcome(events) == "yielded"


def test_stop_drops_the_running_epoch_at_the_next_step(job):
    class AtStep(Commands):
        """Stops in the middle of the second epoch."""

        asked = 0

        @property
        def stop(self):
            self.asked += 1
            if self.asked > 10:
                self.give("stop")
            return self.how == "stop"

    events = train(job, AtStep())
    assert {event.report.epoch for event in of_kind(events, "epoch")} <= {1, 2}
    assert [end.state for end in of_kind(events, "trial_end")] == [TrialState.STOPPED] * 3


def test_a_stop_outranks_a_pause_and_is_not_taken_back():
    commands = Commands()
    commands.give("pause")
    commands.give("stop")
    commands.give("pause")
    assert commands.how == "stop"


def test_states_are_saved_by_the_clock_and_old_ones_go_once_they_cannot_be_asked_for(job):
    events = train(job.model_copy(update={"save_seconds": 0.0}))
    assert [saved.epoch for saved in of_kind(events, "saved")] == [1, 2, 3, 4, 5]
    folder = Path(job.artifact_root, job.state_path)
    assert {path.name for path in folder.iterdir()} == {
        f"state-{epoch}.safetensors" for epoch in (3, 4, 5)
    }


def test_the_state_a_job_began_from_stays_while_it_runs(job):
    events = train(job.model_copy(update={"until_epoch": 1}))
    train(resumed(job, events, save_seconds=0.0))
    assert Path(job.artifact_root, job.state_path, "state-1.safetensors").is_file()


@pytest.mark.parametrize("kept", [None, 2], ids=["none left", "an older one left"])
def test_a_lost_state_is_trained_again_to_the_same_bits(kept, job, tmp_path):
    whole = train(job)
    cut = job.model_copy(update={"artifact_root": str(tmp_path / "cut")})
    events = train(cut.model_copy(update={"until_epoch": 4, "save_seconds": 0.0}))
    for path in Path(cut.artifact_root, cut.state_path).iterdir():
        if path.name != f"state-{kept}.safetensors":
            path.unlink()
    again = train(resumed(cut, events))
    assert min(event.report.epoch for event in of_kind(again, "epoch")) == 5
    assert facts(events + again) == facts(whole)


def test_early_stopping_survives_a_pause(stored_data, tmp_path):
    patience = {"patience": 1, "min_delta": 0.002, "min_epochs": 2}
    job = training_job(stored_data, tmp_path / "a", early_stopping=patience, epochs=30)
    whole = train(job)
    assert any(end.stopped_early for end in of_kind(whole, "trial_end"))
    cut = job.model_copy(update={"artifact_root": str(tmp_path / "b"), "until_epoch": 2})
    events = train(cut)
    events += train(resumed(cut, events, until_epoch=30))
    assert facts(events) == facts(whole)


def test_what_a_killed_worker_left_half_written_is_swept_when_the_array_goes_on(job, dead_process):
    folders = [Path(job.artifact_root, job.state_path)]
    folders.append(Path(job.artifact_root, "studies/s1/trials/1"))
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / f".half-written.{dead_process}.tmp").write_bytes(b"torn")
    train(job)
    assert temporaries(job.artifact_root) == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "out-of-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out-of-memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "storage-full"),
        (ZeroDivisionError("division by zero"), "error"),
    ],
)
def test_an_error_is_a_failure_with_its_reason(error, kind, job, monkeypatch):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(segment, "ArrayRun", fail)
    (event,) = train(job)
    assert (event.outcome, event.failure.kind) == ("failed", kind)
    assert event.failure.message
    assert "raise error" in event.failure.traceback_tail


def test_a_missing_data_set_is_a_failure_that_names_it(job, tmp_path):
    (event,) = train(job.model_copy(update={"data_folder": str(tmp_path / "nowhere")}))
    assert (event.outcome, event.failure.kind) == ("failed", "data")
    assert "nowhere" in event.failure.message


def test_a_path_that_leaves_the_artifact_root_is_refused(job, tmp_path):
    outside = job.model_copy(update={"state_path": "../outside", "until_epoch": 1})
    event = train(outside)[-1]
    assert event.outcome == "failed"
    assert not (tmp_path.parent / "outside").exists()


def test_a_score_job_scores_the_sealed_part(job, stored_data):
    end = of_kind(train(job), "trial_end")[1]
    events = train(
        ScoreJob(
            job_id="score",
            study_id="s1",
            trial=1,
            fence=1,
            family=job.family,
            data_folder=job.data_folder,
            artifact_root=job.artifact_root,
            checkpoint=end.artifacts[0].path,
            config=job.slots[1].config,
            seed=job.slots[1].seed,
        )
    )
    assert [event.kind for event in events] == ["score", "job_end"]
    weights = Path(job.artifact_root, end.artifacts[0].path)
    data, slot = MappedData.open(stored_data), job.slots[1]
    expected = score(job.family, slot.config, weights, data.test(), slot.seed, problem_of(data))
    assert events[0].metrics["mse"] == expected["mse"]
    low, high = events[0].interval["mse"]
    assert low < expected["mse"] < high
    assert high - low == pytest.approx(3.92 * expected["mse_se"], rel=0.3)
    assert "active_units" not in events[0].interval
    told = EVENT.validate_json(events[0].model_dump_json())
    assert told == events[0]


def test_a_config_crosses_to_a_worker_unchanged_in_value_and_type(job):
    config = complete("vae", learning_rate=1.0 / 3, weight_decay=0.0, beta=1.0)
    slots = [slot.model_copy(update={"config": config}) for slot in job.slots]
    order = RunOrder(job=job.model_copy(update={"slots": slots}))
    arrived = ORDER.validate_json(order.model_dump_json()).job
    assert isinstance(arrived, ArrayJob)
    types = {name: (type(value), value) for name, value in arrived.slots[0].config.items()}
    assert types == {name: (type(value), value) for name, value in config.items()}
