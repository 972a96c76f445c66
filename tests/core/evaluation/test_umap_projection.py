import importlib.util
import sys

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from core.errors import AkinError
from core.evaluation.umap_projection import umap, umap_of_epochs

HAS_UMAP = importlib.util.find_spec("umap") is not None
needs_umap = pytest.mark.skipif(not HAS_UMAP, reason="umap-learn is not installed")


def clusters(share=1.0, count=60):
    label_N = np.repeat([0, 1, 2], count // 3)
    noise = np.random.default_rng(0).normal(scale=0.2, size=(count, 6))
    return np.eye(3, 6)[label_N] * share + noise


def test_without_umap_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(AkinError, match="UMAP is not installed") as caught:
        umap(clusters())
    assert caught.value.hint == "Install it with: pip install umap-learn"


@needs_umap
def test_neighbours_stay_neighbours_and_it_repeats_itself():
    found = umap(clusters())
    assert found.explained_K is None
    assert trustworthiness(clusters(), found.points_NK, n_neighbors=8, metric="cosine") > 0.8
    np.testing.assert_array_equal(umap(clusters()).points_NK, found.points_NK)


@needs_umap
def test_epochs_follow_their_neighbours():
    epochs = [clusters(share) for share in (0.0, 0.5, 1.0)]
    told = []
    found = umap_of_epochs(epochs, progress=lambda *at: told.append(at))
    assert told == [(1, 3), (2, 3)]
    assert [picture.points_NK.shape for picture in found] == [(60, 2)] * 3
    away = np.linalg.norm(found[1].points_NK - found[2].points_NK, axis=1).mean()
    alone = umap(epochs[1], seed=5).points_NK
    assert away < np.linalg.norm(alone - found[2].points_NK, axis=1).mean()
    assert len(umap_of_epochs(epochs, should_stop=lambda: True)) == 1
