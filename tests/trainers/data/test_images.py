import io
import os
import threading
import tracemalloc
import warnings
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainers.data.files import read, store
from tests.trainers.data.kinds import encoded_image, picture_zip, pictures
from trainers.data.errors import UnreadableData
from trainers.data.image_decoding import decode_image, open_image
from trainers.data.image_files import cut_patches
from trainers.data.layout import CHUNK_BYTES
from trainers.data.mapped import MappedData
from trainers.data.readers import open_source
from trainers.data.sources import Images, Split

IN_ORDER = Split(8, 2, 2, "file")


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "photos" / "inner"
    inner.mkdir(parents=True)
    for index, pixels in enumerate(pictures()):
        where = inner if index % 2 else inner.parent
        (where / f"{index:02}.png").write_bytes(encoded_image(pixels))
    return inner.parent


def stored_train(source, root, split=IN_ORDER):
    _, folder = store(source, root, split)
    data = MappedData.open(folder)
    return (data.train * 255).round().reshape(-1, *data.shape)


def test_a_zip_gives_its_images_by_name(tmp_path):
    (tmp_path / "x.zip").write_bytes(picture_zip())
    header = read(Images("x.zip"), tmp_path)
    assert (header.samples, header.shape, header.kind) == (12, (6, 5, 3), "image")
    assert not header.estimated
    np.testing.assert_array_equal(stored_train(Images("x.zip"), tmp_path), pictures()[:8])


def test_a_folder_gives_its_images_by_path_those_of_inner_folders_too(tmp_path, folder):
    even, odd = pictures()[::2], pictures()[1::2]
    expected = np.concatenate([even, odd])[:8]
    np.testing.assert_array_equal(stored_train(Images("photos"), tmp_path), expected)


def test_files_that_are_no_images_are_passed_over(tmp_path, folder):
    (folder / "LICENSE").write_text("CC BY")
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "._00.png").write_bytes(b"\0")
    assert read(Images("photos"), tmp_path).samples == 12


@pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP"])
def test_lossless_formats_are_read_to_the_bit(tmp_path, form):
    options = {"lossless": True} if form == "WEBP" else {}
    (tmp_path / "x.zip").write_bytes(
        zip_with(
            [
                (f"{i:02}.{form.lower()}", encoded_image(p, form, **options))
                for i, p in enumerate(pictures())
            ]
        )
    )
    np.testing.assert_array_equal(stored_train(Images("x.zip"), tmp_path), pictures()[:8])


def zip_with(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def test_grey_is_one_channel(tmp_path):
    pixels = pictures(channels=1)
    (tmp_path / "x.zip").write_bytes(picture_zip(pixels))
    assert read(Images("x.zip", "grey"), tmp_path).shape == (6, 5)
    np.testing.assert_array_equal(stored_train(Images("x.zip", "grey"), tmp_path), pixels[:8])


def test_a_size_brings_images_of_every_size_to_it(tmp_path):
    members = [
        (f"{i:02}.png", encoded_image(pictures(1, 8 + i, 20 - i, seed=i)[0])) for i in range(12)
    ]
    (tmp_path / "x.zip").write_bytes(zip_with(members))
    source = Images("x.zip", size=(7, 9))
    assert read(source, tmp_path).shape == (7, 9, 3)
    first = Image.fromarray(pictures(1, 8, 20)[0]).resize((9, 7), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(stored_train(source, tmp_path)[0], np.asarray(first))


def decoded(data, mode="rgb"):
    return decode_image(io.BytesIO(data), mode, None, "x", "x", "/dataset/path")


def test_transparent_pixels_stand_on_white():
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2, :, 3] = 255
    seen = decoded(encoded_image(pixels))
    assert (seen[:2] == 0).all()
    assert (seen[2:] == 255).all()


def test_a_palette_becomes_its_colours():
    out = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 10, 30)).convert("P", palette=Image.Palette.ADAPTIVE).save(
        out, "PNG"
    )
    np.testing.assert_allclose(decoded(out.getvalue())[0, 0], (200, 10, 30), atol=2)


