"""What is sent to be a data set and is none, or is sent by someone who means harm."""

import gzip
import io
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.upload_house import CAP, IDLE_SECONDS, QUOTA, UploadHouse, npy, uploads

__all__ = ["uploads"]

DEADLINE_SECONDS = 20


@pytest.fixture(autouse=True)
def nothing_left(uploads: UploadHouse) -> Iterator[None]:
    """After every refusal the disk is as it was before."""
    before = settled(uploads)
    yield
    assert settled(uploads) == before


def settled(house: UploadHouse) -> set[str]:
    """What is kept when nothing is coming in any more: an answer may be there before that."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while any(name.startswith(".") for name in house.kept()) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    return house.kept()


def saved(array: Any, **arrays: Any) -> bytes:
    file = io.BytesIO()
    if arrays:
        np.savez(file, **arrays)
    else:
        np.save(file, array, allow_pickle=True)
    return file.getvalue()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return file.getvalue()


def bomb() -> bytes:
    """64 MiB of zeros as an IDX file of 64 KiB."""
    sizes = b"".join(size.to_bytes(4, "big") for size in (65536, 32, 32))
    return gzip.compress(b"\0\0\x08\x03" + sizes + bytes(65536 * 1024), 9)


MALFORMED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "cut short": (lambda: npy()[:-7], "npz", "promises"),
    "a pickle in an array": (
        lambda: saved(np.array([{"x": 1}] * 9, dtype=object)), "npz", "Python objects"
    ),
    "a bare pickle": (lambda: b"\x80\x04K\x01.", "npz", "pickle"),
    "not what it is called": (lambda: b"hello, world" * 9, "npz", "neither"),
    "labels only": (lambda: saved(np.arange(99)), "npz", "one axis"),
    "no samples": (lambda: saved(np.zeros((0, 4))), "npz", "empty"),
    "too few samples": (lambda: saved(np.zeros((2, 4))), "npz", "would have"),
    "not a number": (lambda: saved(np.full((9, 4), np.nan)), "npz", "NaN"),
    "several arrays": (
        lambda: saved(None, a=np.zeros((9, 2)), b=np.zeros((9, 2))), "npz", "2 arrays"
    ),
    "a lying directory": (lambda: zipped(x_npy=b"no array")[:-5], "npz", "damaged"),
    "a bomb": (bomb, "idx", "claim to decode"),
    "another magic": (lambda: b"\0\0\x77\x03" + bytes(99), "idx", "unknown number type"),
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_a_file_that_is_no_data_set_is_refused_with_reason_and_remedy(
    uploads: UploadHouse, case: str
) -> None:
    make, kind, reason = MALFORMED[case]
    answer = uploads.send(make(), "the name", kind=kind)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:hifitune:problem:invalid-data"
    (error,) = problem["errors"]
    assert reason in error["reason"]
    assert error["remedy"]
    assert ".ingest" not in answer.text


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a/b", "a\\b", "<script>alert(1)</script>", "", "x" * 121, "..", ".hidden",
     "a\0b", "a\r\nX-Evil: 1", "ünicode", "$(reboot)", "{{7*7}}", "=cmd"],
)  # fmt: skip
def test_a_hostile_name_is_refused_before_anything_is_read(uploads: UploadHouse, name: str) -> None:
    answer = uploads.send(npy(), name)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/query/name"


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ('{"path": "/etc/passwd"}', "/path"),
        ('{"images": "../x"}', "/images"),
        ('{"test_images": "../x"}', "/test_images"),
        ('{"id": "ds-1"}', "/id"),
        ('{"limit": 5}', "/limit"),
        ('{"keys": "x"}', "/keys"),
        ('{"key": 5}', "/key"),
        ("[1]", ""),
        ("not JSON", ""),
        ('{"key": NaN}', "/key"),
        ('{"key": "a", "key": "b"}', "/key"),
        ("[" * 2000, ""),
    ],
)
def test_options_that_make_no_sense_are_refused_with_their_place(
    uploads: UploadHouse, options: str, pointer: str
) -> None:
    answer = uploads.send(npy(), kind="npz", options=options)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == f"/header/Dataset-Options{pointer}"


def test_a_kind_that_cannot_be_told_is_asked_for(uploads: UploadHouse) -> None:
    answer = uploads.send(b"1,2\n3,4\n", "numbers")
    assert answer.status_code == 400
    assert "kind=" in answer.json()["errors"][0]["remedy"]


def test_an_unknown_kind_is_refused(uploads: UploadHouse) -> None:
    assert uploads.send(npy(), kind="pickle").status_code == 400


def test_an_empty_body_is_refused(uploads: UploadHouse) -> None:
    assert uploads.send(b"").status_code == 400


def test_a_form_is_told_how_to_send_a_file(uploads: UploadHouse) -> None:
    answer = uploads.http.post(
        "/v1/datasets", params={"name": "x"}, files={"file": ("x.npy", npy())}
    )
    assert answer.status_code == 415
    assert "curl" in answer.json()["remedy"]


def test_a_body_compressed_on_the_way_is_refused(uploads: UploadHouse) -> None:
    answer = uploads.http.post(
        "/v1/datasets", params={"name": "x"}, content=gzip.compress(npy()),
        headers={"Content-Encoding": "gzip"},
    )  # fmt: skip
    assert answer.status_code == 415


@pytest.mark.parametrize("declared", [True, False])
def test_a_file_above_the_cap_is_refused(uploads: UploadHouse, declared: bool) -> None:
    body = bytes(CAP + 1)
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    answer = uploads.send(body if declared else pieces)
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:hifitune:problem:body-too-large"


def test_a_foreign_page_cannot_upload(uploads: UploadHouse) -> None:
    answer = uploads.http.post(
        "/v1/datasets", params={"name": "x"}, content=npy(),
        headers={"Origin": "https://evil.example"},
    )  # fmt: skip
    assert answer.status_code == 403


def test_the_quota_holds_over_all_uploads(uploads: UploadHouse) -> None:
    kept = [
        uploads.send(npy(seed, 60_000, (4, 4)), f"large {seed}").json()["id"]
        for seed in range(QUOTA // (60_000 * 16 + 128))
    ]
    answer = uploads.send(npy(99, 60_000, (4, 4)), "one too many")
    for upload in kept:
        uploads.http.delete(f"/v1/datasets/{upload}")
    assert answer.status_code == 507
    assert "together" in answer.json()["detail"]


def test_the_quota_holds_over_what_was_kept_while_a_file_came_in(uploads: UploadHouse) -> None:
    slow, quick = (npy(seed, 60_000, (4, 4)) for seed in (97, 98))
    others = uploads.kept()
    go_on = threading.Event()
    answers: list[httpx.Response] = []

    def body() -> Iterator[bytes]:
        sent = 1000
        yield slow[:sent]
        while not go_on.wait(IDLE_SECONDS / 5):
            yield slow[sent : sent + 1]
            sent += 1
        yield slow[sent:]

    sending = threading.Thread(target=lambda: answers.append(uploads.send(body(), "slow")))
    sending.start()
    deadline = time.monotonic() + 20
    while uploads.kept() == others:  # until it has been let in
        assert time.monotonic() < deadline
    first = uploads.send(quick, "quick")
    go_on.set()
    sending.join(60)
    for answer in (first, *answers):
        if answer.status_code == 201:
            uploads.http.delete(f"/v1/datasets/{answer.json()['id']}")
    assert (first.status_code, answers[0].status_code) == (201, 507)
    assert "together" in answers[0].json()["detail"]
    assert uploads.kept() == others


HEAD = (
    b"POST /v1/datasets?name=slow&kind=npz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Length: 90000\r\n\r\n"
)


def test_a_client_that_goes_silent_is_given_up(uploads: UploadHouse) -> None:
    with uploads.connect() as connection:
        connection.sendall(HEAD + npy()[:500])
        begin = time.monotonic()
        answer = connection.recv(65536)
        assert time.monotonic() - begin < IDLE_SECONDS + 5
        assert answer.startswith(b"HTTP/1.1 408")
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"slow-request" in answer + rest


def test_an_upload_that_breaks_off_leaves_nothing(uploads: UploadHouse) -> None:
    with uploads.connect() as connection:
        connection.sendall(HEAD + npy()[:500])
    assert uploads.http.get("/livez").status_code == 200


def test_huge_headers_are_refused_and_hurt_nobody(uploads: UploadHouse) -> None:
    with uploads.connect() as connection:
        connection.sendall(b"POST /v1/datasets?name=x HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        try:
            for _ in range(64):
                connection.sendall(b"X-Filler: " + b"x" * 65536 + b"\r\n")
            answer = connection.recv(65536)
        except ConnectionError:
            answer = b"HTTP/1.1 400"  # closed before all of it was sent
    assert answer.startswith(b"HTTP/1.1 4") or answer == b""
    assert uploads.http.get("/livez").status_code == 200


def test_a_huge_address_is_refused(uploads: UploadHouse) -> None:
    answer = uploads.http.post("/v1/datasets", params={"name": "x" * 30_000}, content=npy())
    assert answer.status_code == 400


def test_many_at_once_make_one_data_set_of_equal_content(uploads: UploadHouse) -> None:
    answers = at_once(6, lambda number: uploads.send(npy(50), f"number {number}"))
    ids = {answer.json()["id"] for answer in answers}
    created = [answer for answer in answers if answer.status_code == 201]
    for upload in ids:
        uploads.http.delete(f"/v1/datasets/{upload}")
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert (len(ids), len(created)) == (1, 1)


def test_many_at_once_of_different_content_are_all_kept(uploads: UploadHouse) -> None:
    answers = at_once(4, lambda number: uploads.send(npy(60 + number), f"number {number}"))
    ids = {answer.json().get("id") for answer in answers}
    for upload in ids:
        uploads.http.delete(f"/v1/datasets/{upload}")
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len(ids) == 4


def at_once(count: int, send: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda number=number: answers.append(send(number)))
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers
