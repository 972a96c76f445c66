"""Confusion matrices for people: what is counted, and classes in an order that shows it.

Shape suffixes: N objects, C classes, R rows, K columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]


def cell_counts(row_N: IntArray, column_N: IntArray, rows: int, columns: int) -> IntArray:
    """Counts objects by cell.

    Args:
        row_N: Row of each object; -1: counted nowhere.
        column_N: Column of each object; -1: counted nowhere.
        rows: R.
        columns: K.

    Returns:
        counts_RK, int64.
    """
    row_N, column_N = np.asarray(row_N), np.asarray(column_N)
    kept = (row_N >= 0) & (column_N >= 0)
    cell_N = row_N[kept] * columns + column_N[kept]
    return np.bincount(cell_N, minlength=rows * columns).reshape(rows, columns).astype(np.int64)


def cluster_order(counts_CC: IntArray) -> IntArray:
    """Orders classes so that those confused with each other stand together.

    Average linkage on 1 - the mean of the two shares in which a pair is confused, leaves ordered
    by Bar-Joseph et al. 2001, "Fast optimal leaf ordering for hierarchical clustering" (SciPy).

    Args:
        counts_CC: Rows true, columns predicted.

    Returns:
        order_C: Class indices.
    """
    counts = np.asarray(counts_CC, dtype=np.float64)
    share_CC = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return _leaves(1.0 - (share_CC + share_CC.T) / 2, "average")


def ranking_clusters(similarity_CC: Floats) -> tuple[tuple[int, ...], ...]:
    """Groups classes that the ranking connects, in either direction and by any path.

    Args:
        similarity_CC: The ranking: row = anchor, 0 for negatives.

    Returns:
        Class indices, cluster by cluster; within one, the most similar stand together (single
        linkage on 1 - the larger of a pair's two similarities). Largest cluster first.
    """
    similarity = np.asarray(similarity_CC, dtype=np.float64)
    alike_CC = np.maximum(similarity, similarity.T)
    clusters: list[list[int]] = []
    for label in _leaves(1.0 - alike_CC, "single").tolist():
        linked = [c for c in clusters if alike_CC[label, c].max() > 0]
        clusters = [c for c in clusters if c not in linked]
        clusters.append([member for cluster in linked for member in cluster] + [label])
    return tuple(tuple(cluster) for cluster in sorted(clusters, key=lambda c: (-len(c), min(c))))


def _leaves(distance_CC: npt.NDArray[np.float64], method: str) -> IntArray:
    from scipy.cluster.hierarchy import leaves_list, linkage  # noqa: PLC0415 (slow to import)
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    if len(distance_CC) < 3:
        return np.arange(len(distance_CC), dtype=np.int64)
    distance = np.maximum(distance_CC, 0.0)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method, optimal_ordering=True)
    return np.asarray(leaves_list(tree), dtype=np.int64)
