"""Embeddings in the plane by UMAP, which is an optional extra: umap-learn.

Shape suffixes: N objects, D embedding, K dimensions of the picture (2), E epochs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from core.errors import AkinError
from core.evaluation.projection import FloatArray, Floats, Projection, aligned, pca

NEIGHBOURS = 15
_EPOCHS_OF_A_NEIGHBOUR = 100


def umap(embedding_ND: Floats, *, seed: int = 0, previous_NK: Floats | None = None) -> Projection:
    """Projects by UMAP (McInnes, Healy and Melville 2018) with umap-learn, from a PCA start.

    Args:
        embedding_ND: N >= 4 objects; cosine distances are taken.
        seed: For the same picture again.
        previous_NK: An earlier picture of the same objects, from which this one starts and to
            which it is turned.

    Raises:
        AkinError: If umap-learn is not installed.
    """
    start = pca(embedding_ND).points_NK if previous_NK is None else previous_NK
    points = _umap_from(start, embedding_ND, seed, None)
    return Projection(points if previous_NK is None else aligned(points, previous_NK), None)


def umap_of_epochs(
    embedding_END: Sequence[Floats],
    *,
    seed: int = 0,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Projection, ...]:
    """Makes the last epoch's UMAP, then each earlier one from where its neighbour's points are.

    Args:
        embedding_END: E >= 1 epochs of the same N >= 4 objects, in order.
        seed: For the same pictures again.
        progress: Told the epochs done and their number.
        should_stop: Asked between epochs; once true, the last epochs alone are returned.

    Returns:
        One picture an epoch, each turned to meet the next.
    """
    found = [umap(embedding_END[-1], seed=seed)]
    for embedding_ND in reversed(embedding_END[:-1]):
        progress(len(found), len(embedding_END))
        if should_stop():
            break
        start = found[-1].points_NK
        points = _umap_from(start, embedding_ND, seed, _EPOCHS_OF_A_NEIGHBOUR)
        found.append(Projection(aligned(points, start), None))
    return tuple(reversed(found))


def _umap_from(
    start_NK: Floats, embedding_ND: Floats, seed: int, iterations: int | None
) -> FloatArray:
    model = _umap_class()(
        n_components=start_NK.shape[1],
        n_neighbors=min(NEIGHBOURS, len(embedding_ND) - 1),
        metric="cosine",
        init=np.asarray(start_NK, dtype=np.float32),
        n_epochs=iterations,
        random_state=seed,
        n_jobs=1,
    )
    points = np.asarray(model.fit_transform(np.asarray(embedding_ND, np.float32)), np.float64)
    centred: FloatArray = points - points.mean(axis=0)
    return centred


def _umap_class() -> Any:
    try:
        with warnings.catch_warnings():
            # It regrets that its parametric variant lacks Tensorflow.
            warnings.simplefilter("ignore", ImportWarning)
            from umap import UMAP  # noqa: PLC0415 (optional, and slow to import)
    except ImportError as error:
        raise AkinError(
            "UMAP is not installed.", "Install it with: pip install umap-learn"
        ) from error
    return UMAP
