import json

import numpy as np
import pytest

from service.domain.records import Audit
from tests.trainers.data.files import npy_bytes, samples, store
from tests.trainers.data.kinds import picture_zip, pictures
from trainers.data.mapped import MappedData
from trainers.data.near_duplicates import (
    alike_images,
    difference_hashes,
    normal_form,
)
from trainers.data.sources import Images, Npz, Split, Text

SPLIT = Split(28, 6, 6, "file")


def with_copies(root):
    """40 samples; 30, 35 and 36 are copies of train samples, 39 of 31."""
    array = samples(40)
    for copy, original in ((30, 2), (35, 2), (36, 5), (39, 31)):
        array[copy] = array[original]
    (root / "x.npy").write_bytes(npy_bytes(array))
    return array


def test_copies_are_counted_before_and_after_they_are_kept_together(tmp_path):
    with_copies(tmp_path)
    stored, _ = store(Npz("x.npy"), tmp_path, SPLIT)
    audit = stored.audit
    assert (audit["exact_duplicates"], audit["dropped"], audit["groups"]) == (4, 0, 36)
    assert (audit["across_before"], audit["across_after"]) == (3, 0)
    assert audit["largest_group"] == 3
    assert stored.train + stored.validation + stored.test == 40


@pytest.mark.parametrize("order", ["seed", "file"])
def test_no_copy_of_a_train_sample_is_in_another_part(tmp_path, order):
    with_copies(tmp_path)
    _, folder = store(Npz("x.npy"), tmp_path, Split(0.7, 0.15, 0.15, order))
    data = MappedData.open(folder)
    train = {row.tobytes() for row in data.train}
    assert not train & {row.tobytes() for row in (*data.validation, *data.test())}


def test_dropping_keeps_the_first_of_every_sample(tmp_path):
    array = with_copies(tmp_path)
    stored, folder = store(Npz("x.npy", duplicates="drop"), tmp_path, Split(24, 6, 6, "file"))
    data = MappedData.open(folder)
    rows = np.concatenate([data.train, data.validation, data.test()]) * 255
    kept = [row for row in range(40) if row not in (30, 35, 36, 39)]
    np.testing.assert_allclose(rows, array[kept].reshape(36, 12), atol=1e-3)
    assert stored.audit["dropped"] == 4


def test_keeping_leaves_every_sample_where_it_falls(tmp_path):
    with_copies(tmp_path)
    stored, _ = store(Npz("x.npy", duplicates="keep"), tmp_path, SPLIT)
    assert stored.audit["across_after"] == stored.duplicates_across == 3


def test_what_is_done_about_copies_is_part_of_the_hash(tmp_path):
    with_copies(tmp_path)
    hashes = {
        store(Npz("x.npy", duplicates=choice), tmp_path, Split(20, 6, 6))[0].data_hash
        for choice in ("group", "drop", "keep")
    }
    assert len(hashes) == 3


def test_minus_zero_is_zero_when_copies_are_looked_for(tmp_path):
    for dtype in ("f4", "f8"):
        array = np.random.default_rng(0).normal(size=(40, 3)).astype(dtype)
        array[30], array[31] = [0.0, 1.0, 2.0], [-0.0, 1.0, 2.0]
        (tmp_path / "x.npy").write_bytes(npy_bytes(array))
        stored, _ = store(Npz("x.npy"), tmp_path)
        assert stored.audit["exact_duplicates"] == 1


@pytest.mark.parametrize(("duplicates", "late"), [("group", 3), ("drop", 0), ("keep", 0)])
def test_train_samples_from_behind_the_first_validation_sample_are_counted(
    tmp_path, duplicates, late
):
    with_copies(tmp_path)  # 30, 35 and 36 stand where validation and test begin
    stored, _ = store(Npz("x.npy", duplicates=duplicates), tmp_path, Split(0.7, 0.15, 0.15, "file"))
    assert stored.audit["late_train"] == late


def test_samples_that_are_shuffled_have_no_order_to_break(tmp_path):
    with_copies(tmp_path)
    stored, _ = store(Npz("x.npy"), tmp_path, Split(0.7, 0.15, 0.15))
    assert stored.audit["late_train"] == 0


def test_without_copies_it_does_not_matter_what_is_done_about_them(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy_bytes(samples(40)))
    hashes = {
        store(Npz("x.npy", duplicates=choice), tmp_path)[0].data_hash
        for choice in ("group", "drop", "keep", "near")
    }
    assert len(hashes) == 1


