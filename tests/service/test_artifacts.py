import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.artifacts import FilesystemArtifacts
from service.errors import NotFound

NAME = "studies/s1/trials/0/checkpoint.safetensors"


@pytest.fixture
def store(tmp_path):
    return FilesystemArtifacts(tmp_path / "artifacts")


def files(store):
    return sorted(str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file())


def test_what_is_put_is_read_back_with_its_checksum(store):
    sha256, size = store.put_bytes(NAME, b"weights")
    assert (sha256, size) == (hashlib.sha256(b"weights").hexdigest(), 7)
    with store.open(NAME) as file:
        assert file.read() == b"weights"
    assert files(store) == [NAME]


def test_putting_again_replaces(store):
    store.put_bytes(NAME, b"one")
    store.put_bytes(NAME, b"two")
    with store.open(NAME) as file:
        assert file.read() == b"two"
    assert files(store) == [NAME]


@pytest.mark.parametrize(
    "path",
    [
        "", ".", "/", "/etc/passwd", "..", "../x", "studies/../../x", "studies/s1/../s2/x",
        "studies//x", "studies/./x", "studies/x/", "a\x00b", "link/x",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(store, tmp_path, path):
    store.root.mkdir()
    (store.root / "link").symlink_to(tmp_path)
    (tmp_path / "x").write_bytes(b"outside")
    for act in (store.open, store.path, lambda name: store.put_bytes(name, b"")):
        with pytest.raises(NotFound):
            act(path)
    assert (tmp_path / "x").read_bytes() == b"outside"


@pytest.mark.parametrize("path", [NAME, "studies", "studies/s1/x/y"])
def test_what_is_not_there_is_not_found(store, path):
    store.put_bytes("studies/s1/x", b"a file, not a folder")
    with pytest.raises(NotFound):
        store.open(path)


def test_the_root_may_be_a_link(store, tmp_path):
    (tmp_path / "disk").mkdir()
    store.root.symlink_to(tmp_path / "disk")
    store.put_bytes(NAME, b"weights")
    assert (tmp_path / "disk" / NAME).read_bytes() == b"weights"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(store, monkeypatch, step):
    store.put_bytes(NAME, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        store.put_bytes(NAME, b"new")
    monkeypatch.undo()
    assert files(store) == [NAME]
    assert store.path(NAME).read_bytes() == b"old"


def test_writers_at_once_leave_one_whole_file(store):
    contents = [bytes([i]) * 200_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: store.put_bytes(NAME, data), contents))
    assert store.path(NAME).read_bytes() in contents
    assert files(store) == [NAME]


def test_deleting_a_study_takes_its_files_and_no_others(store):
    store.put_bytes(NAME, b"x")
    store.put_bytes("studies/s10/trials/0/checkpoint.safetensors", b"y")
    store.delete_study("s1")
    assert files(store) == ["studies/s10/trials/0/checkpoint.safetensors"]
    store.delete_study("s1")


@pytest.mark.parametrize("study_id", ["", ".", "..", "../x", "s1/trials", "s1/.."])
def test_only_whole_studies_are_deleted(store, study_id):
    store.put_bytes(NAME, b"x")
    with pytest.raises(NotFound):
        store.delete_study(study_id)
    assert files(store) == [NAME]
