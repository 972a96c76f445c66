import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from core.evaluation.retrieval import evaluate_retrieval, nearest_objects

SIMILARITY_CC = np.array(
    [[1.0, 0.75, 0.0, 0.25], [0.0, 1.0, 0.5, 0.0], [0.0, 0.0, 1.0, 0.0], [0.9, 0.6, 0.3, 1.0]]
)


def objects(seed=0, count=90, noise=0.7):
    rng = np.random.default_rng(seed)
    centre_CD = np.random.default_rng(7).normal(size=(4, 6))
    label_N = rng.integers(0, 4, count)
    return centre_CD[label_N] + rng.normal(scale=noise, size=(count, 6)), label_N


def naive(query, query_label, gallery, gallery_label, itself):
    """One query at a time, by the definitions."""
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)  # noqa: E731
    cosine = unit(query) @ unit(gallery).T
    figures = []
    for q, label in enumerate(query_label):
        others = np.array([g for g in range(len(gallery)) if not (itself and g == q)])
        order = others[np.argsort(-cosine[q, others])]
        hit = gallery_label[order] == label
        total = hit.sum()
        if not total:
            continue
        precision_at = [hit[: i + 1].mean() if hit[i] else 0.0 for i in range(total)]
        gains = SIMILARITY_CC[label, gallery_label[others]]
        ndcg = ndcg_score([gains], [cosine[q, others]], ignore_ties=True)
        figures.append([hit[0], hit[:5].any(), sum(precision_at) / total, ndcg])
    return np.mean(figures, axis=0), len(figures)


def as_tuple(found):
    return (found.recall_at_1, found.recall_at_5, found.map_at_r, found.ndcg)


@pytest.mark.parametrize("elements", [1 << 20, 1000])
def test_agrees_with_a_naive_loop_and_scikit_learn(monkeypatch, elements):
    monkeypatch.setattr("core.evaluation.retrieval._CHUNK_ELEMENTS", elements)
    embedding_ND, label_N = objects()
    expected, queries = naive(embedding_ND, label_N, embedding_ND, label_N, itself=True)
    found = evaluate_retrieval(embedding_ND, label_N, SIMILARITY_CC)
    assert found.queries == queries
    assert as_tuple(found) == pytest.approx(tuple(expected), abs=1e-9)


def test_a_separate_gallery_and_queries_without_anything_to_find():
    embedding_ND, label_N = objects()
    gallery_GD, gallery_label_G = objects(1, 60)
    gallery_GD, gallery_label_G = (x[gallery_label_G != 2] for x in (gallery_GD, gallery_label_G))
    expected, queries = naive(embedding_ND, label_N, gallery_GD, gallery_label_G, itself=False)
    found = evaluate_retrieval(
        np.r_[embedding_ND, [[1.0] * 6]],
        np.r_[label_N, -1],
        SIMILARITY_CC,
        gallery_GD=np.r_[gallery_GD, embedding_ND[:3]],
        gallery_label_G=np.r_[gallery_label_G, -1, -1, -1],
    )
    assert found.queries == queries == (label_N != 2).sum()
    assert as_tuple(found) == pytest.approx(tuple(expected), abs=1e-9)


def test_hand_worked_case():
    angle = np.deg2rad([0.0, 10.0, 25.0, 45.0])
    embedding_ND = np.c_[np.cos(angle), np.sin(angle)]
    found = evaluate_retrieval(embedding_ND, np.array([0, 1, 0, 0]), np.eye(2))
    # query 0: other, own, own; query 2: other, own, own; query 3: own, other, own
    assert found.queries == 3
    assert found.recall_at_1 == pytest.approx(1 / 3)
    assert found.recall_at_5 == 1.0
    assert found.map_at_r == pytest.approx((0.25 + 0.25 + 0.5) / 3)


def test_a_collapsed_encoder_scores_its_worst():
    found = evaluate_retrieval(np.ones((20, 3)), np.repeat([0, 1], 10), np.eye(2))
    assert (found.recall_at_1, found.recall_at_5) == (0.0, 0.0)


def test_nothing_to_find():
    found = evaluate_retrieval(np.eye(3), np.arange(3), np.eye(3))
    assert as_tuple(found) == (None,) * 4
    assert found.to_json()["queries"] == 0
    empty = evaluate_retrieval(np.zeros((0, 3)), np.zeros(0, np.int64), np.eye(3))
    assert empty.queries == 0


def test_nearest_objects():
    index_K, cosine_K = nearest_objects(
        np.array([2.0, 0.0]), np.array([[0.0, 1.0], [5.0, 0.0], [1.0, 1.0], [1.0, 0.0]]), 3
    )
    assert index_K.tolist() == [1, 3, 2]
    np.testing.assert_allclose(cosine_K, [1, 1, np.sqrt(0.5)])
