import numpy as np
import pytest

from trainers.data.layout import Layout
from trainers.data.scaling import fit_scaling


def fit(kind, array, shape=None, train=None, full_scale=None):
    array = np.asarray(array)
    shape = shape or array.shape[1:]
    layout = Layout(len(array), shape, array.dtype, full_scale=full_scale)
    rows = array.reshape(len(array), -1)
    train = np.arange(len(array)) if train is None else np.asarray(train)
    return fit_scaling(kind, layout, rows, train, "x"), rows


def test_none_changes_nothing():
    scaling, rows = fit("none", [[1.5, -2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(scaling.apply(rows), rows)


def test_unit_divides_by_the_full_scale_of_the_format_without_centring():
    scaling, _ = fit("unit", np.array([[3, 7], [5, 6]], "u1"), full_scale=255.0)
    assert scaling.as_dict() == {"kind": "unit", "offset": 0.0, "scale": 255.0}


def test_unit_of_other_images_takes_the_range_of_train_to_zero_and_one():
    images = np.array([[[2.0, 4.0]], [[6.0, 10.0]], [[0.0, 99.0]]])
    scaling, rows = fit("unit", images, train=[0, 1])
    np.testing.assert_allclose(scaling.apply(rows)[:2], [[0, 0.25], [0.5, 1]])
    assert scaling.apply(rows)[2, 1] > 1  # what lies outside train's range stays outside


def test_unit_of_tables_is_fitted_per_column():
    scaling, rows = fit("unit", [[1.0, 100.0], [2.0, 300.0], [3.0, 200.0]])
    np.testing.assert_allclose(scaling.apply(rows), [[0, 0], [0.5, 1], [1, 0.5]])
    assert scaling.as_dict() == {"kind": "unit"}


def test_standard_gives_every_column_of_a_table_mean_zero_and_deviation_one():
    table = np.random.default_rng(0).normal(size=(500, 3)) * [1, 1e6, 1e-6] + [0, 1e9, 5]
    scaling, rows = fit("standard", table)
    scaled = scaling.apply(rows)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-6)


def test_standard_of_images_keeps_the_contrast_between_pixels():
    images = np.random.default_rng(0).normal(size=(500, 1, 2)) * [1, 10]
    scaling, rows = fit("standard", images)
    scaled = scaling.apply(rows)
    assert scaling.offset.shape == (1,)
    assert scaled.std(axis=0)[1] == pytest.approx(10 * scaled.std(axis=0)[0], rel=0.1)


@pytest.mark.parametrize("kind", ["unit", "standard"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 + 0.1, -7.0])
def test_a_constant_column_is_only_shifted(kind, value):
    table = np.stack([np.full(999, value), np.arange(999.0)], axis=1)
    scaling, rows = fit(kind, table)
    assert scaling.scale[0] == 1
    np.testing.assert_allclose(scaling.apply(rows)[:, 0], 0, atol=1e-6)


@pytest.mark.parametrize("kind", ["unit", "standard"])
def test_only_train_is_looked_at(kind):
    table = np.random.default_rng(0).normal(size=(50, 3))
    changed = table.copy()
    changed[30:] *= 1000
    one, _ = fit(kind, table, train=range(30))
    two, _ = fit(kind, changed, train=range(30))
    np.testing.assert_array_equal(one.offset, two.offset)
    np.testing.assert_array_equal(one.scale, two.scale)


@pytest.mark.parametrize("kind", ["none", "unit", "standard"])
@pytest.mark.parametrize("dtype", ["?", "u1", "i2", "u8", "f2", "f8"])
def test_scaling_can_be_undone(kind, dtype):
    array = np.random.default_rng(0).integers(0, 2, (40, 3)).astype(dtype)
    scaling, rows = fit(kind, array)
    back = scaling.apply(rows) * scaling.scale + scaling.offset
    np.testing.assert_allclose(back, array.astype("f8"), atol=1e-6)
