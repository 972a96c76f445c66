from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors

from core.evaluation.projection import aligned, pca, pca_of_epochs, tsne, tsne_of_epochs


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


def growing_clusters(epochs=6, count=90):
    """Three classes that part from epoch to epoch, in a space that mirrors nothing."""
    rng = np.random.default_rng(0)
    label_N = np.repeat([0, 1, 2], count // 3)
    noise = rng.normal(scale=0.25, size=(count, 8))
    return label_N, [np.eye(3, 8)[label_N] * share + noise for share in np.linspace(0, 1, epochs)]


def motion(pictures):
    """How far points go from one picture to the next, in units of the pictures' spread."""
    spread = np.mean([points.std() for points in pictures])
    steps = [np.linalg.norm(b - a, axis=1).mean() for a, b in pairwise(pictures)]
    return np.mean(steps) / spread


def test_pca_of_epochs_has_the_axes_of_the_last():
    _, epochs = growing_clusters()
    model = PCA(2).fit(epochs[-1])
    found = pca_of_epochs(epochs)
    np.testing.assert_allclose(found[-1].points_NK, pca(epochs[-1]).points_NK, atol=1e-9)
    for rows, picture in zip(epochs, found, strict=True):
        expected = model.transform(rows)
        np.testing.assert_allclose(np.abs(picture.points_NK), np.abs(expected), atol=1e-9)
        share = expected.var(axis=0) / rows.var(axis=0).sum()
        np.testing.assert_allclose(picture.explained_K, share, rtol=1e-9)
    apart = motion([pca(rows).points_NK for rows in epochs])
    assert motion([picture.points_NK for picture in found]) < 0.7 * apart


def test_tsne_of_epochs_moves_less_than_pictures_made_apart_and_keeps_neighbours():
    label_N, epochs = growing_clusters()
    found = [picture.points_NK for picture in tsne_of_epochs(epochs, perplexity=15)]
    assert len(found) == len(epochs)
    apart = [tsne(rows, perplexity=15, seed=at).points_NK for at, rows in enumerate(epochs)]
    assert motion(found) < 0.5 * motion(apart)
    for rows, points, alone in zip(epochs, found, apart, strict=True):
        kept = trustworthiness(rows, points, n_neighbors=8, metric="cosine")
        assert kept > trustworthiness(rows, alone, n_neighbors=8, metric="cosine") - 0.05
    near = NearestNeighbors(n_neighbors=6).fit(found[-1]).kneighbors()[1]
    assert (label_N[near] == label_N[:, None]).mean() > 0.9


def test_tsne_of_epochs_tells_its_progress_and_stops_when_asked():
    _, epochs = growing_clusters(epochs=3, count=12)
    told = []
    assert len(tsne_of_epochs(epochs, progress=lambda *at: told.append(at))) == 3
    assert told == [(n, 1750) for n in (0, 250, 750, 1250, 1500, 1750)]
    told.clear()
    stopped = tsne_of_epochs(
        epochs, progress=lambda *at: told.append(at), should_stop=lambda: (1500, 1750) in told
    )
    assert len(stopped) == 2
