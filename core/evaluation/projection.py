"""Embeddings in the plane, turned so that points move little from one epoch to the next.

Shape suffixes: N objects, D embedding, K dimensions of the picture (2), E epochs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]

# Exaggeration and iterations; scikit-learn allows no fewer than 250.
_TSNE_STAGES = ((12.0, 250), (1.0, 500), (1.0, 500))
_ITERATIONS_OF_A_NEIGHBOUR = 250


@dataclass(frozen=True, eq=False)
class Projection:
    """Points of a picture.

    Attributes:
        points_NK: Coordinates, centred, float64.
        explained_K: Share of the variance along each axis of a PCA, before it was turned to meet
            the previous picture; None for t-SNE, whose axes mean nothing.
    """

    points_NK: FloatArray
    explained_K: FloatArray | None


def pca(
    embedding_ND: Floats, *, dimensions: int = 2, previous_NK: Floats | None = None
) -> Projection:
    """Projects onto the axes of largest variance.

    Args:
        embedding_ND: N >= 1 objects.
        dimensions: K, at most D.
        previous_NK: An earlier picture of the same objects: this one is turned and mirrored to
            meet it. None: each axis points where its largest coefficient is positive.
    """
    rows = np.asarray(embedding_ND, dtype=np.float64)
    centred = rows - rows.mean(axis=0)
    axes_DK, explained = _pca_axes(centred, dimensions)
    points = centred @ axes_DK
    if previous_NK is not None:
        points = aligned(points, previous_NK)
    return Projection(points, explained)


def _pca_axes(centred_ND: FloatArray, dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Returns the axes, D x K, and the share of the variance along each."""
    value_D, axes_DD = np.linalg.eigh(centred_ND.T @ centred_ND / len(centred_ND))
    axes_DK = axes_DD[:, ::-1][:, :dimensions]
    largest = np.abs(axes_DK).argmax(axis=0)
    axes_DK = axes_DK * np.where(axes_DK[largest, np.arange(axes_DK.shape[1])] < 0, -1.0, 1.0)
    total = max(float(value_D.sum()), np.finfo(np.float64).tiny)
    return axes_DK, np.clip(value_D[::-1][:dimensions] / total, 0.0, 1.0)


