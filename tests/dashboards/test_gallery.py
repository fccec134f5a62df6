"""The gallery of a trial: epochs on a slider, hardest samples, points, units, draws, columns."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from dashboards.figures import FIGURES
from dashboards.figures.figure import as_json
from dashboards.figures.frame import Evidence, Pictures
from dashboards.figures.inputs import SIDE, sprite_of, thumbnails
from dashboards.figures.leavings import Raw
from dashboards.figures.moments import Progress, moments_of, say_progress
from dashboards.figures.prior_samples import distances
from dashboards.figures.written import strike, swap, underline
from dashboards.trial_files import read_evidence, read_pictures
from service.api.stored_samples import read_stored_samples
from service.domain.data import Column
from tests.dashboards.synthetic import make_dataset, make_evidence, make_pictures, make_study
from tests.dashboards.test_text_reconstructions import LETTERS, ids

SHAPES = [(8, 8), (1, 8, 8), (8, 8, 1), (3, 20, 30), (200, 150, 3), (5, 17), (12,), (1,)]
COLUMNS = (
    Column(name="age", kind="numeric", start=0, width=1),
    Column(name="sex", kind="categorical", start=1, width=2, categories=["f", "m"]),
)
ROWS = np.array([[0.0, 1, 0], [2.0, 0, 1], [-1.0, 0, 1]])


def answer(name: str, **leavings: Any) -> dict[str, Any]:
    """The figure of a trial that left this; as strict JSON."""
    study = make_study(count=1)
    for part, value in leavings.items():
        setattr(study, part, value)
    entry = FIGURES[name]
    found = as_json(name, entry, entry.render(study.frame(trial=0)))
    made: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    assert "None" not in made["summary"]
    assert "nan" not in made["summary"]
    return made


def pictures_of(shape: tuple[int, ...] = (8, 8), **changes: Any) -> Pictures:
    return dataclasses.replace(make_pictures(np.random.default_rng(0), shape), **changes)


def evidence_of(shape: tuple[int, ...] = (8, 8), **changes: Any) -> Evidence:
    return dataclasses.replace(make_evidence(np.random.default_rng(0), shape), **changes)


def steps(made: dict[str, Any]) -> list[dict[str, Any]]:
    (slider,) = made["figure"]["layout"]["sliders"]
    return list(slider["steps"])


@pytest.mark.parametrize("shape", SHAPES)
def test_every_snapshot_is_a_place_of_the_slider(shape: tuple[int, ...]) -> None:
    made = answer("reconstructions", pictures=pictures_of(shape))
    labels = [step["label"] for step in steps(made)]
    assert labels == ["1", "2", "3", "5", "8", "12", "20 (best)", "20 (last)"]
    assert made["figure"]["layout"]["sliders"][0]["active"] == 6
    assert steps(made)[0]["value"].startswith("epoch 1 of 20, MSE ")
    assert len(json.dumps(made)) < 2_500_000
    images = [t["type"] for t in made["figure"]["data"]].count("image")
    assert images == (3 if len(shape) > 1 else 0)


def test_a_step_changes_pictures_notes_and_titles_and_nothing_else() -> None:
    made = answer("reconstructions", pictures=pictures_of())
    changes, layout, traces = steps(made)[0]["args"]
    assert traces == [2, 3, 4, 5]
    assert [value is None for value in changes["source"]] == [False, True, False, True]
    assert changes["text"][1][0].startswith("sample 0: MSE ")
    assert layout["annotations[1].text"].startswith("Reconstruction, epoch 1: MSE ")
    active = steps(made)[6]["args"][0]["source"]
    assert [made["figure"]["data"][i]["source"] for i in (2, 4)] == [active[0], active[2]]


def test_a_trial_of_before_has_its_two_epochs_one_under_the_other() -> None:
    old = pictures_of(snapshots=None, snapshot_epochs=())
    made = answer("reconstructions", pictures=old)
    assert "sliders" not in made["figure"]["layout"]
    assert [t["type"] for t in made["figure"]["data"]].count("image") == 5


def test_one_snapshot_is_enough_for_a_slider() -> None:
    pictures = pictures_of()
    assert pictures.snapshots is not None
    one = dataclasses.replace(pictures, snapshots=pictures.snapshots[:1], snapshot_epochs=(1,))
    labels = [step["label"] for step in steps(answer("reconstructions", pictures=one))]
    assert labels == ["1", "20 (best)", "20 (last)"]


def test_a_snapshot_of_the_best_epoch_is_not_shown_twice() -> None:
    study = make_study(count=1)
    assert study.pictures is not None
    study.pictures = dataclasses.replace(study.pictures, last=study.pictures.best)
    facts = study.frame(trial=0).trial
    assert facts is not None
    assert [moment.label for moment in moments_of(facts)] == [
        "1", "2", "3", "5", "8", "12", "20 (best and last)",
    ]  # fmt: skip


def test_the_sentence_says_when_half_was_gained() -> None:
    said = say_progress(Progress([1, 2, 4, 9], [0.5, 0.4, 0.2, 0.1]), "MSE {}")
    assert said == "from MSE 0.5 after epoch 1 to 0.1 after epoch 9, half of the gain by epoch 4"
    risen = say_progress(Progress([1, 2, 4], [0.1, 0.4, 0.2]), "MSE {}")
    assert risen == "they never came below the MSE 0.1 after epoch 1"
    assert say_progress(Progress([1, 2], [0.5, 0.1]), "MSE {}") == ""


@pytest.mark.parametrize("value", [0.0, 1e30, -1e30])
def test_constant_and_huge_pictures_are_drawn(value: float) -> None:
    flat = np.full((8, 64), value)
    pictures = pictures_of(
        input=np.zeros((8, 64)), best=flat, last=flat, snapshots=np.stack([flat, flat, flat]),
        snapshot_epochs=(1, 2, 3), worst_input=flat, worst_best=flat,
    )  # fmt: skip
    for name in ("reconstructions", "hardest"):
        assert not answer(name, pictures=pictures)["waiting"]


def test_numbers_that_are_none_are_read_as_finite_ones() -> None:
    strange = np.full((8, 8, 8), np.nan, np.float32)
    strange[0, 0, 0] = np.inf
    snapshots = np.stack([strange, strange])
    content = safetensors.numpy.save(
        {"input": strange, "best": strange, "snapshots": snapshots,
         "snapshot_epochs": np.array([1, 3]), "worst_index": np.array([3])}
    )  # fmt: skip
    pictures = read_pictures(content, make_dataset())
    assert pictures is not None
    assert pictures.snapshot_epochs == (1, 3)
    assert not answer("reconstructions", pictures=pictures)["waiting"]
    assert answer("hardest", pictures=pictures)["summary"].startswith("It left no hardest samples")


@pytest.mark.parametrize("epochs", [[3, 1], [1, 1], [1, 2, 3], []])
def test_snapshots_that_do_not_fit_are_left_out(epochs: list[int]) -> None:
    samples = np.zeros((8, 8, 8), np.float32)
    content = safetensors.numpy.save(
        {"input": samples, "best": samples, "snapshots": np.zeros((2, 8, 8, 8), np.float32),
         "snapshot_epochs": np.array(epochs, np.int64)}
    )  # fmt: skip
    pictures = read_pictures(content, make_dataset())
    assert pictures is not None
    assert pictures.snapshots is None


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 4, 7])
def test_the_hardest_have_their_number_and_error(shape: tuple[int, ...], count: int) -> None:
    whole = pictures_of(shape)
    assert whole.worst_input is not None
    assert whole.worst_best is not None
    pictures = dataclasses.replace(
        whole, worst_input=whole.worst_input[:count], worst_best=whole.worst_best[:count],
        worst_index=whole.worst_index[:count],
    )  # fmt: skip
    made = answer("hardest", pictures=pictures)
    assert [row[0] for row in made["table"]["rows"]] == list(range(40, 40 + count))
    assert "is number 40 with MSE" in made["summary"]
    if len(shape) > 1:
        notes = [note["text"] for note in made["figure"]["layout"]["annotations"]]
        assert sum(note.startswith("4") and ": " in note for note in notes) == count


@pytest.mark.parametrize("shape", SHAPES)
def test_a_point_has_a_small_picture_of_its_sample(shape: tuple[int, ...]) -> None:
    made = answer("latent_scatter", evidence=evidence_of(shape))
    sprite = made["figure"]["layout"]["meta"]["sprite"]
    assert sprite["count"] == 200
    assert max(sprite["width"], sprite["height"]) <= SIDE
    assert sprite["source"].startswith("data:image/png;base64,")
    assert "rank correlation" in made["summary"] or shape == (1,)


def test_a_thumbnail_is_the_mean_of_its_blocks() -> None:
    image = np.zeros((1, 60, 60))
    image[0, :30] = 1.0
    (small,) = thumbnails(image.reshape(1, -1), (60, 60), 0.0, 1.0)
    assert small.shape == (20, 20, 4)
    assert small[0, 0].tolist() == [255, 255, 255, 255]
    assert small[-1, 0].tolist() == [0, 0, 0, 255]


def test_a_sheet_of_thumbnails_is_read_row_by_row() -> None:
    pictures = np.zeros((27, 2, 3, 4), np.uint8)
    pictures[26] = 9
    sheet = sprite_of(pictures)
    assert sheet.shape == (4, 75, 4)
    assert (sheet[2:, 3:6] == 9).all()
    assert not sheet[:2].any()


def test_points_whose_data_is_gone_say_so() -> None:
    made = answer("latent_scatter", evidence=evidence_of(inputs=None))
    assert "sprite" not in made["figure"]["layout"]["meta"]
    assert "no longer has the samples" in made["summary"]


def test_a_text_stands_in_words_beside_its_point() -> None:
    evidence = evidence_of(
        (12,), kind="text", inputs=ids("emma", "<b & c"), tokens=LETTERS, tokenizer="char"
    )
    made = answer("latent_scatter", evidence=evidence)
    assert made["figure"]["data"][0]["text"][:2] == ["emma", "&lt;b &amp; c"]
    assert "the first 2 of them can be looked at" in made["summary"]


def table_evidence(**changes: Any) -> Evidence:
    arrays = {
        "latent/best": np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]]),
        "error_map/best": np.array([0.1, 0.4, 0.2]),
        "prior/best": ROWS,
        "traversal/best": np.stack([ROWS, ROWS[[0, 0, 0]]]),
        "traversal_units/best": np.array([4.0, 9.0]),
        "traversal_values/best": np.array([[-3.0, 0, 3]] * 2),
    }
    base = Evidence(
        "table", (3,), -1.0, 2.0, ("age", "sex = f", "sex = m"), arrays, table=COLUMNS,
        inputs=ROWS, raw=Raw(np.array([40.0, 0, 0]), np.array([10.0, 1, 1]), np.ones(3)),
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def test_a_row_is_named_by_its_most_unusual_columns_in_raw_units() -> None:
    texts = answer("latent_scatter", evidence=table_evidence())["figure"]["data"][0]["text"]
    assert texts[1] == "age 60; sex m"
    assert texts[0].startswith("sex f")


def test_a_unit_that_does_nothing_is_named() -> None:
    made = answer("latent_traversal", evidence=table_evidence())
    assert "unit 4 changes the output most" in made["summary"]
    assert "1 unit (9) does nothing" in made["summary"]
    (trace,) = made["figure"]["data"]
    assert "age 40 → 30" in trace["cells"]["values"][2][0]
    assert trace["cells"]["values"][2][1] == "nothing to see"


def test_the_change_of_a_unit_is_the_mean_distance_from_the_middle() -> None:
    outputs = np.zeros((1, 3, 64))
    outputs[0, 0] = 0.3
    evidence = evidence_of(arrays={"traversal/best": outputs})
    made = answer("latent_traversal", evidence=evidence)
    assert made["table"]["rows"] == [[0, -1, 1, 0.1]]


@pytest.mark.parametrize("shape", SHAPES)
def test_units_of_every_shape_are_drawn(shape: tuple[int, ...]) -> None:
    made = answer("latent_traversal", evidence=evidence_of(shape))
    kinds = {trace["type"] for trace in made["figure"]["data"]}
    assert kinds == ({"image", "scatter"} if len(shape) > 1 else {"scatter"})


def test_texts_of_a_unit_are_compared_with_the_middle() -> None:
    outputs = np.stack([np.stack(ids("anna", "anna", "hanna"))])
    evidence = Evidence("text", (12,), 0, 30, (), {"traversal/best": outputs}, LETTERS, "char")
    made = answer("latent_traversal", evidence=evidence)
    (trace,) = made["figure"]["data"]
    assert [column[0] for column in trace["cells"]["values"]] == [
        "unit 0, -1 to 1", "anna", "anna", f"{underline('h')}anna",
    ]  # fmt: skip
    assert "edits a text" in made["summary"]


def test_a_traversal_of_another_shape_is_left_out() -> None:
    content = safetensors.numpy.save({"traversal/best": np.zeros((2, 3, 9), np.float32)})
    evidence = read_evidence(content, make_dataset())
    assert evidence is not None
    assert evidence.get("traversal/best") is None


def test_distances_are_root_mean_squares() -> None:
    draw = np.random.default_rng(0)
    left, right = draw.normal(size=(3, 5)), draw.normal(size=(4, 5))
    expected = np.sqrt(((left[:, None] - right[None]) ** 2).mean(2))
    assert np.allclose(distances(left, right), expected)


@pytest.mark.parametrize(
    ("made", "said"),
    [(lambda known: known[:1] + 0 * known[:16], "they look alike"),
     (lambda known: 50 * known[:16], "like nothing in the data"),
     (lambda known: known[:16], "look whether they are copies")],
)  # fmt: skip
def test_draws_are_set_beside_the_data(made: Any, said: str) -> None:
    known = np.random.default_rng(0).random((200, 64))
    evidence = evidence_of(inputs=known, arrays={"prior/best": made(known)})
    assert said in answer("prior_samples", evidence=evidence)["summary"]


def table_pictures(**changes: Any) -> Pictures:
    out = ROWS.copy()
    out[0] = [0.7, 0.4, 0.6]
    base = Pictures(
        (3,), -1.0, 2.0, ROWS, out, last=ROWS, worst_input=ROWS[:1], worst_best=out[:1],
        worst_index=(17,), columns=COLUMNS, snapshots=np.stack([ROWS * 0, out]),
        snapshot_epochs=(1, 3), raw=Raw(np.array([40.0, 0, 0]), np.array([10.0, 1, 1]), np.ones(3)),
    )  # fmt: skip
    return dataclasses.replace(base, **changes)


def test_wrong_cells_of_a_row_are_marked_in_raw_units() -> None:
    made = answer("hardest", pictures=table_pictures())
    (trace,) = made["figure"]["data"]
    cells = [column[0] for column in trace["cells"]["values"]]
    assert cells[:3] == [
        "row 17", f"{strike('40')} {underline('47')}", f"{strike('f')} {underline('m')}",
    ]  # fmt: skip
    assert "100 % of the cells are wrong" in made["summary"]


def test_rows_of_a_table_have_the_slider_too() -> None:
    made = answer("reconstructions", pictures=table_pictures())
    assert [step["label"] for step in steps(made)] == ["1", "3", "20 (best)", "20 (last)"]
    first = steps(made)[0]["args"][0]["cells.values"][0]
    assert first[1][1] == f"{strike('60')} {underline('40')}"
    assert first[1][0] == "40"
    assert "most often" in made["summary"]


def test_categories_that_train_does_not_have_are_not_wrong() -> None:
    none = np.array([[0.0, 0.0, 0.0]])
    made = answer("hardest", pictures=table_pictures(worst_input=none, worst_best=none))
    assert "0 % of the cells are wrong" in made["summary"]


def test_texts_have_the_slider_with_their_edits() -> None:
    texts = ids("emma", "olivia")
    early = ids("aaaa", "aaaaaa")
    pictures = Pictures(
        (12,), 0.0, 30.0, texts, ids("emma", "olivja"), tokens=LETTERS, tokenizer="char",
        snapshots=np.stack([early, texts]), snapshot_epochs=(1, 30),
    )  # fmt: skip
    made = answer("reconstructions", pictures=pictures)
    first, best, _ = steps(made)
    assert first["value"] == "epoch 1 of 20, 4 edits a text"
    assert first["args"][0]["cells.values"][0][-1] == ["3", "5"]
    shown = made["figure"]["data"][0]["cells"]["values"]
    assert best["args"][0]["cells.values"][0] == shown
    assert shown[2][1] == f"oliv{swap('i', 'j')}a"


def test_stored_samples_that_are_gone_are_none(tmp_path: Any) -> None:
    assert read_stored_samples(tmp_path / "nowhere", 5) is None
    (tmp_path / "data.json").write_text("{}")
    assert read_stored_samples(tmp_path, 5) is None
