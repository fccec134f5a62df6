import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainers.data.files import idx_bytes, npy_bytes, npz_bytes, samples, store
from trainers.data import store as store_module
from trainers.data.baselines import pca_baseline
from trainers.data.mapped import MappedData
from trainers.data.sources import BuiltIn, Idx, Npz, Split
from trainers.data.store import ingest
from trainers.data.stored import Stored

DIGITS = BuiltIn("digits")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def hash_of(tmp_path, source=DIGITS, split=None, scaling="unit"):
    return store(source, tmp_path, split, scaling)[0].data_hash


def test_the_parts_hold_the_scaled_samples_of_the_split(tmp_path):
    stored, folder = store(DIGITS, tmp_path, Split(1000, 500, 297, "file"))
    data = MappedData.open(folder)
    from sklearn.datasets import load_digits

    expected = (load_digits().data / 16).astype(np.float32)
    np.testing.assert_array_equal(data.train, expected[:1000])
    np.testing.assert_array_equal(data.validation, expected[1000:1500])
    np.testing.assert_array_equal(data.test(), expected[1500:])
    assert (stored.train, stored.validation, stored.test) == (1000, 500, 297)
    assert (data.shape, data.low, data.high) == ((8, 8), 0.0, 1.0)
    assert data.train.dtype == np.float32
    assert not data.train.flags.writeable


def test_mapped_data_can_be_taken_back_to_raw_units(tmp_path):
    table = np.random.default_rng(0).normal(5, [1, 20, 300], size=(60, 3))
    (tmp_path / "x.npy").write_bytes(npy_bytes(table))
    _, folder = store(Npz("x.npy"), tmp_path, Split(40, 10, 10, "file"), "standard")
    data = MappedData.open(folder)
    np.testing.assert_allclose(data.train * data.scale + data.offset, table[:40], rtol=1e-4)


def test_the_test_part_stays_closed_until_it_is_asked_for(tmp_path):
    _, folder = store(DIGITS, tmp_path)
    (folder / "test.npy").rename(folder / "sealed")
    data = MappedData.open(folder)
    assert len(data.validation) == 269
    with pytest.raises(FileNotFoundError):
        data.test()


