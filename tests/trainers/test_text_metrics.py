"""TextMeter against sums by hand."""

import math

import pytest
import torch
from torch import Tensor

from trainers.text_metrics import TextMeter, TextOutputs

IDS = torch.tensor([[4, 5, 1, 0], [6, 1, 0, 0], [4, 4, 4, 1]], dtype=torch.float32)
NATS = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])


def written(*texts: list[int]) -> Tensor:
    return torch.tensor([text + [0] * (4 - len(text)) for text in texts])


PERFECT = written([4, 5, 1], [6, 1], [4, 4, 4, 1])
FAULTY = written([4, 1], [6, 1], [5, 4, 4, 1])


def results(outputs: TextOutputs, **options: Tensor) -> dict[str, list[float]]:
    meter = TextMeter(2, **options)
    meter.add(IDS, outputs)
    return {name: values.tolist() for name, values in meter.results().items()}


def test_cross_entropy_is_per_real_token_with_the_end_among_them() -> None:
    found = results(TextOutputs(NATS, torch.stack([PERFECT, FAULTY])))
    assert found["token_cross_entropy"] == pytest.approx([6 / 9, 0])
    assert found["perplexity"] == pytest.approx([math.exp(6 / 9), 1])
    assert found["loss"] == found["reconstruction"] == pytest.approx([2, 0])


def test_what_is_written_is_judged_text_by_text() -> None:
    found = results(TextOutputs(NATS, torch.stack([PERFECT, FAULTY])))
    assert found["exact_match"] == pytest.approx([1, 1 / 3])
    assert found["edit_distance_raw"] == pytest.approx([0, 2 / 3])
    assert found["edit_distance"] == pytest.approx([0, 2 / 6])


def test_chunks_add_up_to_the_whole() -> None:
    whole, parts = TextMeter(2), TextMeter(2)
    both = torch.stack([PERFECT, FAULTY])
    whole.add(IDS, TextOutputs(NATS, both))
    parts.add(IDS[:2], TextOutputs(NATS[:, :2], both[:, :2]))
    parts.add(IDS[2:], TextOutputs(NATS[:, 2:], both[:, 2:]))
    for name, value in whole.results().items():
        torch.testing.assert_close(parts.results()[name], value)


def test_only_some_texts_are_written_and_all_are_predicted() -> None:
    found = results(TextOutputs(NATS, torch.stack([PERFECT, FAULTY])[:, :1]))
    assert found["exact_match"] == [1, 0]
    assert found["token_cross_entropy"][0] == pytest.approx(6 / 9)


def test_the_error_of_a_ratio_is_that_of_resampled_texts() -> None:
    generator = torch.Generator().manual_seed(0)
    count = 400
    tokens = torch.randint(2, 9, (count,), generator=generator)
    ids = (torch.arange(9) < tokens[:, None]).float() * 4
    nats = tokens * (0.5 + torch.rand(count, generator=generator))
    meter = TextMeter(1)
    meter.add(ids, TextOutputs(nats[None], torch.empty(1, 0, 9, dtype=torch.long)))
    draws = torch.randint(count, (2000, count), generator=generator)
    ratios = nats[draws].sum(1) / tokens[draws].sum(1)
    error = meter.results()["token_cross_entropy_se"].item()
    assert error == pytest.approx(ratios.std().item(), rel=0.08)
    assert "exact_match" not in meter.results()


def test_a_vae_reports_rate_elbo_and_active_units() -> None:
    mean = torch.zeros(2, 3, 2)
    mean[0, :, 0] = torch.tensor([-1.0, 0.0, 1.0])
    outputs = TextOutputs(
        NATS, torch.stack([PERFECT, FAULTY]), NATS + 1, mean, torch.zeros(2, 3, 2)
    )
    found = results(outputs, beta=torch.tensor([2.0, 1.0]), free_bits=torch.tensor([0.0, 0.25]))
    assert found["kl"] == pytest.approx([1 / 3, 0])
    assert found["elbo"] == pytest.approx([-(3 + 1 / 3), -1])
    assert found["active_units"] == [1, 0]
    assert found["loss"] == pytest.approx([3 + 2 / 3, 1 + 0.5])
    assert found["token_cross_entropy"] == pytest.approx([6 / 9, 0])


def test_a_single_text_has_no_standard_error() -> None:
    meter = TextMeter(2)
    meter.add(IDS[:1], TextOutputs(NATS[:, :1], torch.stack([PERFECT, FAULTY])[:, :1]))
    assert not [name for name in meter.results() if name.endswith("_se")]
