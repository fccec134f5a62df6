"""The contract of the text families: the array against its plain twin, alone, and in training."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.trainers.conftest import ArrayData, config_of, slots_of
from tests.trainers.test_families import assert_same_end, finished, first_step, twin_of
from tests.trainers.texts import LENGTH, TOKENS, WORDS, as_ids, text_data, words
from trainers.base import Batch, FitPlan, Slot
from trainers.evaluation import evaluation_samples, score
from trainers.evidence import gather_evidence
from trainers.loop import ArrayRun
from trainers.plain.given import Given
from trainers.problem import problem_of
from trainers.registry import catalog, find_family, load_family
from trainers.tasks import Task
from trainers.text_array import TextArray

FAMILIES = ["text_autoencoder", "text_vae"]
PLAN = FitPlan(2, 1, None, "token_cross_entropy", "minimize")
SMALL: dict[str, Any] = {"embedding_dim": 8, "hidden_width": 16, "latent_dim": 8}
SHAPES: list[dict[str, Any]] = [
    SMALL,
    {"embedding_dim": 5, "hidden_width": 13, "latent_dim": 3},
    {**SMALL, "word_dropout": 0.5, "optimizer": "adam"},
    {**SMALL, "word_dropout": 0.0, "optimizer": "sgd", "learning_rate": 1e-3},
]


def build(family: str, count: int, **changes: Any) -> TextArray:
    array = load_family(family)(slots_of(family, count, **changes), WORDS)
    assert isinstance(array, TextArray)
    return array


def batch_of(count: int, size: int = 20) -> Tensor:
    return torch.from_numpy(text_data().train[: count * size]).view(count, size, LENGTH)


def twin_loss(twin: Any, array: TextArray, row: int, target: Tensor, given: Given) -> Tensor:
    """The plain training loss with the array's own draws."""
    rates, size = array.word_dropout, len(target)
    draws: dict[str, Tensor] = {}
    if array.word_dropout.any():
        draws["kept"] = array.noise.keep_masks("words", 0, size, LENGTH, rates)[row]
    if find_family(twin_family(twin)).likelihood:
        draws["noise"] = array.noise.normal("z", 0, size, twin.latent_dim)[row]
    loss: Tensor = twin.training_loss(target, given, **draws)
    return loss


def twin_family(twin: Any) -> str:
    return {"TextAutoencoder": "text_autoencoder", "TextVae": "text_vae"}[type(twin).__name__]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_training_step_equals_the_plain_twins(
    family: str, count: int, shape: dict[str, Any]
) -> None:
    array = build(family, count, **shape)
    target = batch_of(count)
    given = Given(torch.where(target == 4, 3.0, target))
    loss = array.training_loss(Batch(target, given), first_step(array), "model")
    (gradient,) = torch.autograd.grad(loss.sum(), array.weights)
    for row in range(count):
        twin = twin_of(array, family, row)
        expected = twin_loss(twin, array, row, target[row], given.rows(slice(None)).map(pick(row)))
        expected.backward()
        assert loss[row].item() == pytest.approx(expected.item(), rel=1e-5)
        ours = array.layout.export(gradient[row])
        for name, parameter in twin.named_parameters():
            scale = parameter.grad.abs().max().item()
            torch.testing.assert_close(
                ours[name], parameter.grad, rtol=1e-4, atol=1e-5 * max(1.0, scale)
            )


def pick(row: int) -> Any:
    return lambda part: part[row]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES[:2], ids=str)
