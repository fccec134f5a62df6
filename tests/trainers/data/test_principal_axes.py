import numpy as np
import pytest

from trainers.data.principal_axes import fit_axes


@pytest.fixture(scope="module")
def samples():
    stream = np.random.default_rng(0)
    turn = np.linalg.qr(stream.normal(size=(60, 60)))[0]
    spread = 0.8 ** np.arange(60)
    return (stream.normal(size=(3000, 60)) * spread @ turn + 0.5).astype(np.float32)


def test_axes_agree_with_a_singular_value_decomposition(samples):
    axes = fit_axes(samples)
    centred = samples.astype(float) - samples.astype(float).mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(axes.eigenvalues, singular**2 / len(samples), rtol=1e-6, atol=1e-9)
    assert axes.variance == pytest.approx(np.square(centred).sum() / len(samples))


def test_errors_of_every_latent_size_are_those_of_the_explicit_reconstruction(samples):
    axes = fit_axes(samples[:2000])
    other = samples[2000:].astype(float)
    errors = axes.unclipped_errors(samples[2000:])
    assert len(errors) == 61
    for count in (0, 1, 7, 60):
        kept = axes.axes[:, :count].astype(float)
        back = axes.mean + (other - axes.mean) @ kept @ kept.T
        assert errors[count] == pytest.approx(np.square(back - other).mean(), abs=1e-9)


def test_errors_on_train_are_the_eigenvalues_left_out(samples):
    axes = fit_axes(samples)
    errors = axes.unclipped_errors(samples)
    left = axes.variance - np.concatenate([[0], np.cumsum(axes.eigenvalues)])
    np.testing.assert_allclose(errors, np.maximum(left, 0) / 60, atol=1e-8)


def test_clipping_to_a_range_that_holds_all_changes_nothing(samples):
    axes = fit_axes(samples)
    clipped = axes.clipped_error(samples, 5, -100, 100)
    assert clipped == pytest.approx(axes.unclipped_errors(samples)[5])


def test_clipping_to_the_range_of_the_samples_never_hurts(samples):
    axes = fit_axes(samples)
    clipped = axes.clipped_error(samples, 5, float(samples.min()), float(samples.max()))
    assert clipped <= axes.unclipped_errors(samples)[5] + 1e-12


def test_wide_samples_are_iterated_to_the_same_axes(samples):
    exact = fit_axes(samples, 10)
    iterated = fit_axes(samples, 10, exact_features=10)
    np.testing.assert_allclose(iterated.eigenvalues, exact.eigenvalues, rtol=1e-6)
    np.testing.assert_allclose(
        iterated.unclipped_errors(samples), exact.unclipped_errors(samples), rtol=1e-6
    )
    assert iterated.variance == pytest.approx(exact.variance)


def test_fewer_samples_than_features_leave_nothing_to_explain():
    few = np.random.default_rng(0).random((5, 40)).astype(np.float32)
    errors = fit_axes(few).unclipped_errors(few)
    np.testing.assert_allclose(errors[4:], 0, atol=1e-9)


def test_few_wide_samples_have_the_same_axes_from_their_products(samples):
    few = samples[:50]
    exact = fit_axes(few, 40)
    products = fit_axes(few, 40, exact_features=10)
    np.testing.assert_allclose(products.eigenvalues, exact.eigenvalues, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(
        products.unclipped_errors(samples), exact.unclipped_errors(samples), rtol=1e-5, atol=1e-9
    )
    assert products.variance == pytest.approx(exact.variance)


def test_axes_beyond_the_rank_of_few_samples_explain_nothing():
    few = np.random.default_rng(0).random((5, 40)).astype(np.float32)
    axes = fit_axes(few, 12, exact_features=10)
    assert axes.axes.shape == (40, 12)
    np.testing.assert_array_equal(axes.axes[:, 4:], 0)
    np.testing.assert_allclose(axes.unclipped_errors(few)[4:], 0, atol=1e-9)


def test_equal_samples_have_no_axes_at_all():
    axes = fit_axes(np.ones((5, 40), np.float32), 3, exact_features=10)
    np.testing.assert_array_equal(axes.eigenvalues, 0)
    assert np.isfinite(axes.axes).all()