def test_an_audit_is_the_record_of_one(tmp_path):
    with_copies(tmp_path)
    stored, folder = store(Npz("x.npy"), tmp_path, SPLIT)
    read = json.loads((folder / "data.json").read_text())["audit"]
    assert Audit.model_validate(read).model_dump() == stored.audit


def photographs(count=30, side=24):
    """Images of random blocks, no two of them alike."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 4, 4), dtype=np.uint8)
    return coarse.repeat(side // 4, 1).repeat(side // 4, 2)


def test_an_image_saved_again_in_another_quality_is_a_near_duplicate(tmp_path):
    images = photographs()
    noise = np.random.default_rng(1).integers(-3, 4, images.shape)
    again = np.clip(images.astype(int) + noise, 0, 255).astype(np.uint8)[:5]
    (tmp_path / "x.zip").write_bytes(picture_zip(np.concatenate([images, again])))
    stored, _ = store(Images("x.zip", "grey"), tmp_path, Split(30, 3, 2, "file"))
    audit = stored.audit
    assert (audit["near_duplicates"], audit["near_across"]) == (5, 5)
    assert audit["exact_duplicates"] == 0


def test_near_duplicates_stay_together_when_asked_to(tmp_path):
    images = photographs()
    again = np.minimum(images[:5], 250) + np.uint8(3)
    (tmp_path / "x.zip").write_bytes(picture_zip(np.concatenate([images, again])))
    source = Images("x.zip", "grey", duplicates="near")
    stored, _ = store(source, tmp_path, Split(25, 5, 5, "file"))
    assert (stored.audit["near_across"], stored.audit["groups"]) == (0, 30)


def test_images_that_differ_are_no_near_duplicates():
    images = photographs(200).reshape(200, -1)
    hashes = difference_hashes(images, (24, 24))
    assert len(alike_images(images, hashes, np.ones(200, bool))) == 0


def test_images_with_equal_outlines_and_other_pixels_are_no_near_duplicates():
    image = photographs(1)[0] // 2
    rows = np.stack([image, image * 2]).reshape(2, -1)
    hashes = difference_hashes(rows, (24, 24))
    assert hashes[0] == hashes[1]
    assert len(alike_images(rows, hashes, np.ones(2, bool))) == 0


def test_a_difference_hash_compares_neighbouring_cells():
    rising = np.tile(np.arange(9, dtype=np.uint8), (8, 1)).reshape(1, -1)
    assert difference_hashes(rising, (8, 9))[0] == 2**64 - 1
    assert difference_hashes(rising[:, ::-1].copy(), (8, 9))[0] == 0


def test_colour_and_grey_images_of_any_size_have_a_hash():
    for shape in ((5, 7), (5, 7, 3), (31, 17, 1), (8, 9), (1, 1)):
        rows = np.random.default_rng(0).random((4, int(np.prod(shape)))).astype("f4")
        assert difference_hashes(rows, shape).shape == (4,)


@pytest.mark.parametrize(
    ("text", "form"),
    [("Hello, World!", "helloworld"), ("Ünïcödé", "unicode"), ("a  B", "ab"), ("?!", "?!")],
)
def test_a_normal_form_has_no_case_accents_punctuation_and_spaces(text, form):
    assert normal_form(text) == form


def test_texts_that_agree_in_letters_are_near_duplicates(tmp_path):
    lines = [f"line number {i}" for i in range(20)]
    (tmp_path / "x.txt").write_text("\n".join([*lines, "Line, number 3!", "LINE NUMBER 4"]))
    stored, _ = store(Text("x.txt"), tmp_path, Split(18, 2, 2, "file"))
    audit = stored.audit
    assert (audit["near_duplicates"], audit["near_across"]) == (2, 2)


def test_vectors_are_not_searched_for_near_duplicates(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy_bytes(samples(40, 12)))
    assert store(Npz("x.npy"), tmp_path)[0].audit["near_duplicates"] is None


def test_a_thousand_equal_pictures_do_not_take_quadratic_time(tmp_path):
    rising = np.tile(np.arange(9, dtype=np.uint8) * 20, (3000, 8))
    hashes = difference_hashes(rising, (8, 9))
    assert len(alike_images(rising, hashes, np.ones(3000, bool))) <= 3000 * 13


def test_pictures_without_any_outline_are_compared_with_nothing():
    flat = np.full((30, 72), 7, np.uint8)
    hashes = difference_hashes(flat, (8, 9))
    assert len(alike_images(flat, hashes, np.ones(30, bool))) == 0


def test_pictures_of_tests_are_what_they_claim():
    assert len({image.tobytes() for image in pictures(50)}) == 50