def test_a_model_counts_the_parameters_that_the_catalog_says(
    family: str, shape: dict[str, Any]
) -> None:
    config = config_of(family, **shape)
    twin: Any = load_family(family).plain_twin(config, WORDS)
    counted = sum(parameter.numel() for parameter in twin.parameters())
    assert counted == catalog().count_parameters(family, config, WORDS.to_json())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_word_dropout_of_one_hides_every_word_from_the_decoder(family: str) -> None:
    """Whatever it has read: the loss is that of the same code after other words."""
    array = build(family, 1, word_dropout=1.0, **SMALL)
    target = batch_of(1)
    given = Given(target)
    loss = array.training_loss(Batch(target, given), first_step(array), "model")
    twin = twin_of(array, family, 0)
    hidden = torch.zeros(len(target[0]), LENGTH)
    draws = {"noise": array.noise.normal("z", 0, len(target[0]), twin.latent_dim)[0]}
    draws = draws if find_family(family).likelihood else {}
    blind = twin.training_loss(target[0], Given(target[0]), kept=hidden, **draws)
    assert loss[0].item() == pytest.approx(blind.item(), rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_reach_every_parameter(family: str) -> None:
    array = build(family, 2, dropout=0.2, **SMALL)
    target = batch_of(2, 64)
    loss = array.training_loss(Batch(target, Given(target)), first_step(array), "model")
    (gradient,) = torch.autograd.grad(loss.sum(), array.weights)
    for row in range(2):
        for name, tensor in array.layout.export(gradient[row]).items():
            assert tensor.abs().max() > 0, name


@pytest.mark.parametrize("family", FAMILIES)
def test_longer_padding_changes_neither_the_loss_nor_what_is_measured(family: str) -> None:
    array = build(family, 1, word_dropout=0.0, **SMALL)
    wide = load_family(family)(array.slots, replace(WORDS, shape=(LENGTH + 5,)))
    wide.weights = array.weights
    ids = as_ids(words()[:20])
    target, padded = torch.from_numpy(ids), torch.from_numpy(as_ids(words()[:20], LENGTH + 5))
    losses = [
        model.training_loss(Batch(t[None], Given(t[None])), first_step(model), "model")
        for model, t in ((array, target), (wide, padded))
    ]
    torch.testing.assert_close(losses[0], losses[1])
    results = []
    for model, t in ((array, target), (wide, padded)):
        meter = model.meter(torch.ones(1))
        meter.add(t, model.outputs(Given(t), t, 0))
        results.append(meter.results())
    for name in ("token_cross_entropy", "loss", "perplexity"):
        torch.testing.assert_close(results[0][name], results[1][name])


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_written_ends_with_padding_and_holds_no_dropped_token(family: str) -> None:
    array = build(family, 2, **SMALL)
    target = batch_of(1, 50)[0]
    written = array.outputs(Given(target), target, 0).prediction
    assert written.shape == (2, 50, LENGTH)
    for row in written.flatten(0, 1).tolist():
        end = row.index(1) if 1 in row else LENGTH
        assert not {0, 3} & set(row[:end])
        assert set(row[end + 1 :]) <= {0}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_array_writes_what_its_plain_twin_writes(family: str) -> None:
    array = build(family, 2, **SMALL)
    target = batch_of(1, 50)[0]
    outputs = array.outputs(Given(target), target, 0)
    for row in range(2):
        twin = twin_of(array, family, row).eval()
        with torch.no_grad():
            assert torch.equal(twin.estimate(Given(target)).long(), outputs.prediction[row])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_slot_poisoned_with_nan_does_not_touch_the_others(family: str) -> None:
    data = text_data(80, 30)
    healthy = ArrayRun(family, slots_of(family, 3, **SMALL), data, PLAN)
    poisoned = ArrayRun(family, slots_of(family, 3, **SMALL), data, PLAN)
    with torch.no_grad():
        poisoned._model.weights[1, 7] = float("nan")
    ends = {end.trial: end for end in finished(poisoned)[1]}
    assert ends[1].state == "DIVERGED"
    for end in finished(healthy)[1]:
        if end.trial != 1:
            assert_same_end(ends[end.trial], end)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trial_is_the_same_bits_alone_and_in_company(family: str) -> None:
    slots = [
        Slot(
            trial,
            trial + 5,
            config_of(
                family,
                **SMALL,
                word_dropout=0.2 * (trial % 3),
                dropout=(0.0, 0.25)[trial % 2],
                learning_rate=1e-3 * (trial + 1),
            ),
        )
        for trial in range(5)
    ]
    data = text_data(133, 40)
    reports, ends = finished(ArrayRun(family, slots, data, PLAN))
    for company in (slots[:1], slots[3:]):
        trials = {slot.trial for slot in company}
        less_reports, less_ends = finished(ArrayRun(family, company, data, PLAN))
        expected = [report for report in reports if report.trial in trials]
        for one, other in zip(less_reports, expected, strict=True):
            assert replace(one, seconds=0) == replace(other, seconds=0)
        for one_end in less_ends:
            assert_same_end(one_end, next(end for end in ends if end.trial == one_end.trial))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", [Task(), Task("denoise", noise="token_drop", level=0.2)])
def test_the_checkpoint_replays_every_recorded_value(
    family: str, task: Task, tmp_path: Path
) -> None:
    data = text_data(100, 40)
    slots = slots_of(family, 2, **SMALL)
    _, ends = finished(ArrayRun(family, slots, data, replace(PLAN, task=task)))
    for slot, end in zip(slots, ends, strict=True):
        assert end.weights is not None
        assert end.validation is not None
        path = tmp_path / f"{slot.trial}.safetensors"
        save_file(end.weights, path)
        replayed = score(
            family, slot.config, path, data.validation, slot.seed, problem_of(data, task)
        )
        assert replayed == pytest.approx(end.validation, rel=1e-4, abs=1e-6)
        assert replayed["token_cross_entropy"] == pytest.approx(end.value, rel=1e-5)


@pytest.mark.parametrize("noise", ["token_drop", "token_swap"])
def test_a_denoising_model_reads_the_noise_and_is_judged_by_the_clean_text(noise: str) -> None:
    data = text_data(80, 30)
    problem = problem_of(data, Task("denoise", noise=noise, level=0.4))
    target = torch.from_numpy(data.validation)
    samples = evaluation_samples(problem, target, torch.zeros(LENGTH))
    assert torch.equal(samples.target, target)
    assert (samples.given.start != target).any()
    array = load_family("text_autoencoder")(slots_of("text_autoencoder", 1, **SMALL), problem)
    noisy = array.outputs(samples.given, target, 0)
    clean = array.outputs(Given(target), target, 0)
    assert (noisy.nats != clean.nats).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_are_token_ids_of_the_first_and_the_worst_texts(family: str) -> None:
    data = text_data(80, 30)
    _, (end,) = finished(ArrayRun(family, slots_of(family, 1, **SMALL), data, PLAN))
    assert end.pictures is not None
    assert np.array_equal(end.pictures["input"], data.validation[:8])
    for name in ("given", "best", "last", "worst_input", "worst_given", "worst_best"):
        assert end.pictures[name].shape == (8, LENGTH)
        assert (end.pictures[name] == end.pictures[name].round()).all()
        assert end.pictures[name].max() < len(TOKENS)
    worst = data.validation[end.pictures["worst_index"].numpy()]
    assert np.array_equal(end.pictures["worst_input"], worst)


def bigram_nats(data: ArrayData) -> float:
    """Nats per real token of validation under add-0.1 bigrams of train."""
    counts = np.full((len(TOKENS), len(TOKENS)), 0.1)
    total, tokens = 0.0, 0
    for part in (data.train, data.validation):
        ids = part.astype(int)
        before = np.concatenate([np.ones((len(ids), 1), int), ids[:, :-1]], axis=1)
        real = ids > 0
        if part is data.train:
            np.add.at(counts, (before[real], ids[real]), 1)
            counts /= counts.sum(1, keepdims=True)
        else:
            total, tokens = -np.log(counts[before[real], ids[real]]).sum(), real.sum()
    return float(total / tokens)


TRAINED: Mapping[str, float] = {"text_autoencoder": 0.9, "text_vae": 1.0}
"""The share of the bigrams' cross-entropy that a few seconds of training get below."""


@pytest.mark.parametrize("family", FAMILIES)
def test_a_few_seconds_of_training_beat_the_bigrams(family: str) -> None:
    data = text_data(2200, 400)
    slots = slots_of(family, 1, hidden_width=64, embedding_dim=16)
    _, (end,) = finished(ArrayRun(family, slots, data, replace(PLAN, epochs=4)))
    assert end.value is not None
    assert end.value < TRAINED[family] * bigram_nats(data)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_edges_of_the_default_ranges_are_trainable(family: str) -> None:
    entries = catalog().families[family].parameters
    edges = {
        name: (
            entry.default_range.choices[0]
            if entry.default_range.type == "categorical"
            else entry.default_range.high
        )
        for name, entry in entries.items()
        if entry.default_range is not None
    }
    config = config_of(family, **edges)
    _, (end,) = finished(ArrayRun(family, [Slot(0, 1, config)], text_data(60, 30), PLAN))
    assert end.state == "COMPLETE"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_error_by_place_is_of_the_texts_that_reach_the_place(family: str) -> None:
    data = text_data(train=40, validation=60)
    twin = twin_of(build(family, 1), family, 0).eval()
    target = torch.from_numpy(np.asarray(data.validation))
    samples = evaluation_samples(WORDS, target, torch.zeros(LENGTH))
    found = gather_evidence(twin, {"best": twin.state_dict()}, samples)["error_map/best"]
    wrong = np.zeros(LENGTH)
    reached = np.zeros(LENGTH)
    written = twin.estimate(samples.given).detach().numpy()
    for row, text in enumerate(samples.target.numpy()):
        for place in range(int((text != 0).sum())):
            reached[place] += 1
            wrong[place] += written[row, place] != text[place]
    assert 0 < reached[-2] < len(samples)
    np.testing.assert_allclose(found.numpy(), wrong / np.maximum(reached, 1), rtol=1e-6)
