import os
from pathlib import Path

import pytest

from tests.trainers.data.files import npy_bytes, samples
from trainers.data.errors import UnreadableData
from trainers.data.headers import file_stats, read_header
from trainers.data.roots import open_under_roots
from trainers.data.sources import BuiltIn, Npz, Split


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "x").write_bytes(b"inside")
    (tmp_path / "secret").write_bytes(b"outside")
    return folder


def content(path, roots):
    with open_under_roots(str(path), roots) as file:
        return file.read()


def test_a_relative_path_is_tried_below_each_root(root, tmp_path):
    (tmp_path / "empty").mkdir()
    assert content("inner/x", [tmp_path / "empty", root]) == b"inside"


def test_an_absolute_path_below_a_root_is_opened(root):
    assert content(root / "inner" / "x", [root]) == b"inside"


def test_a_root_may_itself_be_a_link(root, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(root)
    assert content("inner/x", [link]) == b"inside"
    assert content(link / "inner" / "x", [link]) == b"inside"
    assert content(root / "inner" / "x", [link]) == b"inside"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret", "contains '..'"),
        ("inner/../../secret", "contains '..'"),
        ("{root}/../secret", "contains '..'"),
        ("{root}", "outside"),
        ("{root}-other/x", "outside"),
        ("/etc/passwd", "outside"),
        ("/", "outside"),
        (".", "outside"),
        ("", "empty"),
        ("a\x00b", "zero byte"),
        ("~/x", "no such file"),
        ("missing", "no such file"),
        ("inner", "not a regular file"),
        ("fifo", "not a regular file"),
        ("inner/x/y", "not a folder"),
        ("n" * 300, "too long"),
        ("link-out", "symbolic link"),
        ("link-in", "symbolic link"),
        ("folder-out/secret", "link or not a folder"),
        ("loop", "symbolic link"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(root, tmp_path, path, reason):
    (root / "link-out").symlink_to(tmp_path / "secret")
    (root / "link-in").symlink_to(root / "inner" / "x")
    (root / "folder-out").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    os.mkfifo(root / "fifo")
    with pytest.raises(UnreadableData, match=reason):
        content(path.format(root=root), [root])


def test_a_refusal_does_not_tell_whether_a_file_outside_exists(root, tmp_path):
    reasons = set()
    for path in (tmp_path / "secret", tmp_path / "missing"):
        with pytest.raises(UnreadableData) as refusal:
            content(path, [root])
        reasons.add(refusal.value.reason)
    assert len(reasons) == 1


def test_without_roots_only_built_in_data_can_be_read(root):
    assert read_header(BuiltIn("digits"), Split(), []).samples == 1797
    with pytest.raises(UnreadableData, match="no data folder is configured"):
        read_header(Npz("inner/x"), Split(), [])


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_refusals_leave_no_file_open(root):
    before = open_files()
    for path in ("missing", "inner", "inner/x/y", "../secret"):
        with pytest.raises(UnreadableData):
            content(path, [root])
    assert open_files() == before


def test_file_stats_change_when_a_file_is_replaced(root):
    (root / "x.npy").write_bytes(npy_bytes(samples(9)))
    before = file_stats(Npz("x.npy"), Split(), [root])
    assert file_stats(Npz("x.npy"), Split(), [root]) == before
    (root / "x.npy").write_bytes(npy_bytes(samples(10)))
    assert file_stats(Npz("x.npy"), Split(), [root]) != before


def test_an_unknown_built_in_name_lists_the_known_ones():
    with pytest.raises(UnreadableData) as refusal:
        read_header(BuiltIn("mnist"), Split(), [])
    assert "digits" in refusal.value.remedy
