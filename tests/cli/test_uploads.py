"""Uploads to the server as it is started: its memory, its death, and the command line."""

import io
import json
import socket
import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image
from typer.testing import CliRunner

from service.cli import app
from service.storage.database import Database
from service.storage.uploads import UploadRepository
from tests.api.house import House
from tests.cli.processes import Served, eventually, lines_of_json, serving

MIB = 1 << 20
HEAD = (
    "POST /v1/datasets?name=half&kind=npz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    f"Content-Length: {50 * MIB}\r\n\r\n"
)


def bomb() -> bytes:
    """A few MiB that decode to 200 MiB, column by column: all of it is needed at once."""
    array = np.zeros((800, 512, 512), np.uint8, order="F")
    array.ravel(order="K")[::600] = np.random.default_rng(0).integers(1, 255, -(-array.size // 600))
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x.npy", file.getvalue())
    return packed.getvalue()


def peak_while_posting(served: Served, content: bytes) -> tuple[int, httpx.Response]:
    """By how much the server's memory grew at most, and its answer."""
    server = psutil.Process(served.process.pid)
    before, peak, done = server.memory_info().rss, 0, threading.Event()

    def look() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, server.memory_info().rss)

    watcher = threading.Thread(target=look)
    watcher.start()
    answer = httpx.post(
        f"{served.url}/v1/datasets", params={"name": "bomb.npz"}, content=content, timeout=60,
        trust_env=False,
    )  # fmt: skip
    done.set()
    watcher.join()
    return peak - before, answer


def test_the_server_outlives_bombs_and_its_own_death_leaves_no_half_data_set(
    tmp_path: Path,
) -> None:
    limits = {"HIFITUNE_INSPECT_MEMORY_BYTES": str(256 * MIB)}
    uploads = tmp_path / "uploads"
    with serving(tmp_path, **limits) as served:
        httpx.get(f"{served.url}/v1/datasets/iris", timeout=60, trust_env=False)  # all is loaded
        grown, answer = peak_while_posting(served, bomb())
        assert answer.status_code == 422
        assert "256 MiB of memory" in answer.json()["errors"][0]["reason"]
        assert grown < 50 * MIB, f"grew by {grown / MIB:.0f} MiB"

        address = httpx.URL(served.url)
        with socket.create_connection((address.host, address.port or 80)) as connection:
            connection.sendall(HEAD.encode() + bytes(4 * MIB))
            eventually(
                "part of the file is on disk",
                lambda: any(file.stat().st_size for file in uploads.glob(".ingest-*/coming")),
            )
            served.process.kill()
            served.process.wait()
    assert list(uploads.glob(".ingest-*"))
    with serving(tmp_path, **limits) as served:
        assert [path.name for path in uploads.iterdir()] == [".lock"]


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(house: House) -> Run:
    """`hifitune datasets ...` in this process, against the running house."""

    def invoke(*arguments: str) -> Said:
        result = CliRunner().invoke(app, ["datasets", *arguments, "--url", house.url])
        return Said(result.exit_code, result.stdout, result.stderr)

    return invoke


def write_pictures(folder: Path) -> Path:
    folder.mkdir()
    draws = np.random.default_rng(0)
    for number in range(12):
        pixels = draws.integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_a_folder_of_pictures_is_uploaded_listed_shown_and_deleted(
    run: Run, tmp_path: Path
) -> None:
    pictures = write_pictures(tmp_path / "pictures")
    sent = run("upload", str(pictures), "--json")
    assert sent.code == 0, sent.err
    (line,) = lines_of_json(sent.out)
    uploaded = line["dataset"]
    assert (uploaded["name"], uploaded["header"]["shape"]) == ("pictures", [8, 8, 3])
    assert lines_of_json(run("upload", str(pictures), "--json").out)[0]["dataset"] == uploaded
    listed = json.loads(run("list", "--origin", "upload", "--json").out)["items"]
    assert [entry["name"] for entry in listed] == ["pictures"]
    assert f"dataset: {{id: {uploaded['id']}}}" in run("show", uploaded["id"]).out
    assert run("delete", uploaded["id"]).code == 0
    assert run("show", uploaded["id"]).code == 5


def test_options_say_how_a_table_is_read(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a;b\n" + "".join(f"{number};{number % 3}\n" for number in range(30)))
    assert "30 samples of 2" in run("upload", str(table), "-o", "delimiter=;").out
    assert "ds-" in run("list", "--origin", "upload").out


def test_what_cannot_be_uploaded_is_said_with_the_right_code(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    wrong = run("upload", str(table), "--kind", "npz")
    assert wrong.code == 4
    assert "neither a .npy nor a .npz" in wrong.err
    assert run("upload", str(tmp_path / "nothing")).code == 2
    assert run("upload", str(tmp_path)).code == 2
    assert run("upload", str(table), "-o", "delimiter").code == 2


def test_a_deletion_that_was_cut_short_is_mended_at_the_next_start(sqlite_url: str) -> None:
    from service.upload_files import UploadFiles
    from tests.storage.test_uploads import add_upload

    home = Path(sqlite_url.removeprefix("sqlite:///")).parent
    files = UploadFiles(home / "uploads")
    database = Database(sqlite_url)
    kept = add_upload(database)
    for name in (f".trash-{kept.id}~0a1b", ".trash-ds-gone~0a1b", "ds-norow"):
        (files.root / name).mkdir(parents=True)
        (files.root / name / "content").write_text("x")
    with database.transaction() as session:
        files.sweep(UploadRepository(session).freeze())
    database.close()
    assert {path.name for path in files.root.iterdir()} == {".lock", kept.id}
