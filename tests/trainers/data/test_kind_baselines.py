import math
from collections import Counter

import numpy as np
import pytest

from service.domain.records import Baselines
from tests.trainers.data.files import npy_bytes, samples, store
from trainers.data.mapped import MappedData
from trainers.data.ngrams import compute_ngrams
from trainers.data.sources import BuiltIn, Npz, Split, Table, Text

END = "\n"


def explicit_ngram(train, others, order, vocabulary):
    """Add-0.1 n-grams in plain Python, texts as strings."""
    grams, contexts = Counter(), Counter()
    for text in train:
        padded = "^" * (order - 1) + text + END
        for place in range(len(padded) - order + 1):
            grams[padded[place : place + order]] += 1
            contexts[padded[place : place + order - 1]] += 1
    nats, count = 0.0, 0
    for text in others:
        padded = "^" * (order - 1) + text + END
        for place in range(len(padded) - order + 1):
            gram = padded[place : place + order]
            share = (grams[gram] + 0.1) / (contexts[gram[:-1]] + 0.1 * vocabulary)
            nats -= math.log(share)
            count += 1
    return nats / count


def test_ngrams_are_those_of_the_textbook(tmp_path):
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("abcd"), random.integers(1, 9))) for _ in range(200)]
    texts = list(dict.fromkeys(texts))[:120]
    (tmp_path / "x.txt").write_text("\n".join(texts))
    stored, _ = store(Text("x.txt"), tmp_path, Split(80, 20, 20, "file"))
    parts = {"train": texts[:80], "validation": texts[80:100], "test": texts[100:]}
    may_follow = 4 + 2  # letters, the end, the unknown
    for entry in stored.baselines["ngrams"]:
        for name, others in parts.items():
            expected = explicit_ngram(texts[:80], others, entry["order"], may_follow)
            assert entry[name] == pytest.approx(expected, rel=1e-9), (entry["order"], name)


def test_text_has_ngrams_of_three_orders_and_no_mean_or_pca(tmp_path):
    stored, _ = store(BuiltIn("unicode_names", limit=500), tmp_path)
    baselines = Baselines.model_validate(stored.baselines)
    assert [entry.order for entry in baselines.ngrams] == [1, 2, 3]
    assert baselines.mean_validation is None
    assert baselines.pca == baselines.eigenvalues == []


def test_an_ngram_never_costs_more_than_all_tokens_alike_on_train():
    random = np.random.default_rng(0)
    ids = random.integers(4, 24, (500, 12)).astype("f4")
    found = compute_ngrams({"train": ids, "validation": ids[:50]}, 24)
    assert all(entry["train"] <= math.log(22) for entry in found)
    assert found[0]["train"] == pytest.approx(math.log(20), rel=0.01)


def test_the_entropy_floor_is_what_a_perfect_model_is_charged(tmp_path):
    stored, folder = store(BuiltIn("digits"), tmp_path)
    test = MappedData.open(folder).test().astype(float)
    inner = np.clip(test, 1e-300, 1), np.clip(1 - test, 1e-300, 1)
    own = -(test * np.log(inner[0]) + (1 - test) * np.log(inner[1])).sum(axis=1).mean()
    assert stored.baselines["entropy_floor"]["test"] == pytest.approx(own, rel=1e-6)


def test_bits_have_no_entropy(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy_bytes(samples(40) > 128))
    stored, _ = store(Npz("x.npy"), tmp_path)
    assert stored.baselines["entropy_floor"] == {"train": 0, "validation": 0, "test": 0}


def test_targets_outside_of_zero_and_one_have_no_entropy_floor(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy_bytes(samples(40)))
    stored, _ = store(Npz("x.npy"), tmp_path, scaling="standard")
    assert stored.baselines["entropy_floor"]["train"] is None


def test_a_table_has_the_mean_of_its_numbers_and_its_commonest_categories(tmp_path):
    rows = "".join(f"{i},{'xxy'[i % 3]},{i * i}\n" for i in range(30))
    (tmp_path / "x.csv").write_text("a,k,b\n" + rows)
    stored, folder = store(Table("x.csv"), tmp_path, Split(20, 5, 5, "file"), "none")
    data = MappedData.open(folder)
    numbers = data.validation[:, [0, 3]].astype(float)
    means = data.train[:, [0, 3]].astype(float).mean(axis=0)
    found = stored.baselines
    assert found["numeric_mse"]["validation"] == pytest.approx(np.square(numbers - means).mean())
    assert found["majority_accuracy"]["validation"] == pytest.approx(3 / 5)


def test_a_table_of_numbers_alone_has_no_majority(tmp_path):
    (tmp_path / "x.csv").write_text("a\n" + "".join(f"{i}\n" for i in range(30)))
    stored, _ = store(Table("x.csv"), tmp_path)
    assert stored.baselines["majority_accuracy"] is None


def test_the_sealed_part_is_in_no_figure_of_a_sealed_record(tmp_path):
    from service.sources import dataset_record

    for name in ("digits", "iris", "unicode_names"):
        stored, _ = store(BuiltIn(name, limit=150), tmp_path)
        sealed = dataset_record(stored).sealed().baselines
        for figure in (*sealed.ngrams, *sealed.pca):
            assert figure.test is None
        for figure in (sealed.entropy_floor, sealed.numeric_mse, sealed.majority_accuracy):
            assert figure is None or figure.test is None