def tsne(
    embedding_ND: Floats,
    *,
    dimensions: int = 2,
    perplexity: float = 30.0,
    seed: int = 0,
    previous_NK: Floats | None = None,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Projection:
    """Projects with scikit-learn's t-SNE (van der Maaten and Hinton 2008), from a PCA start.

    It runs in stages, each from where the last one ended, so that it can be watched and stopped:
    one with early exaggeration and two without, 1,250 iterations in all (scikit-learn's single
    call makes 1,000).

    Args:
        embedding_ND: N >= 3 objects; cosine distances are taken.
        dimensions: K.
        perplexity: Lowered to (N - 1) / 3 where there are few objects.
        seed: For the same picture again.
        previous_NK: An earlier picture of the same objects, from which this one starts and to
            which it is turned.
        progress: Told the iterations done and their total.
        should_stop: Asked between stages; once true, the picture is returned as it is.
    """
    rows = np.asarray(embedding_ND, dtype=np.float64)
    start = pca(rows, dimensions=dimensions).points_NK if previous_NK is None else previous_NK
    start = np.asarray(start, dtype=np.float64)
    spread = max(float(start.std(axis=0).max()), np.finfo(np.float64).tiny)
    points = start / spread * 1e-4
    done, total = 0, sum(iterations for _, iterations in _TSNE_STAGES)
    for exaggeration, iterations in _TSNE_STAGES:
        progress(done, total)
        if should_stop():
            break
        points = _tsne_from(points, rows, exaggeration, iterations, perplexity, seed)
        done += iterations
    progress(done, total)
    points -= points.mean(axis=0)
    return Projection(points if previous_NK is None else aligned(points, previous_NK), None)


def pca_of_epochs(
    embedding_END: Sequence[Floats], *, dimensions: int = 2
) -> tuple[Projection, ...]:
    """Projects every epoch onto the axes of the last, so that only the objects move.

    Args:
        embedding_END: E >= 1 epochs of the same objects, in order.
        dimensions: K, at most D.

    Returns:
        One picture an epoch, all around the mean of the last; the explained share is that of the
        epoch's own variance.
    """
    last = np.asarray(embedding_END[-1], dtype=np.float64)
    mean_D = last.mean(axis=0)
    axes_DK = _pca_axes(last - mean_D, dimensions)[0]
    found = []
    for embedding_ND in embedding_END:
        rows = np.asarray(embedding_ND, dtype=np.float64)
        points = (rows - mean_D) @ axes_DK
        total = max(float(rows.var(axis=0).sum()), np.finfo(np.float64).tiny)
        found.append(Projection(points, np.clip(points.var(axis=0) / total, 0.0, 1.0)))
    return tuple(found)


def tsne_of_epochs(
    embedding_END: Sequence[Floats],
    *,
    perplexity: float = 30.0,
    seed: int = 0,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Projection, ...]:
    """Makes the last epoch's t-SNE, then each earlier one from where its neighbour's points are.

    Args:
        embedding_END: E >= 1 epochs of the same N >= 3 objects, in order.
        perplexity: As in `tsne`.
        seed: For the same pictures again.
        progress: Told the iterations done and their total.
        should_stop: Asked between stages; once true, the last epochs alone are returned.

    Returns:
        One picture an epoch, each turned to meet the next.
    """
    first = sum(iterations for _, iterations in _TSNE_STAGES)
    total = first + _ITERATIONS_OF_A_NEIGHBOUR * (len(embedding_END) - 1)
    last = tsne(
        embedding_END[-1],
        perplexity=perplexity,
        seed=seed,
        progress=lambda done, _: progress(done, total),
        should_stop=should_stop,
    )
    found = [last]
    for embedding_ND in reversed(embedding_END[:-1]):
        if should_stop():
            break
        rows = np.asarray(embedding_ND, dtype=np.float64)
        start = found[-1].points_NK
        points = _tsne_from(start, rows, 1.0, _ITERATIONS_OF_A_NEIGHBOUR, perplexity, seed)
        found.append(Projection(aligned(points, start), None))
        progress(first + _ITERATIONS_OF_A_NEIGHBOUR * (len(found) - 1), total)
    return tuple(reversed(found))


def _tsne_from(
    start_NK: FloatArray,
    rows: FloatArray,
    exaggeration: float,
    iterations: int,
    perplexity: float,
    seed: int,
) -> FloatArray:
    from sklearn.manifold import TSNE  # noqa: PLC0415 (slow to import)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    model = TSNE(
        n_components=start_NK.shape[1],
        perplexity=min(perplexity, (len(rows) - 1) / 3),
        init=start_NK.astype(np.float32),
        metric="cosine",
        random_state=seed,
        early_exaggeration=exaggeration,
        learning_rate=max(len(rows) / _TSNE_STAGES[0][0] / 4, 50.0),
        max_iter=iterations,
    )
    # One thread: several spin while they wait, five times slower on a busy machine.
    with threadpool_limits(1, user_api="openmp"):
        return np.asarray(model.fit_transform(rows), dtype=np.float64)


def aligned(points_NK: Floats, previous_NK: Floats) -> FloatArray:
    """Turns and mirrors points, without scaling, as near as possible to earlier ones.

    The orthogonal Procrustes problem (Schönemann 1966). The result is centred on the earlier
    points' centre.
    """
    points = np.asarray(points_NK, dtype=np.float64)
    previous = np.asarray(previous_NK, dtype=np.float64)
    if points.shape != previous.shape:
        raise ValueError("the earlier picture must be of the same objects")
    centre = previous.mean(axis=0)
    points = points - points.mean(axis=0)
    u, _, vt = np.linalg.svd(points.T @ (previous - centre))
    result: FloatArray = points @ (u @ vt) + centre
    return result
