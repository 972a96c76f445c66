import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors

from core.evaluation.projection import aligned, pca, tsne


def cloud(seed=0, count=60):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 5)) * [5, 3, 1, 0.5, 0.2] + 4.0


def test_pca_agrees_with_scikit_learn_up_to_mirroring():
    model = PCA(2).fit(cloud())
    found = pca(cloud())
    expected = model.transform(cloud())
    np.testing.assert_allclose(np.abs(found.points_NK), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(found.explained_K, model.explained_variance_ratio_, rtol=1e-9)


def test_pca_points_its_axes_the_same_way_whatever_the_order():
    forward = pca(cloud()).points_NK
    np.testing.assert_allclose(pca(cloud()[::-1]).points_NK[::-1], forward, atol=1e-9)


def test_alignment_undoes_a_turn_and_a_mirroring():
    points = pca(cloud()).points_NK
    turn = np.array([[np.cos(2), -np.sin(2)], [np.sin(2), np.cos(2)]]) @ np.diag([1, -1])
    found = aligned(points @ turn + [3, 1], points)
    np.testing.assert_allclose(found, points, atol=1e-9)


def test_alignment_agrees_with_scipy():
    points, previous = cloud(1)[:, :2], cloud(2)[:, :2]
    centred = points - points.mean(axis=0)
    turn, _ = orthogonal_procrustes(centred, previous - previous.mean(axis=0))
    expected = centred @ turn + previous.mean(axis=0)
    np.testing.assert_allclose(aligned(points, previous), expected, atol=1e-9)


def test_pca_follows_an_earlier_picture():
    before = pca(cloud()).points_NK
    moved = cloud() + np.random.default_rng(3).normal(scale=0.05, size=(60, 5))
    after = pca(-moved, previous_NK=before).points_NK
    assert np.abs(after - before).max() < 0.3


def test_alignment_needs_the_same_objects():
    with pytest.raises(ValueError, match="same objects"):
        aligned(np.zeros((3, 2)), np.zeros((4, 2)))


def test_equal_embeddings_fall_on_one_point():
    found = pca(np.ones((4, 3)))
    np.testing.assert_array_equal(found.points_NK, np.zeros((4, 2)))
    np.testing.assert_array_equal(found.explained_K, [0, 0])


def test_tsne_keeps_groups_together_and_repeats_itself():
    label_N = np.repeat([0, 1, 2], 20)
    rows = np.eye(3)[label_N] + np.random.default_rng(0).normal(scale=0.05, size=(60, 3))
    found = tsne(rows, perplexity=10)
    near = NearestNeighbors(n_neighbors=6).fit(found.points_NK).kneighbors()[1]
    assert (label_N[near] == label_N[:, None]).mean() > 0.95
    np.testing.assert_array_equal(tsne(rows, perplexity=10).points_NK, found.points_NK)
    few = tsne(rows[[0, 20, 40, 1]], previous_NK=found.points_NK[[0, 20, 40, 1]])
    assert few.points_NK.shape == (4, 2)


def test_tsne_tells_its_progress_and_stops_when_asked():
    rows = cloud(count=12)
    told = []
    tsne(rows, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 1250), (250, 1250), (750, 1250), (1250, 1250)]
    told.clear()
    stopped = tsne(
        rows,
        progress=lambda done, total: told.append((done, total)),
        should_stop=lambda: len(told) > 1,
    )
    assert told == [(0, 1250), (250, 1250), (250, 1250)]
    assert stopped.points_NK.shape == (12, 2)
    assert np.isfinite(stopped.points_NK).all()


def test_tsne_in_stages_is_as_good_as_in_one_call():
    label_N = np.repeat(np.arange(4), 25)
    rows = np.eye(8)[label_N] + np.random.default_rng(0).normal(scale=0.2, size=(100, 8))
    once = TSNE(init="pca", perplexity=20, metric="cosine", random_state=0).fit_transform(rows)
    staged = tsne(rows, perplexity=20).points_NK
    assert trustworthiness(rows, staged, metric="cosine") > (
        trustworthiness(rows, once, metric="cosine") - 0.01
    )
