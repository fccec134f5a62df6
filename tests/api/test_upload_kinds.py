"""A file of every kind becomes a data set, its preview looks right, and a study can name it."""

import gzip
import io
import zipfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.api.upload_house import UploadHouse, npy, spec_of, uploads

__all__ = ["uploads"]

DRAWS = np.random.default_rng(0)


def npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, x=DRAWS.normal(size=(40, 5)))
    return file.getvalue()


def idx() -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in (40, 6, 5))
    return gzip.compress(b"\0\0\x08\x03" + sizes + DRAWS.bytes(40 * 30))


def pictures() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(20):
            picture = io.BytesIO()
            Image.fromarray(DRAWS.integers(0, 255, (8, 6, 3), np.uint8)).save(picture, "PNG")
            archive.writestr(f"some/{number}.png", picture.getvalue())
    return file.getvalue()


def table() -> bytes:
    return b"size,kind\n" + b"".join(b"%d.5,%c\n" % (n, b"xyz"[n % 3]) for n in range(40))


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": list(range(40)), "b": [n / 3 for n in range(40)]}), file)
    return file.getvalue()


def lines() -> bytes:
    return "".join(f"line {n} of Zoë\n" for n in range(40)).encode()


def json_lines() -> bytes:
    return "".join(f'{{"text": "line {n}"}}\n' for n in range(40)).encode()


KINDS: dict[str, tuple[Callable[[], bytes], str, str, str]] = {
    "x.npy": (npy, "{}", "image", "images"),
    "x.npz": (npz, "{}", "vector", "rows"),
    "x-idx3-ubyte.gz": (idx, "{}", "image", "images"),
    "x.zip": (pictures, '{"mode": "grey"}', "image", "images"),
    "x.csv": (table, "{}", "table", "rows"),
    "x.parquet": (parquet, '{"columns": ["b"]}', "table", "rows"),
    "x.txt": (lines, '{"level": "word"}', "text", "texts"),
    "x.jsonl": (json_lines, '{"field": "text"}', "text", "texts"),
}


def few_pictures() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(4):
            picture = io.BytesIO()
            Image.fromarray(DRAWS.integers(0, 255, (32, 32, 3), np.uint8)).save(picture, "PNG")
            archive.writestr(f"{number}.png", picture.getvalue())
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "options", "parts"),
    [
        ("four.zip", few_pictures, '{"patches": {"size": 8}}', (32, 16, 16)),
        ("five.npy", lambda: npy(0, 5), "{}", (2, 2, 1)),
    ],
)
def test_what_is_too_little_for_the_default_split_is_divided_all_the_same(
    uploads: UploadHouse,
    name: str,
    content: Callable[[], bytes],
    options: str,
    parts: tuple[int, int, int],
) -> None:
    sent = uploads.send(content(), name, options=options)
    assert sent.status_code == 201, sent.text
    division = uploads.http.get(f"/v1/datasets/{sent.json()['id']}").json()["divisions"][0]
    uploads.http.delete(f"/v1/datasets/{sent.json()['id']}")
    assert (division["train"], division["validation"], division["test"]) == parts


FAMILIES = {"text": "text_vae"}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_every_kind_can_be_looked_at_and_trained_on(
    uploads: UploadHouse, name: str
) -> None:
    make, options, kind, shown = KINDS[name]
    sent = uploads.send(make(), name, options=options)
    assert sent.status_code == 201, sent.text
    upload = sent.json()
    assert upload["header"]["kind"] == kind
    detail = uploads.http.get(f"/v1/datasets/{upload['id']}").json()
    division = detail["divisions"][0]
    parts = [division[part] for part in ("train", "validation", "test")]
    assert sum(parts) == upload["header"]["samples"]
    assert len(detail["preview"][shown]) == min(16, parts[0])
    assert division["audit"]["exact_duplicates"] == 0
    study = spec_of({"id": upload["id"], "limit": 18}) | {
        "family": FAMILIES.get(kind, "autoencoder")
    }
    checked = uploads.http.post("/v1/studies:validate", json=study)
    assert checked.status_code == 200, checked.text
    assert checked.json()["data"]["samples"] == 18
    assert uploads.http.get(f"/datasets/{upload['id']}").status_code == 200
    assert uploads.http.delete(f"/v1/datasets/{upload['id']}").status_code == 204