def test_a_camera_that_was_held_upright_is_turned_back():
    pixels = pictures(1, 8, 16)[0] // 64 * 64
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = decoded(encoded_image(pixels, "PNG", exif=exif))
    np.testing.assert_array_equal(seen, np.rot90(pixels, -1))


def test_images_opened_in_threads_leave_the_filters_of_warnings_alone():
    data = encoded_image(pictures(1)[0])
    first_is_open, second_is_open = threading.Event(), threading.Event()

    def first():
        with open_image(io.BytesIO(data), "x", "x", "/dataset/path"):
            first_is_open.set()
            second_is_open.wait(5)

    def second():
        first_is_open.wait(5)
        with open_image(io.BytesIO(data), "x", "x", "/dataset/path"):
            second_is_open.set()
            opened_first.join()

    opened_first, opened_second = threading.Thread(target=first), threading.Thread(target=second)
    with warnings.catch_warnings():
        warnings.resetwarnings()  # pytest's own filters make errors of warnings already
        for thread in (opened_first, opened_second):
            thread.start()
        opened_second.join()
        assert not warnings.filters


def test_a_phones_photo_with_a_preview_behind_it_is_its_first_picture():
    pixels = [Image.fromarray(p // 64 * 64) for p in pictures(2, 16, 16)]
    out = io.BytesIO()
    pixels[0].save(out, "MPO", save_all=True, append_images=pixels[1:], quality=95)
    alone = encoded_image(np.asarray(pixels[0]), "JPEG", quality=95)
    np.testing.assert_array_equal(decoded(out.getvalue()), decoded(alone))


def test_patches_are_cut_row_by_row_and_stay_whole():
    pixels = np.arange(7 * 10, dtype=np.uint8).reshape(7, 10)
    patches = cut_patches(pixels, 3, 3)
    assert patches.shape == (6, 9)
    np.testing.assert_array_equal(patches[4].reshape(3, 3), pixels[3:6, 3:6])


def test_patches_in_colour_keep_their_channels_last():
    pixels = pictures(1, 8, 8)[0]
    patches = cut_patches(pixels, 4, 2)
    np.testing.assert_array_equal(patches[4].reshape(4, 4, 3), pixels[2:6, 2:6])


def test_all_patches_of_an_image_stay_in_one_part(tmp_path):
    marked = [np.full((8, 8, 3), 20 * i, np.uint8) for i in range(12)]
    for index, image in enumerate(marked):
        image += np.random.default_rng(index).integers(0, 10, image.shape, dtype=np.uint8)
    (tmp_path / "x.zip").write_bytes(picture_zip(marked))
    stored, folder = store(Images("x.zip", patch=4), tmp_path)
    data = MappedData.open(folder)
    of_part = [
        {int(patch.mean() * 255 // 20) for patch in part}
        for part in (data.train, data.validation, data.test())
    ]
    assert sum(map(len, of_part)) == len(set.union(*of_part)) == 12
    assert stored.audit["groups"] == 12


def test_patches_of_files_whose_names_are_no_utf_8_are_groups_too(tmp_path):
    folder = tmp_path / "latin"
    folder.mkdir()
    for index, pixels in enumerate(pictures(12, 8, 8)):
        (folder / os.fsdecode(b"f\xe9%02d.png" % index)).write_bytes(encoded_image(pixels))
    stored, _ = store(Images("latin", patch=4), tmp_path)
    assert stored.audit["groups"] == 12


def test_patches_of_one_image_come_in_small_blocks_and_end_at_the_limit(tmp_path):
    (tmp_path / "x.zip").write_bytes(picture_zip(pictures(1, 400, 400, 1)))
    source = Images("x.zip", "grey", patch=32, stride=1)
    whole = cut_patches(pictures(1, 400, 400, 1)[0], 32, 1)
    seen = 0
    tracemalloc.start()
    try:
        with open_source(source, Split(), [tmp_path]) as opened:
            for block in opened.files[0].blocks():
                assert block.rows.nbytes <= 2 * CHUNK_BYTES
                np.testing.assert_array_equal(block.rows[0], whole[seen])
                seen += len(block.rows)
        assert seen == len(whole) == 369 * 369
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        with open_source(replace(source, limit=100), Split(), [tmp_path]) as opened:
            assert sum(len(block.rows) for block in opened.files[0].blocks()) == 100
        assert tracemalloc.get_traced_memory()[1] - before < 4 * CHUNK_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [3, 4])
def test_patches_of_few_images_are_divided_image_by_image(tmp_path, count):
    (tmp_path / "x.zip").write_bytes(picture_zip(pictures(count, 24, 24)))
    stored, _ = store(Images("x.zip", patch=8), tmp_path)
    assert (stored.train, stored.validation, stored.test) == (9 * (count - 2), 9, 9)


def test_images_smaller_than_a_patch_give_none_and_the_header_counts_exactly(tmp_path):
    members = [
        *((f"{i}.png", encoded_image(pictures(1, 9, 9, seed=i)[0])) for i in range(9)),
        ("small.png", encoded_image(pictures(1, 3, 9)[0])),
    ]
    (tmp_path / "x.zip").write_bytes(zip_with(members))
    header = read(Images("x.zip", patch=4, stride=5), tmp_path)
    assert (header.samples, header.shape) == (9 * 4, (4, 4, 3))
    stored, _ = store(Images("x.zip", patch=4, stride=5), tmp_path)
    assert stored.train + stored.validation + stored.test == header.samples


def test_a_limit_stops_in_the_middle_of_an_image(tmp_path):
    (tmp_path / "x.zip").write_bytes(picture_zip(pictures(12, 8, 8)))
    source = Images("x.zip", patch=4, limit=21)
    assert read(source, tmp_path).samples == 21
    stored, _ = store(source, tmp_path, Split(0.6, 0.2, 0.2))
    assert stored.train + stored.validation + stored.test == 21


def test_a_link_in_a_folder_is_refused_not_followed(tmp_path, folder):
    (tmp_path / "secret.png").write_bytes(encoded_image(pictures(1)[0]))
    (folder / "zz.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(UnreadableData, match=r"'zz\.png' is a symbolic link"):
        read(Images("photos"), tmp_path)


def test_a_linked_folder_is_refused_too(tmp_path, folder):
    (tmp_path / "elsewhere").mkdir()
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnreadableData, match="'more' is a symbolic link"):
        read(Images("photos"), tmp_path)


def test_a_fifo_that_calls_itself_an_image_is_refused_and_does_not_hang(tmp_path, folder):
    os.mkfifo(folder / "zz.png")
    with pytest.raises(UnreadableData, match="not a regular file"):
        store(Images("photos"), tmp_path)


def test_a_folder_without_end_is_refused(tmp_path):
    (tmp_path / "/".join(["deep"] * 12)).mkdir(parents=True)
    with pytest.raises(UnreadableData, match="more than 8 folders deep"):
        read(Images("deep"), tmp_path)


def test_no_file_stays_open(tmp_path, folder):
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir()))
    for source in (Images("photos"), Images("photos", size=(4, 4)), Images("missing")):
        with suppress(UnreadableData):
            store(source, tmp_path)
    assert len(list(open_files.iterdir())) == before


def test_parts_may_be_folders_of_their_own(tmp_path, folder):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index, pixels in enumerate(pictures(3, seed=ord(name))):
            (tmp_path / name / f"{index}.png").write_bytes(encoded_image(pixels))
    stored, _ = store(Images("unread"), tmp_path, Split("photos", "a", "b"))
    assert (stored.train, stored.validation, stored.test) == (12, 3, 3)
