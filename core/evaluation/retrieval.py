"""Image matching: does an object find its own class, and classes ranked like it, first?

Shape suffixes: Q queries, G gallery objects, B queries of one block, D embedding, C classes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.evaluation.classification import normalised

Floats = npt.NDArray[np.floating[Any]]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Packed = npt.NDArray[np.int64]

_CODE_BITS = 16
_CHUNK_ELEMENTS = 1 << 21


@dataclass(frozen=True)
class Retrieval:
    """How well queries find objects of their own class.

    Attributes:
        recall_at_1: Share of queries whose nearest object is of their class.
        recall_at_5: Share with one of their class among the nearest five.
        map_at_r: Mean average precision at R, R = objects of the query's class in the gallery
            (Musgrave et al. 2020, "A metric learning reality check", section 3.2).
        ndcg: Mean normalised discounted cumulative gain over the whole gallery; the gain of an
            object is its class's similarity to the query's class in the ranking.
        queries: How many had an object of their class to find; the others are left out.
    """

    recall_at_1: float | None
    recall_at_5: float | None
    map_at_r: float | None
    ndcg: float | None
    queries: int

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as a dictionary."""
        return asdict(self)


def evaluate_retrieval(
    query_QD: Floats,
    query_label_Q: IntArray,
    similarity_CC: Floats,
    *,
    gallery_GD: Floats | None = None,
    gallery_label_G: IntArray | None = None,
) -> Retrieval:
    """Ranks the gallery by cosine for each query and judges the order.

    Memory stays bounded (blocks of about 2 million cosines). Equal cosines count against the
    embedding: the less similar class comes first, so a collapsed encoder scores its worst.

    Args:
        query_QD: Embeddings.
        query_label_Q: Their classes; -1 is left out.
        similarity_CC: The ranking: row = class of the query; the identity for plain labels.
        gallery_GD: Objects to find; None: the queries themselves, each without itself.
        gallery_label_G: Their classes; -1 is left out.
    """
    query_label_Q = np.asarray(query_label_Q)
    kept = query_label_Q >= 0
    label_Q = query_label_Q[kept]
    query = normalised(np.asarray(query_QD)[kept]).astype(np.float32)
    itself = gallery_GD is None or gallery_label_G is None
    gallery, label_G = query, label_Q
    if gallery_GD is not None and gallery_label_G is not None:
        kept_G = np.asarray(gallery_label_G) >= 0
        label_G = np.asarray(gallery_label_G)[kept_G]
        gallery = normalised(np.asarray(gallery_GD)[kept_G]).astype(np.float32)
    code_CC, gain_C = _gain_codes(similarity_CC)
    ideal_C = np.array([_ideal_gain(row_C[label_G], gain_C, itself) for row_C in code_CC])
    sums, queries = np.zeros(4), 0
    block = max(1, _CHUNK_ELEMENTS // max(1, len(gallery)))
    for start in range(0, len(query), block):
        rows = slice(start, start + block)
        cosine_BG = query[rows] @ gallery.T
        own = np.arange(start, start + len(cosine_BG)) if itself else None
        code_BG = _in_order(cosine_BG, code_CC[label_Q[rows]][:, label_G], own)
        figures = _judge(code_BG, gain_C, ideal_C[label_Q[rows]])
        sums += figures.sum(axis=0)
        queries += len(figures)
    if not queries:
        return Retrieval(None, None, None, None, 0)
    one, five, precision, ndcg = (float(x) for x in sums / queries)
    return Retrieval(one, five, precision, ndcg, queries)


def nearest_objects(query_D: Floats, gallery_GD: Floats, count: int) -> tuple[IntArray, FloatArray]:
    """Returns the objects most alike a query, for a page that shows them.

    Returns:
        index_K and cosine_K, most alike first; equal cosines in gallery order.
    """
    cosine_G = normalised(gallery_GD) @ normalised(np.asarray(query_D)[None])[0]
    index_K = np.argsort(-cosine_G, kind="stable")[:count].astype(np.int64)
    return index_K, cosine_G[index_K]


def _gain_codes(similarity_CC: Floats) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Numbers the distinct similarities upwards; the class itself always gets the highest."""
    similarity = np.array(similarity_CC, dtype=np.float64)
    off = ~np.eye(len(similarity), dtype=bool)
    values = np.unique(np.concatenate([[0.0], similarity[off]]))
    gain_C = np.concatenate([values, [1.0]])
    code_CC = np.searchsorted(values, similarity).astype(np.int64)
    np.fill_diagonal(code_CC, len(values))
    assert len(gain_C) < 1 << _CODE_BITS
    return code_CC, gain_C


def _in_order(
    cosine_BG: npt.NDArray[np.float32], code_BG: npt.NDArray[np.int64], own_B: IntArray | None
) -> npt.NDArray[np.int64]:
    """Returns each query's gain codes from the most to the least alike gallery object.

    Cosine and code are packed into one integer each, which sorts several times faster than an
    argsort with a gather.
    """
    bits = (cosine_BG + np.float32(0)).view(np.int32).astype(np.int64)
    ascending = np.where(bits < 0, np.int64(-(2**31)) - bits, bits)
    packed: Packed = (-ascending << _CODE_BITS) | code_BG
    if own_B is not None:
        packed[np.arange(len(packed)), own_B] = np.iinfo(np.int64).max
    packed.sort(axis=1)
    ordered: Packed = packed & ((1 << _CODE_BITS) - 1)
    return ordered[:, :-1] if own_B is not None else ordered


def _ideal_gain(code_G: npt.NDArray[np.int64], gain_C: FloatArray, itself: bool) -> float:
    """Returns the discounted gain of the best order there is (without one object of the class)."""
    gain_G = gain_C[np.sort(code_G)[::-1]][int(itself) :]
    return float(gain_G @ _discounts(len(gain_G)))


def _discounts(count: int) -> FloatArray:
    discount_G: FloatArray = 1.0 / np.log2(np.arange(2.0, count + 2.0))
    return discount_G


def _judge(code_BG: npt.NDArray[np.int64], gain_C: FloatArray, ideal_B: FloatArray) -> FloatArray:
    """Returns R@1, R@5, average precision at R and nDCG of each query that can find its class."""
    hit_BG = code_BG == len(gain_C) - 1
    total_B = hit_BG.sum(axis=1)
    kept_B = total_B > 0
    hit_BG, code_BG, total_B, ideal_B = (x[kept_B] for x in (hit_BG, code_BG, total_B, ideal_B))
    if not len(total_B):
        return np.zeros((0, 4))
    place_G = np.arange(1, hit_BG.shape[1] + 1)
    within_BG = hit_BG & (place_G <= total_B[:, None])
    average_B = (np.cumsum(within_BG, axis=1) / place_G * within_BG).sum(axis=1) / total_B
    gained_B = gain_C[code_BG] @ _discounts(len(place_G))
    return np.stack(
        [hit_BG[:, 0], hit_BG[:, :5].any(axis=1), average_B, gained_B / ideal_B], axis=1
    ).astype(np.float64)
