"""The child that reads uploads: whatever it does, the server gets an answer and is rid of it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from service.api.inspection import Inspector
from service.domain.datasets import BuiltInDataset, NpzDataset
from trainers.data.errors import UnreadableData

MIB = 1 << 20


def asked(tmp_path: Path, script: str, seconds: float = 20.0) -> UnreadableData:
    """What is said of a data set whose inspector runs a script of our own."""
    program = (sys.executable, "-I", "-c", script)
    inspector = Inspector(tmp_path / "store", 512 * MIB, seconds, program)
    with pytest.raises(UnreadableData) as caught:
        inspector.ingest(BuiltInDataset(name="digits"), [])
    return caught.value


def test_a_child_that_never_ends_is_ended(tmp_path: Path) -> None:
    begin = time.monotonic()
    error = asked(tmp_path, "import time\nwhile True: time.sleep(9)", seconds=0.3)
    assert time.monotonic() - begin < 15
    assert "longer than 0.3 seconds" in error.reason


@pytest.mark.parametrize(
    "script",
    [
        "print('{')",
        "print('[1, 2]'[:0])",
        "import os; os.abort()",
        "raise SystemExit(3)",
        "import os; os.close(0)",
        "print('x' * (33 << 20))",
    ],
)
def test_an_answer_that_is_none_is_a_refusal(tmp_path: Path, script: str) -> None:
    assert "cannot make sense" in asked(tmp_path, script).reason


def test_a_flood_of_answers_is_not_swallowed(tmp_path: Path) -> None:
    flood = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    assert asked(tmp_path, flood).remedy


def test_a_child_that_was_killed_for_its_memory_is_said_so(tmp_path: Path) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert "memory" in asked(tmp_path, script).reason


def test_a_file_that_needs_more_memory_than_is_allowed_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((100, 1 << 18), np.float32, order="F"))
    inspector = Inspector(tmp_path / "store", 192 * MIB, 60)
    with pytest.raises(UnreadableData, match="MiB of memory"):
        inspector.ingest(NpzDataset(kind="npz", path="x.npy"), [tmp_path])


def test_a_file_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(30_000, 512)))
    inspector = Inspector(tmp_path / "store", 1024 * MIB, 0.5)
    with pytest.raises(UnreadableData, match="longer than"):
        inspector.ingest(NpzDataset(kind="npz", path="x.npy"), [tmp_path])


def test_the_child_has_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIFITUNE_DATABASE_URL", "postgresql://user:secret@host/x")
    seen = tmp_path / "seen"
    asked(tmp_path, f"import os; open({str(seen)!r}, 'w').write(str(dict(os.environ)))")
    assert "secret" not in seen.read_text()


def test_the_child_ends_when_the_server_is_killed(tmp_path: Path) -> None:
    read, write = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-I", "-m", "trainers.data.inspector"], stdin=read,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    os.close(read)
    request = (
        '{"kind": "Npz", "source": {"path": "x.npy"}, "roots": ["%s"], "store": "%s/store", '
        '"memory_bytes": 1073741824, "seconds": 60, "file_bytes": 1073741824}\n'
    )
    np.save(tmp_path / "x.npy", np.zeros((200_000, 512), np.float32))
    os.write(write, (request % (tmp_path, tmp_path)).encode())
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("store/.ingest*")) and time.monotonic() < deadline:
        os.sched_yield()
    os.close(write)  # as the kernel does when the parent dies
    assert child.wait(10) == 1
    assert child.stdout is not None
    assert child.stdout.read() == b""
    child.stdout.close()