def test_ingesting_twice_writes_once_and_answers_the_same(tmp_path):
    first, folder = store(DIGITS, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    second, _ = store(DIGITS, tmp_path)
    assert second == first
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    assert names(tmp_path / "store") == {first.folder}


def test_later_latent_sizes_get_their_clipped_baselines_too(tmp_path):
    _, folder = store(DIGITS, tmp_path, latent_dims=(4,))
    again, _ = store(DIGITS, tmp_path, latent_dims=(16, 100))
    entries = {entry["latent_dim"]: entry for entry in again.baselines["pca"]}
    assert {size for size, entry in entries.items() if entry["test_clipped"] is not None} == {4, 16}
    assert pca_baseline(folder, 16) == entries[16]
    assert pca_baseline(folder, 100)["validation"] == pytest.approx(0, abs=1e-9)


def test_a_latent_size_without_sense_is_refused(tmp_path):
    _, folder = store(DIGITS, tmp_path)
    with pytest.raises(ValueError, match="latent size"):
        pca_baseline(folder, 0)


def test_a_later_latent_size_beyond_the_kept_axes_is_fitted(tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.data.baselines.MAX_AXES", 8)
    _, folder = store(DIGITS, tmp_path)
    kept = Stored.read(folder).baselines["pca"]
    assert [entry["latent_dim"] for entry in kept] == list(range(1, 9))
    monkeypatch.undo()
    _, whole = store(DIGITS, tmp_path, latent_dims=(20,), below="other")
    expected = next(e for e in Stored.read(whole).baselines["pca"] if e["latent_dim"] == 20)
    assert pca_baseline(folder, 20) == pytest.approx(expected)


def test_the_record_is_plain_json_and_its_baselines_are_those_of_the_records(tmp_path):
    from service.domain.records import Baselines

    stored, folder = store(DIGITS, tmp_path, latent_dims=(2, 100))
    read = json.loads((folder / "data.json").read_text())
    assert read["data_hash"] == folder.name == stored.data_hash
    baselines = Baselines.model_validate(stored.baselines)
    sizes = [entry.latent_dim for entry in baselines.pca]
    assert sizes == [*range(1, 65), 100]
    assert baselines.eigenvalues == sorted(baselines.eigenvalues, reverse=True)
    errors = [entry.train for entry in baselines.pca]
    assert errors == sorted(errors, reverse=True)


def test_the_hash_follows_split_scaling_and_content(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy_bytes(samples(40)))
    (tmp_path / "y.npy").write_bytes(npy_bytes(samples(40, seed=1)))
    hashes = [
        hash_of(tmp_path),
        hash_of(tmp_path, split=Split(seed=1)),
        hash_of(tmp_path, split=Split(order="file")),
        hash_of(tmp_path, split=Split(1000, 300, 300)),
        hash_of(tmp_path, scaling="none"),
        hash_of(tmp_path, scaling="standard"),
        hash_of(tmp_path, Npz("x.npy")),
        hash_of(tmp_path, Npz("y.npy")),
    ]
    assert len(set(hashes)) == len(hashes)


def test_the_hash_ignores_how_the_same_numbers_were_asked_for(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy_bytes(samples(40)))
    (tmp_path / "x.npz").write_bytes(npz_bytes(True, a=samples(40), b=samples(3)))
    (tmp_path / "x.idx").write_bytes(idx_bytes(samples(40)))
    split = Split(28, 6, 6, "seed", 0)
    assert hash_of(tmp_path, split=Split(1258, 269, 270)) == hash_of(tmp_path)
    assert hash_of(tmp_path, split=Split(order="file", seed=9)) == hash_of(
        tmp_path, split=Split(order="file")
    )
    assert (
        hash_of(tmp_path, Npz("x.npy"), split)
        == hash_of(tmp_path, Npz("x.npz", "a"), split)
        == hash_of(tmp_path, Idx("x.idx"), split)
    )


def test_copies_of_train_samples_in_the_other_parts_are_counted(tmp_path):
    array = samples(40)
    array[30] = array[2]
    array[35] = array[2]
    array[36] = array[5]
    array[39] = array[31]  # a copy inside the other parts is no leak from train
    (tmp_path / "x.npy").write_bytes(npy_bytes(array))
    stored, _ = store(Npz("x.npy", duplicates="keep"), tmp_path, Split(28, 6, 6, "file"))
    assert stored.duplicates_across == 3


def test_bytes_of_a_lying_boolean_file_become_booleans(tmp_path):
    data = bytearray(npy_bytes(samples(40) > 128))
    data[-480:] = bytes([0, 7, 255, 1] * 120)
    (tmp_path / "x.npy").write_bytes(data)
    _, folder = store(Npz("x.npy", duplicates="keep"), tmp_path)
    assert set(np.unique(MappedData.open(folder).train)) == {0.0, 1.0}


INGEST = """
import sys
from dataclasses import replace
from pathlib import Path
from trainers.data.sources import BuiltIn, Split
from trainers.data.store import ingest
print("ready", flush=True)
sys.stdin.readline()
ingest(BuiltIn("digits"), Split(), "unit", [], Path(sys.argv[1]), [4])
"""


def test_processes_that_ingest_the_same_at_once_leave_one_folder(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", INGEST, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    (folder,) = names(tmp_path)
    assert len(MappedData.open(tmp_path / folder).train) == 1258


def test_whoever_publishes_second_keeps_what_the_first_has_written(tmp_path, monkeypatch):
    real = store_module.compute_baselines

    def overtaken(*arguments):
        monkeypatch.setattr(store_module, "compute_baselines", real)
        store(DIGITS, tmp_path)
        return real(*arguments)

    monkeypatch.setattr(store_module, "compute_baselines", overtaken)
    stored, folder = store(DIGITS, tmp_path)
    assert names(tmp_path / "store") == {stored.folder}
    assert Stored.read(folder) == stored


KILLED = """
import os, signal, sys
from pathlib import Path
from trainers.data import store
from trainers.data.sources import BuiltIn, Split
store.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store.ingest(BuiltIn("digits"), Split(), "unit", [], Path(sys.argv[1]), [])
"""


def test_what_a_killed_ingestion_left_is_swept_by_the_next(tmp_path):
    code = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode
    assert code == -signal.SIGKILL
    assert any(name.startswith(".ingest-") for name in names(tmp_path))
    stored = ingest(DIGITS, Split(), "unit", [], tmp_path, [])
    assert names(tmp_path) == {stored.folder}


def test_a_full_disk_is_an_os_error_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store(DIGITS, tmp_path)
    assert names(tmp_path / "store") == set()


def test_memory_stays_bounded_however_many_samples_there_are(tmp_path):
    """100 MiB of doubles go through; the process's own memory may grow by 64."""
    header = {"descr": "<f8", "fortran_order": False, "shape": (204_800, 64)}
    with (tmp_path / "x.npy").open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        for seed in range(50):
            np.random.default_rng(seed).random((4096, 64)).tofile(out)
    script = (
        "import resource, sys; from pathlib import Path;"
        "from trainers.data.store import ingest; from trainers.data.sources import *;"
        "import numpy; numpy.linalg.eigh(numpy.eye(64));"
        "used = int(next(l for l in open('/proc/self/status') if l.startswith('VmData'))"
        ".split()[1]) << 10;"
        "resource.setrlimit(resource.RLIMIT_DATA, (used + (64 << 20),) * 2);"
        "root = Path(sys.argv[1]);"
        "ingest(Npz('x.npy'), Split(), 'standard', [root], root / 'store', [4])"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert len(names(tmp_path / "store")) == 1


def test_the_mean_is_scored_on_the_samples_that_epochs_are_evaluated_on(tmp_path):
    stored, folder = store(DIGITS, tmp_path)
    data = MappedData.open(folder)
    mean = data.train.astype(float).mean(axis=0)
    some = np.arange(269) * len(data.train) // 269
    expected = {
        "evaluated_mean_train": np.square(data.train[some] - mean).mean(),
        "evaluated_mean_validation": np.square(data.validation - mean).mean(),
        "evaluated_mean_validation_se": np.square(data.validation - mean).mean(1).std(ddof=1)
        / 269**0.5,
    }
    found = {name: stored.baselines[name] for name in expected}
    assert found == pytest.approx(expected)
    assert found["evaluated_mean_train"] != pytest.approx(stored.baselines["mean_train"], abs=1e-5)


@pytest.mark.parametrize("knows_means", [False, True])
def test_a_folder_of_an_older_version_learns_its_evaluated_scores(tmp_path, knows_means):
    first, folder = store(DIGITS, tmp_path)
    record = json.loads((folder / "data.json").read_text())
    for name in list(record["baselines"]):
        if name.startswith("evaluated_mean") and (name.endswith("_se") or not knows_means):
            del record["baselines"][name]
    (folder / "data.json").write_text(json.dumps(record))
    assert store(DIGITS, tmp_path)[0].baselines == first.baselines


def test_a_test_part_is_known_by_itself(tmp_path):
    """However the rest is divided, and whatever it is scaled by; another seed draws another."""

    def test_hash(split, scaling="unit"):
        return store(DIGITS, tmp_path, split, scaling)[0].test_hash

    first = test_hash(Split(seed=1))
    again = [test_hash(Split(seed=1, resplit=1)), test_hash(Split(seed=1), "standard")]
    assert again == [first, first]
    assert test_hash(Split(seed=2)) != first
    assert test_hash(Split(seed=1)) == first  # what was stored before


def test_a_folder_that_was_written_before_gets_its_test_hash(tmp_path):
    stored, folder = store(DIGITS, tmp_path)
    replace(stored, test_hash=None).write(folder)
    assert store(DIGITS, tmp_path)[0].test_hash == stored.test_hash is not None
