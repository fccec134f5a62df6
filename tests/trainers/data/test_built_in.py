import numpy as np
import pytest

from tests.trainers.data.files import read, store
from trainers.data.built_in import BUILT_IN
from trainers.data.errors import UnreadableData, UnsuitableSplit
from trainers.data.mapped import MappedData
from trainers.data.sources import BuiltIn, Split
from trainers.data.unicode_names import SYMBOLS, names
from trainers.registry import catalog


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_header_agrees_with_what_is_stored(tmp_path, name):
    header = read(BuiltIn(name), tmp_path)
    stored, folder = store(BuiltIn(name), tmp_path)
    data = MappedData.open(folder)
    assert stored.train + stored.validation + stored.test == header.samples
    assert (data.shape, data.kind) == (header.shape, header.kind)
    assert data.columns == header.columns
    assert header.vocabulary == len(data.tokens)
    problem = data.problem()
    assert (problem.kind, problem.features) == (header.kind, header.features)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_limit_takes_the_first_samples(tmp_path, name):
    source = BuiltIn(name, limit=100)
    assert read(source, tmp_path).samples == 100
    stored, _ = store(source, tmp_path)
    assert stored.train + stored.validation + stored.test == 100


def test_the_catalog_lists_what_there_is():
    assert {choice.name for choice in catalog().datasets} == set(BUILT_IN)


@pytest.mark.parametrize(
    ("name", "loader"),
    [
        ("iris", "load_iris"),
        ("wine", "load_wine"),
        ("breast_cancer", "load_breast_cancer"),
        ("diabetes", "load_diabetes"),
    ],
)
def test_tables_are_scikit_learns(tmp_path, name, loader):
    import sklearn.datasets

    options = {"scaled": False} if name == "diabetes" else {}
    expected = getattr(sklearn.datasets, loader)(**options)
    _, folder = store(BuiltIn(name), tmp_path, Split(0.8, 0.1, 0.1, "file"), "none")
    data = MappedData.open(folder)
    numeric = [column.start for column in data.columns if column.kind == "numeric"]
    keep = [i for i in range(expected.data.shape[1]) if name != "diabetes" or i != 1]
    rows = expected.data[: len(data.train), keep]
    if name == "diabetes":
        rows = np.column_stack([rows, expected.target[: len(data.train)]])
    found = np.sort(data.train[:, numeric], axis=0)
    if name != "iris":  # one copy joins its first
        np.testing.assert_allclose(found, np.sort(rows, axis=0), rtol=1e-6)
    (chosen,) = (column for column in data.columns if column.kind == "categorical")
    span = data.train[:, chosen.start : chosen.start + chosen.width]
    np.testing.assert_array_equal(span.sum(axis=1), 1)


def test_the_columns_of_tables_have_names_as_scikit_learn_has_them(tmp_path):
    from sklearn.datasets import load_breast_cancer

    columns = [column.name for column in read(BuiltIn("breast_cancer"), tmp_path).columns]
    expected = [str(name) for name in load_breast_cancer().feature_names]
    renamed = [" ".join(reversed(n.rsplit(" ", 1))) if n.endswith("error") else n for n in expected]
    assert columns[:-1] == renamed


def test_photos_are_split_by_strips(tmp_path):
    stored, _ = store(BuiltIn("photos"), tmp_path)
    assert (stored.audit["groups"], stored.audit["largest_group"]) == (40, 52)


def test_unicode_names_are_unique_short_and_of_few_symbols():
    found = names()
    assert len(set(found)) == len(found)
    assert len(set("".join(found))) == SYMBOLS
    assert "LATIN SMALL LETTER A WITH GRAVE" in found


def test_an_unknown_name_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(UnreadableData) as refusal:
        read(BuiltIn("mnist"), tmp_path)
    assert "digits" in refusal.value.remedy
    assert "unicode_names" in refusal.value.remedy


def test_a_built_in_data_set_has_no_paths(tmp_path):
    with pytest.raises(UnsuitableSplit):
        read(BuiltIn("digits"), tmp_path, Split("a", "b", "c"))
